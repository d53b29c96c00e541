"""A proposal can be added as it is: its settings are accepted, its contenders suit the data, its time is measured."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from models import ARCHITECTURES
from pipelines.proposals import training_time
from pipelines.proposals.contenders import ENTRANTS, TITLES
from pipelines.proposals.params_entries import insert_entries
from pipelines.proposals.proposal import TIME_LIMIT, Proposal, build_proposal, choose_effort
from pipelines.proposals.source_proposal import ColumnSummary, Wishes
from pipelines.proposals.training_time import Effort, TrainingTime, estimate_seconds
from pipelines.runtime.user_error import UserError
from pipelines.settings.jobs import check_params
from pipelines.settings.params import Defaults, load_params
from pipelines.sources.kinds import load_dataset
from pipelines.splitting.split import split_dataset
from pipelines.tasks import TASKS
from tests.support.data_files import CASES, save_picture, write_csv

DEFAULTS = Defaults()
START = "seed: 1\nproblems: {}\ncontenders: {}\n"


@pytest.fixture(autouse=True)
def _measure_briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings are timed roughly: nothing here looks at the seconds."""
    monkeypatch.setattr(training_time, "MEASURED_SECONDS", 0.02)


def likely(columns: Sequence[ColumnSummary], target: str | None) -> str:
    return str(target)


def propose(place: Path, target: str | None) -> Proposal:
    return build_proposal("mine", str(place), Wishes(target, None, {}, likely), DEFAULTS, workers=2)


@pytest.mark.parametrize("name", CASES)
def test_what_is_proposed_is_accepted_and_can_be_split(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    found = propose(case.write(tmp_path), case.target)
    (tmp_path / "params.yaml").write_text(insert_entries(START, found.entries))
    params = load_params(tmp_path / "params.yaml")
    check_params(params)
    problem = params.problems["mine"]
    assert (problem.task.kind, problem.split.by) == (case.task, case.split)
    assert found.settings["source"].items() >= case.source.items()
    data = load_dataset(problem.source, tmp_path)
    assert len(data.part.target) == found.examples
    split_dataset(data, problem.split, 1, can_fold=TASKS[case.task].can_average)
    assert found.seconds is not None, "every contender could be trained on the sample"
    assert len(found.contenders) >= 2


def test_a_refusal_that_a_setting_lifts_is_said(tmp_path: Path) -> None:
    found = propose(CASES["series"].write(tmp_path), "load")
    assert any(reason.startswith("With repeats: mean, because ") for reason in found.reasons)
    assert found.settings["task"] == {"kind": "forecasting", "season": 24}


def test_pictures_of_one_class_are_generated(tmp_path: Path) -> None:
    for number in range(30):
        save_picture(tmp_path / f"{number}.png", np.random.default_rng(number).integers(0, 256, (8, 8)))
    assert propose(tmp_path, None).settings["task"] == "generation"


def test_a_target_that_never_changes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x,y\n" + "".join(f"{row}.5,a\n" for row in range(30)))
    with pytest.raises(UserError, match="every example is of one class"):
        propose(tmp_path / "a.csv", "y")


def test_classes_are_counted_and_findings_listed(tmp_path: Path) -> None:
    found = propose(write_csv(tmp_path), "sold")
    assert sum(found.counts["class"].values()) == 120
    assert any("code" in finding.sentence for finding in found.findings)  # which is an id
    assert "fine" not in {finding.level for finding in found.findings}


def test_every_entrant_is_an_architecture_whose_fixes_it_knows() -> None:
    assert {task for task, _ in ENTRANTS} == set(TITLES)
    for entrants in ENTRANTS.values():
        for entrant in entrants:
            assert set(entrant.fix) <= set(ARCHITECTURES[entrant.architecture].config.model_fields)


def test_what_takes_long_is_searched_less() -> None:
    def effort(row_seconds: float) -> Effort:
        taken = {"mlp": TrainingTime(0.0, row_seconds, is_closed_form=False, uses_seed=True)}
        return choose_effort(taken, DEFAULTS, 0, 5000, workers=2)

    assert effort(1e-6) == Effort(DEFAULTS.tune.trials, 3, is_folded=False, epochs=40, min_steps=1000, max_steps=50_000)
    assert effort(4e-4).trials < DEFAULTS.tune.trials
    assert effort(1e-3) == Effort(4, 3, is_folded=False, epochs=10, min_steps=500, max_steps=12_500)
    assert effort(1.0).epochs == 5, "longer than the limit, and the shortest that is proposed"


def test_time_grows_with_trials_and_rows_and_shrinks_with_workers() -> None:
    network = TrainingTime(0.1, 1e-4, is_closed_form=False, uses_seed=True)
    effort = Effort(trials=12, members=3, is_folded=False, epochs=40, min_steps=1, max_steps=50_000)

    def seconds(rows: int = 5000, workers: int = 2, taken: TrainingTime = network, effort: Effort = effort) -> float:
        return estimate_seconds(taken, effort, rows, workers)

    assert seconds(10_000) > seconds() > seconds(workers=4)
    assert seconds(effort=effort._replace(trials=4)) < seconds()
    assert seconds(10**7) == pytest.approx(seconds(10**8), rel=0.01)  # no training is longer than max_steps
    solved = network._replace(is_closed_form=True, uses_seed=False)
    assert seconds(taken=solved) < seconds(taken=solved._replace(uses_seed=True)) < TIME_LIMIT
