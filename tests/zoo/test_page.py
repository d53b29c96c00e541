"""docs/zoo.md is what the files of models/ say, and what it says of an architecture holds."""

import pytest
import torch
from torch import nn

from models import ARCHITECTURES, Prediction
from models.blocks.hyperparameters import Hyperparameters, tunable
from models.stems import STEMS
from pipelines.tasks import TASKS
from pipelines.zoo import __main__ as command
from pipelines.zoo.descriptions import read_comments, read_description
from pipelines.zoo.drawing import draw_network
from pipelines.zoo.page import PHRASES, TASKS_OF_PREDICTION, phrases_of, tasks_of, write_page
from tests.support import architecture_cases as cases
from tests.support.pages import ROOT

TOY_PROBLEMS: dict[Prediction, cases.ToyProblem] = {
    "classes": cases.CLASSIFICATION,
    "numbers": cases.REGRESSION,
    "pixel classes": cases.SEGMENTATION,
}


def test_the_page_is_what_its_command_writes() -> None:
    page = write_page()
    assert (ROOT / command.PAGE).read_text(encoding="utf-8") == page, "run python -m pipelines.zoo"
    assert page.count("**When to choose it**") == page.count("**Initial weights**") == len(ARCHITECTURES)


def test_every_stem_and_every_task_has_its_words() -> None:
    assert list(PHRASES) == list(STEMS)
    assert {task for tasks in TASKS_OF_PREDICTION.values() for task in tasks} == set(TASKS)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_file_names_its_source_with_an_address_and_a_year(name: str) -> None:
    sources = read_description(name).sources
    assert "http" in sources
    assert any(str(year) in sources for year in range(1900, 2030))


@pytest.mark.parametrize(
    ("name", "prediction"),
    [(name, one) for name, row in ARCHITECTURES.items() for one in row.predicts if one in TOY_PROBLEMS],
)
def test_an_architecture_learns_from_targets_of_what_it_predicts(name: str, prediction: Prediction) -> None:
    shape = cases.INPUT_SHAPES[ARCHITECTURES[name].input_type][1]
    network = cases.new_network(name, shape)
    x, problem = cases.make_examples(shape, 48), TOY_PROBLEMS[prediction]
    if ARCHITECTURES[name].learner == "closed_form":
        network.fit(x, problem.make_target(x), 0)
        assert network.eval()(x).isfinite().all()
    else:
        assert problem.loss(network, x, problem.make_target(x)).isfinite()


@pytest.mark.parametrize("name", [name for name, row in ARCHITECTURES.items() if row.learner == "closed_form"])
def test_what_is_solved_refuses_targets_of_what_it_does_not_predict(name: str) -> None:
    row = ARCHITECTURES[name]
    if "classes" in row.predicts or "anomaly scores" in row.predicts:
        return
    shape = cases.INPUT_SHAPES[row.input_type][1]
    x = cases.make_examples(shape, 48)
    with pytest.raises(ValueError, match=r"predicts|generates|fitted|class"):
        cases.new_network(name, shape).fit(x, torch.arange(48) % cases.HEAD_WIDTH, 0)


def test_forecasts_are_for_what_reads_series() -> None:
    assert "forecasting" in tasks_of("patch_transformer")
    assert "series and sequences (as images of one pixel's width)" in phrases_of("patch_transformer")
    assert tasks_of("resnet") == ["classification", "regression"]
    assert phrases_of("resnet") == ["images", "recordings (their spectrogram as an image)"]
    assert tasks_of("unet") == ["segmentation"]


def test_a_drawing_shows_shapes_repeats_and_what_a_block_holds_once() -> None:
    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 3, 3, padding=1, bias=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.layer(x)

    network = nn.Sequential(
        nn.Sequential(Block(), Block(), nn.MaxPool2d(2), Block(), nn.Dropout()),
        nn.Flatten(),
        nn.Linear(12, 5),
        nn.ReLU(),
    )
    assert draw_network(network, (3, 4, 4)).splitlines() == [
        "input   3 x 4 x 4",
        "┌────────────────────────┐",
        "│ 2 x Block              │ 3 x 4 x 4",
        "│   Conv2d 3x3           │",
        "├────────────────────────┤",
        "│ MaxPool2d 2x2 stride 2 │ 3 x 2 x 2",
        "├────────────────────────┤",
        "│ Block                  │ 3 x 2 x 2",
        "├────────────────────────┤",
        "│ Flatten                │ 12",
        "├────────────────────────┤",
        "│ Linear, ReLU           │ 5",
        "└────────────────────────┘",
        "output  5",
    ]


def test_a_setting_without_a_comment_is_named() -> None:
    class Config(Hyperparameters):
        width: int = tunable(4, 1, 8)  # units
        depth: int = tunable(2, 1, 4)

    with pytest.raises(ValueError, match=r"Config\.depth needs a comment"):
        read_comments(Config)
