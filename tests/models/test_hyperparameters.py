"""Hyperparameters: default, search range and valid values, and errors that a person can act on."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.blocks.hyperparameters import (
    Choice,
    Hyperparameters,
    Range,
    SettingValue,
    apply_overrides,
    check_space,
    choice,
    default_settings,
    default_space,
    make_config,
    nearest_to_default,
    stated_settings,
    tunable,
)


class Config(Hyperparameters):
    width: int = tunable(128, 16, 512, log=True, ge=1)  # units
    dropout: float = tunable(0.0, 0.0, 0.5, ge=0, lt=1)  # probability of zeroing a unit
    penalty: float = tunable(0.1, 1e-4, 10, log=True, gt=0)
    activation: str = choice("relu", "relu", "gelu", "tanh")
    batch: int = choice(32, 16, 32, 64)
    bias: bool = choice(True, True, False)


SPACE = {
    "width": Range(16, 512, log=True, integer=True),
    "dropout": Range(0.0, 0.5),
    "penalty": Range(1e-4, 10.0, log=True),
    "activation": Choice(("relu", "gelu", "tanh")),
    "batch": Choice((16, 32, 64)),
    "bias": Choice((True, False)),
}


def test_search_space_and_first_trial_follow_the_config_fields() -> None:
    assert default_space(Config) == SPACE
    assert list(default_space(Config)) == list(SPACE)
    assert default_settings(Config) == Config().model_dump()
    assert list(default_settings(Config)) == list(SPACE)


def test_the_ends_of_a_range_have_the_type_of_its_default() -> None:
    assert all(type(end) is int for end in (SPACE["width"].low, SPACE["width"].high))
    assert type(default_space(Config)["penalty"].high) is float


def test_settings_cannot_be_changed_afterwards() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Config().width = 3


@pytest.mark.parametrize(
    "settings",
    [{"width": 4096}, {"dropout": 0.9}, {"penalty": 1000}, {"batch": 256}, {"activation": "tanh"}],
    ids=str,
)
def test_values_outside_the_search_range_may_be_fixed(settings: dict[str, Any]) -> None:
    assert make_config(Config, settings).model_dump() == default_settings(Config) | settings
    assert list(apply_overrides(SPACE, settings, {})) == [name for name in SPACE if name not in settings]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"widht": 3}, ["unknown setting 'widht'", "width, dropout, penalty, activation, batch, bias"]),
        ({"width": 0}, ["width", "greater than or equal to 1", "found 0"]),
        ({"width": "128"}, ["width", "valid integer", "found '128'"]),
        ({"width": 12.0}, ["width", "valid integer", "found 12.0"]),
        ({"width": True}, ["width", "valid integer", "found True"]),
        ({"dropout": 1}, ["dropout", "less than 1", "found 1"]),
        ({"dropout": float("nan")}, ["dropout", "found nan"]),
        ({"penalty": "3e-3"}, ["penalty", "valid number", "found '3e-3'"]),
        ({"activation": "rleu"}, ["activation", "one of relu, gelu, tanh", "found 'rleu'"]),
        ({"bias": 1}, ["bias", "boolean", "found 1"]),
    ],
    ids=str,
)
def test_impossible_settings_are_refused(settings: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"found|unknown") as caught:
        make_config(Config, settings)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("search", "domain"),
    [
        ({"width": [32, 64]}, Range(32, 64, log=True, integer=True)),
        ({"dropout": [0, 0.25]}, Range(0.0, 0.25)),
        ({"penalty": [1, 2]}, Range(1.0, 2.0, log=True)),
        ({"width": {"choice": [32, 1024]}}, Choice((32, 1024))),
        ({"dropout": {"choice": [0, 0.5]}}, Choice((0.0, 0.5))),
        ({"activation": ["tanh", "relu"]}, Choice(("tanh", "relu"))),
        ({"activation": {"choice": ["gelu"]}}, Choice(("gelu",))),
        ({"batch": [128, 256]}, Choice((128, 256))),
        ({"bias": [False]}, Choice((False,))),
    ],
    ids=str,
)
def test_a_search_replaces_a_range_and_leaves_the_others(search: dict[str, Any], domain: Range | Choice) -> None:
    (name,) = search
    narrow = apply_overrides(SPACE, {}, search)
    assert narrow == SPACE | {name: domain}
    assert list(narrow) == list(SPACE)
    if isinstance(domain, Choice):
        assert [type(option) for option in narrow[name].options] == [type(option) for option in domain.options]


@pytest.mark.parametrize(
    ("fix", "search", "words"),
    [
        ({"widht": 3}, {}, ["unknown setting 'widht'", "width, dropout"]),
        ({}, {"widht": [1, 2]}, ["unknown setting 'widht'", "width, dropout"]),
        ({"width": 3}, {"width": [1, 2]}, ["width", "both fixed (to 3) and searched"]),
        ({"width": 3.5}, {}, ["width", "whole number", "3.5"]),
        ({"width": True}, {}, ["width", "whole number", "True"]),
        ({"penalty": "3e-3"}, {}, ["penalty", "a number", "'3e-3'"]),
        ({"penalty": float("inf")}, {}, ["penalty", "a number", "inf"]),
        ({"activation": "rleu"}, {}, ["activation", "one of relu, gelu, tanh", "'rleu'"]),
        ({"activation": 1}, {}, ["activation", "one of relu, gelu, tanh", "found 1"]),
        ({"batch": 1.5}, {}, ["batch", "whole number", "1.5"]),
        ({"bias": 1}, {}, ["bias", "one of True, False", "found 1"]),
        ({}, {"width": [64, 32]}, ["width", "low to high", "[64, 32]"]),
        ({}, {"width": [64, 64]}, ["width", "fix it", "[64, 64]"]),
        ({}, {"width": [16.5, 64]}, ["width", "whole number", "16.5"]),
        ({}, {"width": [16, 32, 64]}, ["width", "[low, high] or among {choice: [...]}", "[16, 32, 64]"]),
        ({}, {"width": 64}, ["width", "[low, high] or among {choice: [...]}", "found 64"]),
        ({}, {"width": "ab"}, ["width", "[low, high] or among {choice: [...]}", "found 'ab'"]),
        ({}, {"width": {"options": [1]}}, ["width", "[low, high] or among {choice: [...]}", "options"]),
        ({}, {"width": {"choice": []}}, ["width", "list of the values", "[]"]),
        ({}, {"width": {"choice": [16, 16]}}, ["width", "twice", "[16, 16]"]),
        ({}, {"width": {"choice": [[1]]}}, ["width", "whole number", "[1]"]),
        ({}, {"penalty": [0, 1]}, ["penalty", "logarithmic", "above 0", "[0, 1]"]),
        ({}, {"activation": "relu"}, ["activation", "list of the values", "'relu'"]),
        ({}, {"activation": ["relu", "selu"]}, ["activation", "one of relu, gelu, tanh", "'selu'"]),
    ],
    ids=str,
)
def test_impossible_search_overrides_are_refused(fix: dict[str, Any], search: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError, match=words[0]) as caught:
        apply_overrides(SPACE, fix, search)
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in words)


@pytest.mark.parametrize(
    ("search", "words"),
    [
        ({"dropout": [0.0, 1.5]}, ["dropout", "less than 1", "1.5"]),
        ({"width": [0, 4]}, ["width", "above 0", "[0, 4]"]),
        ({"width": {"choice": [-1, 4]}}, ["width", "greater than or equal to 1", "-1"]),
    ],
    ids=str,
)
def test_a_search_over_invalid_values_is_refused_before_it_starts(search: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(ValueError, match=words[0]) as caught:
        check_space(Config, apply_overrides(SPACE, {}, search))
    assert all(word in str(caught.value) for word in words)


def test_settings_of_other_configs_are_skipped() -> None:
    check_space(Config, SPACE | {"learning_rate": Range(1e-4, 1e-2, log=True)})


@given(st.integers(16, 512), st.integers(16, 512), st.floats(0, 0.5), st.sampled_from(["relu", "gelu", "tanh"]))
def test_overrides_remove_fixed_settings_and_replace_ranges(
    one: int, other: int, dropout: float, activation: str
) -> None:
    low, high = sorted((one, other + 512))
    narrow = apply_overrides(SPACE, {"dropout": dropout, "activation": activation}, {"width": [low, high]})
    assert list(narrow) == ["width", "penalty", "batch", "bias"]
    assert narrow["width"] == Range(low, high, log=True, integer=True)
    check_space(Config, narrow)
    assert make_config(Config, {"dropout": dropout, "activation": activation, "width": low}).width == low


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (lambda: tunable(3, 5, 1), "low to high"),
        (lambda: tunable(9, 1, 5), "outside its own range"),
        (lambda: tunable(0.5, 0.0, 1.0, log=True), "above 0"),
        (lambda: tunable(1, 0.5, 2), "whole range"),
        (lambda: choice("relu"), "two options or more"),
        (lambda: choice("relu", "relu", "relu"), "all different"),
        (lambda: choice("relu", "relu", 3), "one type"),
        (lambda: choice("relu", "gelu", "tanh"), "none of the options"),
    ],
)
def test_a_contradictory_definition_is_refused_where_it_stands(line: Callable[[], Any], words: list[str]) -> None:
    with pytest.raises(ValueError, match=words):
        line()


def test_a_setting_without_a_range_is_no_setting() -> None:
    with pytest.raises(AssertionError, match=r"tunable\(...\) or choice\(...\)"):

        class Bare(Hyperparameters):
            width: int = 3


def test_a_whole_default_on_a_fractional_setting_is_caught() -> None:
    with pytest.raises(AssertionError, match=r"Mixed.rate"):

        class Mixed(Hyperparameters):
            rate: float = tunable(1, 1, 3)


@pytest.mark.parametrize(
    ("default", "domain", "expected"),
    [
        (80, Range(20, 160, integer=True), 80),
        (80, Range(200, 800, integer=True), 200),
        (0.5, Range(0.01, 0.1), 0.1),
        (32, Choice((128, 256)), 128),
        (64, Choice((256, 128)), 128),
        (32, Choice((16, 32)), 32),
        ("gelu", Choice(("relu", "silu")), "relu"),
    ],
)
def test_a_search_begins_at_the_value_nearest_to_the_default(
    default: SettingValue, domain: Range | Choice, expected: SettingValue
) -> None:
    assert nearest_to_default(default, domain) == expected
    assert type(nearest_to_default(default, domain)) is type(expected)


class OptIn(Hyperparameters):
    width: int = tunable(32, 16, 64)
    kind: str = choice("a", "a", "b", unsearched=("b", "c"))
    mix: float = tunable(0.0, 0.0, 1.0, ge=0, searched=False)
    plan: str = choice("x", "x", "y", searched=False)


def test_options_that_are_not_searched_are_valid_all_the_same() -> None:
    assert default_space(OptIn)["kind"] == Choice(("a", "b"), ("c",))
    assert make_config(OptIn, {"kind": "c"}).kind == "c"
    assert apply_overrides(default_space(OptIn), {}, {"kind": ["a", "c"]})["kind"] == Choice(("a", "c"))
    assert "kind" not in apply_overrides(default_space(OptIn), {"kind": "c"}, {})
    with pytest.raises(ValueError, match="kind must be one of a, b, c, found 'd'"):
        make_config(OptIn, {"kind": "d"})


def test_what_is_not_searched_is_once_it_is_named() -> None:
    space = default_space(OptIn)
    assert [name for name, domain in space.items() if not domain.searched] == ["mix", "plan"]
    named = apply_overrides(space, {}, {"mix": [0.0, 0.5], "plan": ["y", "x"]})
    assert (named["mix"], named["plan"]) == (Range(0.0, 0.5), Choice(("y", "x")))


def test_what_is_not_searched_is_stated_where_it_departs_from_its_default() -> None:
    assert stated_settings(OptIn()) == {"width": 32, "kind": "a"}
    assert stated_settings(OptIn(mix=0.5, kind="c")) == {"width": 32, "kind": "c", "mix": 0.5}
