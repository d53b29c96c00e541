"""Entries are put into params.yaml and taken out again, and every other byte stays as it was."""

import pytest
from ruamel.yaml import YAML

from pipelines.proposals.params_entries import Entries, insert_entries, remove_entries
from pipelines.proposals.yaml_lines import format_entry, format_value
from pipelines.runtime.user_error import UserError
from tests.support.modules import ROOT

SHIPPED = (ROOT / "params.yaml").read_bytes().decode()
SETTINGS = {"task": "classification", "source": {"kind": "table", "path": "a b.csv", "target": "y: #1"}}
ENTRIES = Entries(
    "new",
    "a table -> \x1b[31ma class",
    SETTINGS,
    {f"new-{name}": {"problem": "new", "architecture": name} for name in ("mlp", "esn")},
)
SMALL = "seed: 1\nproblems:\n  a: {task: t}\ncontenders:\n  a-mlp: {problem: a, architecture: mlp}\n"
FILES = {
    "shipped": SHIPPED,
    "small": SMALL,
    "without a last line end": SMALL[:-1],
    "with Windows line ends": SMALL.replace("\n", "\r\n"),
    "with four spaces": SMALL.replace("  a", "    a"),
    "with comments at the ends": SMALL.replace("contenders", "# about contenders\ncontenders") + "# the end\n",
    "with the sections swapped": "contenders:\n  a-mlp: {problem: a}\n\n# then\n"
    "problems:\n  a:\n    task: t\n\n\nseed: 1\n",
    "with groups and a tail": SMALL
    + "\n  b-mlp:   # later\n    problem: a\n    # of this\n\n# of nobody\ndefaults: {}\n",
    "empty": "seed: 1\nproblems: {}  # none yet\ncontenders: {}\n",
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_added_and_removed_leaves_every_byte(name: str) -> None:
    text = FILES[name]
    added = insert_entries(text, ENTRIES)
    assert YAML(typ="safe").load(added)["problems"]["new"] == SETTINGS
    assert remove_entries(added, "new") == text


@pytest.mark.parametrize("name", [name for name in FILES if name != "empty"])
def test_lines_are_only_added(name: str) -> None:
    added = insert_entries(FILES[name], ENTRIES).splitlines(keepends=True)
    left = iter(added)
    assert all(line in left or line.rstrip("\r\n") + "\n" in added for line in FILES[name].splitlines(keepends=True))
    assert len(added) > len(FILES[name].splitlines())


def test_a_problem_that_was_there_before_can_be_removed() -> None:
    removed = YAML(typ="safe").load(remove_entries(SHIPPED, "co2"))
    assert "co2" not in removed["problems"]
    assert not any(one["problem"] == "co2" for one in removed["contenders"].values())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("problems: {new: {}}\ncontenders: {}\n", "there is a problem called 'new' already"),
        ("problems: {}\ncontenders: {new-mlp: {}}\n", "there is a contender called 'new-mlp' already"),
        ("problems: {a: {}}\ncontenders: {}\n", "problems: stands in braces"),
        ('{"problems": {}, "contenders": {}}', "the whole file stands in braces, as JSON does"),
        ('{\n  "seed": 20,\n  "problems": {},\n  "contenders": {}\n}\n', "the whole file stands in braces"),
        ("problems:\n  {}\ncontenders: {}\n", "lines cannot be put into it as it is written"),
        ("problems: {\n  }\ncontenders: {}\n", "lines cannot be put into it as it is written"),
        ("seed: 1\n", "it has no problems: yet"),
        ("- a\n", "must hold settings"),
        ("problems: [\n", "not readable as YAML"),
    ],
)
def test_a_file_that_lines_cannot_be_put_into_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        insert_entries(text, ENTRIES)


def test_an_anchor_that_others_use_is_not_torn_out() -> None:
    text = "problems:\n  a: &x {task: t}\n  b: *x\ncontenders:\n  c: {problem: b}\n"
    with pytest.raises(UserError, match="take them out by hand"):
        remove_entries(text, "a")


VALUES = [
    *("yes", "1e3", "2020-01-01", "a: b", "# no", "", " x", "null", "it's", 'say "hi"', "naïve", "a\tb", "/a/b.csv"),
    *(3, 0.2, True, None, [1, "2"], {"a": {"b": []}}),
]


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_read_back_as_they_were(value: object) -> None:
    assert YAML(typ="safe").load(f"key: {format_value(value)}")["key"] == value


def test_long_settings_stand_one_below_the_other() -> None:
    settings = {"source": {name * 20: "x" * 30 for name in "abcd"}, "split": {"test": 0.2}}
    lines = format_entry("long", settings, 2)
    assert max(map(len, lines)) < 120
    assert YAML(typ="safe").load("\n".join(lines)) == {"long": settings}
