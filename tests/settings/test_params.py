"""params.yaml is read once, strictly; what is wrong with it is said with its path, its rule and what was found."""

from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from models import ARCHITECTURES
from pipelines.data.folds import HOLDOUT, Folds, write_folds
from pipelines.evaluation.champion_settings import ChampionSettings
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.settings.jobs import check_params, check_ship
from pipelines.settings.params import load_params

ROOT = Path(__file__).parents[2]
SAFE_YAML = YAML(typ="safe")


SHIPPED: dict[str, Any] = SAFE_YAML.load(ROOT / "params.yaml")


def shipped() -> dict[str, Any]:
    """A copy, to be changed."""
    return deepcopy(SHIPPED)


def written(folder: Path, content: object) -> Path:
    path = folder / "params.yaml"
    path.write_text(content) if isinstance(content, str) else SAFE_YAML.dump(content, path)
    return path


def changed(*path: str | int, to: object) -> dict[str, Any]:
    """The shipped params.yaml with one value changed."""
    content = shipped()
    place: Any = content
    for word in path[:-1]:
        place = place.setdefault(word, {})
    place[path[-1]] = to
    return content


def test_the_shipped_file_is_valid_and_every_contender_can_be_searched() -> None:
    params = load_params(ROOT / "params.yaml")
    check_params(params)
    assert params.contender_names("digits")[:3] == ["digits-logistic_regression", "digits-mlp", "digits-lenet5"]
    assert {entry.architecture for entry in params.contenders.values()} == set(ARCHITECTURES), "the whole zoo"


def test_a_problem_departs_from_the_default_champion_rule_by_itself(tmp_path: Path) -> None:
    content = changed("problems", "digits", "champion", to={"margin": 0.01, "cost": "bytes"})
    content["defaults"]["champion"] = {"rule": "one_se"}
    params = load_params(written(tmp_path, content))
    assert params.champion_settings("digits") == ChampionSettings(rule="one_se", margin=0.01, cost="bytes")
    assert params.champion_settings("co2") == ChampionSettings(rule="one_se")


def test_a_contender_departs_from_the_defaults_by_itself(tmp_path: Path) -> None:
    params = load_params(written(tmp_path, changed("contenders", "digits-mlp", "tune", to={"trials": 40})))
    assert params.tune_settings("digits-mlp").trials == 40
    assert params.tune_settings("digits-mlp").generation == params.defaults.tune.generation
    assert params.budget_settings("digits-mlp") == params.defaults.budget
    unet = params.budget_settings("photographs-unet")
    assert (unet.epochs, unet.min_steps, unet.max_steps) == (25, 1, params.defaults.budget.max_steps)
    assert params.tune_settings("digits-lenet5").trials == params.defaults.tune.trials


SLIPS: list[tuple[object, str]] = [
    (changed("sede", to=1), "sede: unknown setting; known here: contenders, defaults, problems, seed"),
    (changed("seed", to="twenty"), "seed: must be a valid integer"),
    (changed("seed", to=-1), "seed: must be greater than or equal to 0, found -1"),
    (changed("defaults", "tune", "trails", to=3), "defaults.tune.trails: unknown setting; known here: generation"),
    (changed("defaults", "tune", "trials", to=0), "defaults.tune.trials: must be greater than or equal to 1, found 0"),
    (
        changed("problems", "digits", "task", to="guessing"),
        "problems.digits.task: kind must be one of classification, regression, forecasting",
    ),
    (
        changed("problems", "digits", "task", to={"kind": "classification", "losss": "hinge"}),
        "problems.digits.task.losss: unknown setting; known here: kind, loss, threshold, weights",
    ),
    (
        changed("problems", "digits", "task", to={"kind": "classification", "loss": "squares"}),
        "problems.digits.task.loss: must be 'cross_entropy', 'binary_cross_entropy', 'hinge' or 'focal', found",
    ),
    (changed("problems", "digits", "task", to={"weights": "balanced"}), "problems.digits.task: kind must be one of"),
    (changed("problems", "digits", "task", to=7), "problems.digits.task: must be settings, each a name and a value"),
    (
        changed("problems", "digits", "tsak", to=1),
        "problems.digits.tsak: unknown setting; known here: augment, champion, goal",
    ),
    (changed("problems", "digits", "split", "vaild", to=0.1), "problems.digits.split.vaild: unknown setting"),
    (changed("problems", "digits", "split", "valid", to=1.5), "problems.digits.split"),
    (changed("problems", "digits", "augment", "rotate", to=-4), "problems.digits.augment.rotate"),
    (changed("problems", "digits", "augment", "copies", to="many"), "problems.digits.augment.copies"),
    (changed("problems", "digits", "source", "kind", to="ftp"), "problems.digits.source: kind must be one of"),
    (changed("problems", "digits", "source", to={"dataset": "digits"}), "found none"),
    (
        changed("problems", "digits", "source", "dataset", to="letters"),
        "problems.digits.source.dataset: must be a data",
    ),
    (
        changed("problems", "digits", "source", to={"kind": "table", "path": "x.csv", "target": "y", "colour": 1}),
        "problems.digits.source.colour: unknown setting; known here: ",
    ),
    (
        changed("problems", "digits", "source", to={"kind": "table"}),
        "problems.digits.source.path: this setting is requ",
    ),
    (changed("problems", "Digits!", to=shipped()["problems"]["digits"]), "the name 'Digits!' must be lower-case"),
    (changed("problems", "lonely", to=shipped()["problems"]["digits"]), "problems.lonely: no contender is entered"),
    (changed("contenders", "digits-mlp", "problem", to="letters"), "digits-mlp.problem: no problem is called"),
    (changed("contenders", "digits-mlp", "fixed", to={}), "contenders.digits-mlp.fixed: unknown setting; known here"),
    (
        changed("contenders", "digits-mlp", "tune", to={"trails": 1}),
        "tune.trails: unknown setting; known here: generation, trials",
    ),
    (
        changed("defaults", "train", "patience", to=8),
        "defaults.train.patience: leave it out: the learning rate falls to the end of `budget` and the best epoch is",
    ),
    (
        changed("contenders", "digits-mlp", "train", to={"epochs": 25}),
        "digits-mlp.train.epochs: a training is as long as a trial now: write `budget: {epochs: 25}` beside `tune`",
    ),
    (
        changed("defaults", "tune", "epochs", to=12),
        "defaults.tune.epochs: a trial is as long as a training now: write `budget: {epochs: 12}` beside `tune`",
    ),
    (
        changed("defaults", "budget", to={"steps": 1}),
        "defaults.budget.steps: unknown setting; known here: epochs, max_",
    ),
    (
        changed("contenders", "digits-mlp", "budget", to={"max_steps": 10}),
        "contenders.digits-mlp.budget: min_steps must be at most max_steps, found 1000 and 10",
    ),
    (changed("contenders", "digits-mlp", "train", to={"seeds": 0}), "contenders.digits-mlp.train.seeds: must be"),
    (
        changed("problems", "digits", "champion", to={"rule": "cheapest"}),
        "problems.digits.champion.rule: must be 'noninferior', 'best', 'one_se' or 'tied', found 'cheapest'",
    ),
    (
        changed("problems", "digits", "champion", to={"cost": "latency"}),
        "problems.digits.champion.cost: must be 'parameters', 'flops' or 'bytes', found 'latency'",
    ),
    (
        changed("problems", "digits", "champion", to={"margin": 2}),
        "problems.digits.champion.margin: must be less than or equal to 1, found 2",
    ),
    (
        changed("defaults", "champion", to={"margn": 0.1}),
        "defaults.champion.margn: unknown setting; known here: cost, margin, rule",
    ),
    (changed("seed", to=True), "seed: must be a valid integer, found True"),
    (changed("seed", to="20"), "seed: must be a valid integer, found '20'"),
    (changed("defaults", "tune", "trials", to="12"), "defaults.tune.trials: must be a valid integer"),
    (changed("problems", "digits", "augment", "rotate", to="1e1"), "problems.digits.augment.rotate: must be a valid"),
    (changed("contenders", "a" * 65, to={"problem": "digits", "architecture": "mlp"}), "64 at most"),
    (
        changed("contenders", 7, to={"problem": "digits", "architecture": "mlp"}),
        "contenders.7: a name is text",
    ),
    (changed("contenders", "digits-mlp", to=None), "contenders.digits-mlp: must be settings, each a name and a value"),
    (changed("problems", "digits", "source", to="postgresql://me:s3cret@host/shop"), "postgresql://me:***@host/shop"),
    (changed("problems", "digits", "source", to="mysql://host/shop?password=s3cret"), "mysql://host/shop?password=***"),
    ("seed: 1\nproblems: {}\nseed: 2", 'params.yaml is not readable as YAML: line 3: found duplicate key "seed"'),
    ("seed: [1", "is not readable as YAML: line 2: did not find expected ',' or ']'"),
    ("", "must be settings, each a name and a value"),
    ("just words", "must be settings, each a name and a value"),
]


@pytest.mark.parametrize(("content", "sentence"), SLIPS, ids=[sentence[:50] for _, sentence in SLIPS])
def test_a_wrong_setting_is_reported_with_its_path(tmp_path: Path, content: object, sentence: str) -> None:
    path = written(tmp_path, content)
    with pytest.raises(UserError) as failure:
        load_params(path)
    assert sentence in str(failure.value)
    assert "params.yaml" in str(failure.value)
    assert "pydantic" not in str(failure.value)
    assert "s3cret" not in str(failure.value)


CONTENDER_SLIPS: list[tuple[dict[str, object], str]] = [
    ({"fix": {"batch_size": 0}}, "batch_size"),
    ({"search": {"batch_size": [-5, 16]}}, "batch_size"),
    ({"architecture": "lenet6"}, "contenders.digits-mlp.architecture: 'lenet6' is unknown; there are: "),
    ({"fix": {"widht": 3}}, "unknown setting 'widht'"),
    ({"fix": {"advantage": 2.0}}, "the setting 'advantage' is called 'discriminator_lr_ratio' now"),
    ({"search": {"draws": [True, False]}}, "the setting 'draws' is called 'fit_augmented' now"),
    ({"fix": {"width": "wide"}}, "width must be a whole number, found 'wide'"),
    ({"fix": {"width": 0}}, "width"),
    ({"fix": {"optimizer": "magic"}}, "optimizer must be one of"),
    ({"fix": {"learning_rate": "fast"}}, "learning_rate must be a number, found 'fast'"),
    ({"fix": {"width": 8}, "search": {"width": [8, 16]}}, "width is both fixed"),
    ({"search": {"width": [64, 8]}}, "from low to high"),
    ({"search": {"learning_rate": [0, 1]}}, "learning_rate"),
]


@pytest.mark.parametrize(("entry", "sentence"), CONTENDER_SLIPS, ids=[sentence for _, sentence in CONTENDER_SLIPS])
def test_a_wrong_contender_setting_is_reported_with_its_path(
    tmp_path: Path, entry: dict[str, object], sentence: str
) -> None:
    content = shipped()
    content["contenders"]["digits-mlp"].update(entry)
    with pytest.raises(UserError) as failure:
        check_params(load_params(written(tmp_path, content)))
    assert "contenders.digits-mlp" in str(failure.value)
    assert sentence in str(failure.value)


@pytest.mark.parametrize(
    ("folds", "refused", "sentence"),
    [
        (HOLDOUT, "ensemble", "must be best or mean, found 'ensemble': the problem digits is split with a holdout"),
        (Folds(np.zeros((5, 10), np.int8)), "mean", "must be ensemble or refit, found 'mean': the problem digits is "),
    ],
    ids=["holdout", "folds"],
)
def test_what_ships_of_seeds_is_no_word_for_folds_and_the_reverse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folds: Folds, refused: str, sentence: str
) -> None:
    content = changed("defaults", "train", to={"ship": refused})
    content["contenders"]["digits-lenet5"]["train"] = {"ship": refused}
    params = load_params(written(tmp_path, content))
    monkeypatch.chdir(tmp_path)
    write_folds(paths.folds_file("digits"), folds)
    check_ship(params, "digits-mlp")  # what is said for all is not for this problem
    with pytest.raises(UserError) as failure:
        check_ship(params, "digits-lenet5")
    assert f"contenders.digits-lenet5.train.ship: {sentence}" in str(failure.value)


@pytest.mark.parametrize("task", ["generation", "reconstruction"])
def test_live_augmentation_is_refused_where_input_and_target_change_together(tmp_path: Path, task: object) -> None:
    content = shipped()
    content["problems"]["digits"].update(task=task, augment={"copies": "live", "shift": 1})
    with pytest.raises(UserError, match=r"problems\.digits\.augment\.copies: live"):
        check_params(load_params(written(tmp_path, content)))


def test_numbers_are_those_of_yaml_1_2_as_dvc_reads_them(tmp_path: Path) -> None:
    shipped_text, entry = (ROOT / "params.yaml").read_text(), "digits, architecture: mlp"
    path = written(tmp_path, shipped_text.replace(entry, f"{entry}, fix: {{dropout: 1e-3}}"))
    assert load_params(path).contenders["digits-mlp"].fix == {"dropout": 0.001}


RETIRED = [
    ({"normal": "benign"}, "normal: is now its own task: write `task: {kind: anomaly_detection, normal: benign}`"),
    ({"compress": True}, "compress: reconstruction always draws its input again: leave compress out"),
]


@pytest.mark.parametrize(("setting", "sentence"), RETIRED, ids=["normal", "compress"])
def test_a_retired_setting_of_a_task_says_what_to_write_instead(
    tmp_path: Path, setting: dict[str, object], sentence: str
) -> None:
    content = shipped()
    content["problems"]["odd_cells"]["task"] = {"kind": "reconstruction", **setting}
    with pytest.raises(UserError) as failure:
        load_params(written(tmp_path, content))
    assert f"params.yaml: problems.odd_cells.task.{sentence}" in str(failure.value)


def test_a_missing_file_says_where_to_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run from the project's folder"):
        load_params(tmp_path / "params.yaml")
