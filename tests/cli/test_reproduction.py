"""What a second training is said to be: the same bytes, the same but for rounding, or another."""

from pathlib import Path
from typing import Any

import pytest

from pipelines.cli.names import ProjectNames, UnknownName
from pipelines.cli.reproduction import champions_of, check_is_trained, compare_trainings
from pipelines.runtime.files import write_json
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths

KIND: dict[str, Any] = {"architecture": "x86_64", "instructions": "AVX2", "blas": ["openblas Haswell"], "libraries": {}}
PROJECT = ProjectNames(("digits", "co2"), {"digits-mlp": "digits", "co2-esn": "co2"}, {})


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write_training(root: Path, scores: list[float | None], weights: bytes, kind: dict[str, Any] | None = KIND) -> None:
    folder = root / paths.train_folder("digits", "digits-mlp")
    write_json(folder / "model.json", {"members": [{"score": score} for score in scores]})
    (folder / "weights").mkdir(parents=True, exist_ok=True)
    (folder / "weights" / "seed-0.safetensors").write_bytes(weights)
    if kind is not None:
        write_json(folder / "machine.json", kind)


@pytest.mark.parametrize(
    ("scores", "weights", "words", "is_reproduced"),
    [
        ([0.5, 0.25], b"a", "reproduced bit for bit, 2 files", True),
        ([0.5, 0.25], b"b", "reproduced within 0 of every member's score, not bit for bit: 1 of 2 files differ", True),
        ([0.50001, 0.25], b"b", "reproduced within 2e-05", True),
        ([0.51, 0.25], b"b", "not reproduced, a member's score differs by 2.00% (0.5 then, 0.51 now; 0.25", False),
        ([0.5, None], b"b", "not reproduced, another member failed (0.5 then, 0.5 now; 0.25 then, failed now)", False),
        ([0.5], b"b", "not reproduced, another member failed", False),
    ],
)
def test_a_training_is_compared_by_its_bytes_then_by_its_scores(
    scores: list[float | None], weights: bytes, words: str, is_reproduced: bool
) -> None:
    write_training(Path(), [0.5, 0.25], b"a")
    write_training(Path("again"), scores, weights)
    comparison = compare_trainings("digits", "digits-mlp", Path("again"))
    assert words in comparison.sentence
    assert "The machine is of the same kind." in comparison.sentence
    assert comparison.is_reproduced == is_reproduced


def test_another_kind_of_machine_is_named_and_does_not_count_as_a_difference() -> None:
    write_training(Path(), [0.5], b"a", {**KIND, "instructions": "AVX512"})
    write_training(Path("again"), [0.5], b"a")
    comparison = compare_trainings("digits", "digits-mlp", Path("again"))
    assert comparison.is_reproduced
    assert "another kind: instructions: AVX512 then, AVX2 now." in comparison.sentence


def test_a_training_from_before_kinds_were_recorded_says_so() -> None:
    write_training(Path(), [0.5], b"a", None)
    write_training(Path("again"), [0.5], b"a")
    assert "is not recorded" in compare_trainings("digits", "digits-mlp", Path("again")).sentence


def test_names_are_contenders_or_problems_with_a_champion() -> None:
    write_json(paths.compare_folder("digits") / "champion.json", {"contender": "digits-mlp"})
    assert champions_of(PROJECT, ()) == ("digits-mlp",)
    assert champions_of(PROJECT, ("digits", "co2-esn", "digits-mlp")) == ("digits-mlp", "co2-esn")
    with pytest.raises(UserError, match="co2 has no champion yet; call `bakeoff run co2`"):
        champions_of(PROJECT, ("co2",))
    with pytest.raises(UnknownName, match="no contender or problem is called 'digit'; did you mean digits"):
        champions_of(PROJECT, ("digit",))


def test_what_is_not_trained_is_a_sentence() -> None:
    with pytest.raises(UserError, match="no problem has a champion yet; call `bakeoff run`"):
        champions_of(PROJECT, ())
    with pytest.raises(UserError, match="digits-mlp is not trained yet; call `bakeoff run digits-mlp`"):
        check_is_trained("digits", "digits-mlp")
