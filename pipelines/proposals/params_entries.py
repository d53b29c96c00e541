"""Entries of params.yaml put in and taken out as lines: every byte outside of them stays as it was."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode

from pipelines.proposals.yaml_lines import INDENT, format_entry
from pipelines.runtime.user_error import UserError
from pipelines.runtime.yaml_file import parse_yaml
from pipelines.settings import paths

EMPTY_SECTION = "{}"
NO_PLACE = (
    f"{paths.PARAMS_FILE}: lines cannot be put into it as it is written; write problems: and contenders: as blocks, an "
    "entry below the other"
)


class Entries(NamedTuple):
    """A problem and its contenders, by their names, with the settings of each."""

    problem: str
    comment: str  # stands behind the problem's name
    settings: Mapping[str, Any]
    contenders: Mapping[str, Mapping[str, Any]]


class Section(NamedTuple):
    """Where `problems:` or `contenders:` stands in the file; lines are counted from 0."""

    key_line: int
    indent: int  # of its entries
    entries: Mapping[str, tuple[int, int]]  # the lines of each: its first, and the one behind its last
    has_groups: bool  # whether blank lines part its entries


def insert_entries(text: str, entries: Entries) -> str:
    """The text of params.yaml with a problem and its contenders behind those that are there.

    Raises:
        UserError: a name is taken, or the file is not written so that lines can be put in.
    """
    _check_names_free(text, entries)
    changed = text
    for section in ("problems", "contenders"):
        found = find_section(changed, section)
        lines = _format_section(section, entries, found.indent)
        changed = _insert_lines(changed, found, [""] * found.has_groups + lines)
    expected = _parse(text)
    for section, new in (("problems", {entries.problem: entries.settings}), ("contenders", entries.contenders)):
        expected[section] = {**(expected.get(section) or {}), **new}
    if _parse_or_none(changed) != _to_plain(expected):
        raise UserError(NO_PLACE)
    return changed


def _format_section(section: str, entries: Entries, indent: int) -> list[str]:
    if section == "problems":
        return format_entry(entries.problem, entries.settings, indent, entries.comment)
    return [line for name, one in entries.contenders.items() for line in format_entry(name, one, indent)]


def remove_entries(text: str, problem: str) -> str:
    """The text of params.yaml without a problem and its contenders; what `insert_entries` put in leaves no trace.

    Raises:
        UserError: there is no such problem, or the file is not written so that lines can be taken out.
    """
    before = _parse(text)
    if problem not in before["problems"]:
        raise UserError(
            f"{paths.PARAMS_FILE}: no problem is called {problem!r}; there are {', '.join(before['problems'])}"
        )
    contenders = [name for name, entry in (before.get("contenders") or {}).items() if entry["problem"] == problem]
    changed = text
    for section, names in (("contenders", contenders), ("problems", [problem])):
        for name in names:
            changed = _remove_lines(changed, find_section(changed, section), name)
    expected = {
        **before,
        "problems": {name: one for name, one in before["problems"].items() if name != problem},
        "contenders": {name: one for name, one in (before.get("contenders") or {}).items() if name not in contenders},
    }
    if _parse_or_none(changed) != _to_plain(expected):
        raise UserError(
            f"{paths.PARAMS_FILE}: the lines of {problem} cannot be taken out as it is written (an anchor that others "
            "use, or entries that share a line); take them out by hand"
        )
    return changed


def taken_name(problem: str) -> str:
    """What is said where a problem is called so already."""
    return (
        f"{paths.PARAMS_FILE}: there is a problem called {problem!r} already; choose another name, or take it out with "
        f"`bakeoff remove {problem}`"
    )


def problem_names(text: str) -> list[str]:
    """The problems of params.yaml.

    Raises:
        UserError: it is no YAML, or holds no settings.
    """
    return [str(name) for name in _parse(text).get("problems") or {}]


def find_section(text: str, section: str) -> Section:
    """Where the entries of `problems:` or `contenders:` stand.

    Raises:
        UserError: there is no such section, or its entries stand in braces on one line.
    """
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except YAMLError:  # lines that were put in before stand where there is no place for them
        raise UserError(NO_PLACE) from None
    if isinstance(root, MappingNode) and root.flow_style:
        raise UserError(
            f"{paths.PARAMS_FILE}: the whole file stands in braces, as JSON does; write it as YAML, an entry below the "
            "other and without braces around them, so that lines can be put into it and taken out"
        )
    keys = [key for key, _ in root.value] if isinstance(root, MappingNode) else []
    place = next((place for place, key in enumerate(keys) if key.value == section), None)
    if place is None:
        raise UserError(f"{paths.PARAMS_FILE}: it has no {section}: yet; write `{section}: {EMPTY_SECTION}` into it")
    node, key_line = root.value[place][1], keys[place].start_mark.line
    lines = text.splitlines()
    last = keys[place + 1].start_mark.line if place + 1 < len(keys) else len(lines)
    if not isinstance(node, MappingNode) or not node.value:
        return Section(key_line, INDENT, {}, has_groups=False)
    if node.flow_style:
        raise UserError(
            f"{paths.PARAMS_FILE}: {section}: stands in braces; write its entries as a block, one below the other"
        )
    firsts = [key.start_mark for key, _ in node.value]
    indent, ends = firsts[0].column, [*(mark.line for mark in firsts[1:]), last]
    entries = {
        key.value: (mark.line, _end_of_entry(lines, mark.line, end, indent))
        for (key, _), mark, end in zip(node.value, firsts, ends, strict=True)
    }
    between = lines[firsts[0].line : firsts[-1].line]
    return Section(key_line, indent, entries, has_groups=any(not line.strip() for line in between))


def _end_of_entry(lines: Sequence[str], first: int, end: int, indent: int) -> int:
    """The line behind the last one that is deeper than the entry's name; what stands below belongs to no entry."""
    deeper = [place for place in range(first + 1, end) if lines[place].strip() and _indent_of(lines[place]) > indent]
    return max([first, *deeper]) + 1


def _indent_of(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _insert_lines(text: str, section: Section, new: Sequence[str]) -> str:
    lines = text.splitlines(keepends=True)
    ending = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    if not section.entries:
        lines[section.key_line] = lines[section.key_line].replace(f" {EMPTY_SECTION}", "", 1)
    place = max((end for _, end in section.entries.values()), default=section.key_line + 1)
    added = [f"{line}{ending}" for line in new]
    if not lines[place - 1].endswith("\n"):  # the file's last line, which ends in nothing: so does the new last one
        lines[place - 1] += ending
        added[-1] = added[-1].removesuffix(ending)
    return "".join([*lines[:place], *added, *lines[place:]])


def _remove_lines(text: str, section: Section, name: str) -> str:
    lines = text.splitlines(keepends=True)
    first, end = section.entries[name]
    if len(section.entries) == 1:
        bare = lines[section.key_line].rstrip("\r\n")
        key, colon, rest = bare.partition(":")
        lines[section.key_line] = lines[section.key_line].replace(bare, f"{key}{colon} {EMPTY_SECTION}{rest}", 1)
    elif section.has_groups and not lines[first - 1].strip() and not _is_entry(lines, end, section.indent):
        first -= 1  # the blank line that parted it from those before
    kept = lines[:first] + lines[end:]
    if end == len(lines) and not lines[-1].endswith("\n"):
        kept[-1] = kept[-1].rstrip("\r\n")
    return "".join(kept)


def _is_entry(lines: Sequence[str], place: int, indent: int) -> bool:
    return place < len(lines) and bool(lines[place].strip()) and _indent_of(lines[place]) >= indent


def _check_names_free(text: str, entries: Entries) -> None:
    before = _parse(text)
    if entries.problem in (before.get("problems") or {}):
        raise UserError(taken_name(entries.problem))
    for name in entries.contenders:
        if name in (before.get("contenders") or {}):
            raise UserError(
                f"{paths.PARAMS_FILE}: there is a contender called {name!r} already, for another problem; choose "
                f"another name than {entries.problem!r}"
            )


def _parse(text: str) -> dict[str, Any]:
    parsed = parse_yaml(paths.PARAMS_FILE, text)
    if not isinstance(parsed, dict):
        raise UserError(f"{paths.PARAMS_FILE}: must hold settings, found {type(parsed).__name__}")
    return dict(parsed)


def _parse_or_none(text: str) -> Any:
    try:
        return YAML(typ="safe").load(text)
    except YAMLError:
        return None


def _to_plain(value: Any) -> Any:
    """Lists and dictionaries in place of tuples and mappings, as YAML reads them."""
    if isinstance(value, Mapping):
        return {name: _to_plain(one) for name, one in value.items()}
    return [_to_plain(one) for one in value] if isinstance(value, list | tuple) else value
