"""Breaches of the settings' rules as sentences with their path in params.yaml."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError


def _sentences(path: Path, error: ValidationError, model: type[BaseModel], where: str = "") -> str:
    lines = []
    for breach in error.errors(include_url=False)[:10]:
        place = _place(breach["loc"], model)
        words = ".".join([where] * bool(where) + list(place.words))
        rule = _rule(breach, place)
        lines.append(f"{path}: {words}: {rule}" if words else f"{path}: {rule}")
    return "\n".join(lines)


class _Place(NamedTuple):
    """Where in the YAML a rule was broken."""

    words: tuple[str, ...]
    within: type[BaseModel] | None  # the settings that the last word was looked for in
    kinds: tuple[str, ...]  # which settings may stand there, where there are several kinds


def _place(loc: Sequence[str | int], model: type[BaseModel]) -> _Place:
    """Pydantic's place without the words that stand for a choice of its own."""
    words: list[str] = []
    within, options = None, [model]
    for word in loc:
        chosen = [one for one in options if _kind(one) == word] if len(options) > 1 else []
        if chosen:
            options = chosen  # "table" in problems.x.source.table.path, which the YAML says as `kind: table`
        elif word != "[key]":
            words.append(str(word))
            within = options[0] if len(options) == 1 else None
            options = _held(within, word)
    return _Place(tuple(words), within, tuple(filter(None, map(_kind, options))))


def _held(model: type[BaseModel] | None, word: str | int) -> list[type[BaseModel]]:
    """The settings that may stand under a word of others: under a field, or under any entry of a mapping."""
    if model is None:
        return []
    field = model.model_fields.get(str(word))
    return [model] if field is None else list(_classes(field.annotation))


def _classes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for one in get_args(annotation):
            yield from _classes(one)


def _kind(model: type[BaseModel]) -> str:
    """What `kind:` chooses these settings; empty if it is not chosen so."""
    field = model.model_fields.get("kind")
    return "" if field is None else str(get_args(field.annotation)[0])


def _rule(breach: Any, place: _Place) -> str:
    """One breach of a rule in words; pydantic's own message where it already is a sentence."""
    kind, found = breach["type"], breach["input"]
    if kind == "extra_forbidden":
        names = sorted(place.within.model_fields) if place.within else []
        known = f"known here: {', '.join(names)}" if names else "see docs/settings.md for the settings"
        return f"unknown setting; {known}"
    if "[key]" in breach["loc"]:
        return f"a name is text: write {str(found)!r} in quotes"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        stated = repr(found["kind"]) if "kind" in found else "none"
        return f"kind must be one of {', '.join(place.kinds)}; found {stated}"
    if kind in ("model_type", "dict_type", "mapping_type", "model_attributes_type"):
        return f"must be settings, each a name and a value, found {found!r}"
    if kind == "missing":
        return "this setting is required"
    if kind == "value_error":
        return str(breach["ctx"]["error"])
    message = breach["msg"][:1].lower() + breach["msg"][1:]
    return f"{message.replace('input should be', 'must be')}, found {found!r}"
