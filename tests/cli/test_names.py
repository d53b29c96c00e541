"""Names on the command line become addresses of DVC's stages, or a sentence that says what there is."""

import pytest

from pipelines.cli.names import ProjectNames, UnknownName, check_names, resolve_targets

NAMES = ProjectNames(
    problems=("digits", "co2", "tune"),
    contenders={"digits-mlp": "digits", "co2-esn": "co2", "co2": "digits"},
    stages={
        "split@digits": "digits",
        "split@co2": "co2",
        "tune@digits-mlp": "digits",
        "tune@co2-esn": "co2",
        "evaluate@co2": "digits",
    },
)


@pytest.mark.parametrize(
    ("words", "addresses"),
    [
        ([], ()),
        (["digits"], ("package@digits",)),
        (["digits-mlp"], ("evaluate@digits-mlp",)),
        (["split@co2"], ("split@co2",)),
        (["split"], ("split@digits", "split@co2")),
        (["co2-esn", "digits"], ("evaluate@co2-esn", "package@digits")),
        (["split", "split@co2", "digits", "digits"], ("split@digits", "split@co2", "package@digits")),
    ],
)
def test_a_name_stands_for_stages(words: list[str], addresses: tuple[str, ...]) -> None:
    assert resolve_targets(NAMES, words) == addresses


def test_a_name_with_several_meanings_is_a_problem_and_an_address_is_always_a_stage() -> None:
    assert resolve_targets(NAMES, ["co2", "tune"]) == ("package@co2", "package@tune")
    assert resolve_targets(NAMES, ["evaluate@co2"]) == ("evaluate@co2",)


def test_an_unknown_name_gets_what_was_meant_and_what_there_is() -> None:
    with pytest.raises(UnknownName) as unknown:
        resolve_targets(NAMES, ["digits", "digts-mlp"])
    sentence = str(unknown.value)
    assert "no problem, contender or stage is called 'digts-mlp'; did you mean digits-mlp" in sentence
    for name in (*NAMES.problems, *NAMES.contenders, *NAMES.verbs):
        assert name in sentence


@pytest.mark.parametrize("word", ["split@", "@digits", "spl", "split@digits-mlp", "", "xyz"])
def test_half_a_name_is_unknown(word: str) -> None:
    with pytest.raises(UnknownName, match="is called"):
        resolve_targets(NAMES, [word])


def test_names_of_one_kind_are_checked() -> None:
    check_names(["co2"], NAMES.problems, "problem")
    with pytest.raises(UnknownName) as unknown:
        check_names(["co2", "digit"], NAMES.problems, "problem")
    assert str(unknown.value) == "no problem is called 'digit'; did you mean digits? there are digits, co2, tune"
