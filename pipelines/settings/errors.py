"""Validation errors of params.yaml as sentences: path, rule and value found."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from pipelines.sources.files.database_address import redact
from pipelines.sources.kinds import WITHOUT_UNLABELLED


def _format_errors(path: Path, error: ValidationError, model: type[BaseModel], where: str = "") -> str:
    lines = []
    for detail in error.errors(include_url=False)[:10]:
        location = _yaml_location(detail["loc"], model)
        keys = ".".join([where] * bool(where) + list(location.keys))
        rule = redact(_explain_error(detail, location))  # a value may be an address with a password
        lines.append(f"{path}: {keys}: {rule}" if keys else f"{path}: {rule}")
    return "\n".join(lines)


class _YamlLocation(NamedTuple):
    """Where in the YAML a rule was broken."""

    keys: tuple[str, ...]
    model: type[BaseModel] | None  # the settings that the last word was looked for in
    allowed_kinds: tuple[str, ...]  # which settings may stand there, where there are several kinds


def _yaml_location(loc: Sequence[str | int], model: type[BaseModel]) -> _YamlLocation:
    """Pydantic's place without the words that stand for a choice of its own."""
    keys: list[str] = []
    within, options = None, [model]
    for word in loc:
        chosen = [one for one in options if _kind_literal(one) == word] if len(options) > 1 else []
        if chosen:
            options = chosen  # "table" in problems.x.source.table.path, which the YAML says as `kind: table`
        elif word != "[key]":
            keys.append(str(word))
            within = options[0] if len(options) == 1 else None
            options = _nested_models(within, word)
    return _YamlLocation(tuple(keys), within, tuple(filter(None, map(_kind_literal, options))))


def _nested_models(model: type[BaseModel] | None, key: str | int) -> list[type[BaseModel]]:
    """The settings that may stand under a word of others: under a field, or under any entry of a mapping."""
    if model is None:
        return []
    field = model.model_fields.get(str(key))
    return [model] if field is None else list(_model_classes(field.annotation))


def _model_classes(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    else:
        for one in get_args(annotation):
            yield from _model_classes(one)


def _kind_literal(model: type[BaseModel]) -> str:
    """What `kind:` chooses these settings; empty if it is not chosen so."""
    field = model.model_fields.get("kind")
    return "" if field is None else str(get_args(field.annotation)[0])


def _explain_error(detail: Any, location: _YamlLocation) -> str:
    """One breach of a rule in words; pydantic's own message where it already is a sentence."""
    kind, found = detail["type"], detail["input"]
    if kind == "extra_forbidden":
        retired: Mapping[str, str] = getattr(location.model, "retired", {})
        if location.keys[-1] in retired:
            return retired[location.keys[-1]].format(found=found)
        source = _kind_literal(location.model) if location.model else ""
        if location.keys[-1] == "unlabelled" and source in WITHOUT_UNLABELLED:
            return (
                f"is for rows without a target, and kind: {source} has none: {WITHOUT_UNLABELLED[source]}; leave it out"
            )
        names = sorted(location.model.model_fields) if location.model else []
        known = f"known here: {', '.join(names)}" if names else "see docs/settings.md for the settings"
        return f"unknown setting; {known}"
    if "[key]" in detail["loc"]:
        return f"a name is text: write {str(found)!r} in quotes"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        stated = repr(found["kind"]) if "kind" in found else "none"
        return f"kind must be one of {', '.join(location.allowed_kinds)}; found {stated}"
    if kind in ("model_type", "dict_type", "mapping_type", "model_attributes_type"):
        return f"must be settings, each a name and a value, found {found!r}"
    if kind == "missing":
        return "this setting is required"
    if kind == "value_error":
        return str(detail["ctx"]["error"])
    message = detail["msg"][:1].lower() + detail["msg"][1:]
    return f"{message.replace('input should be', 'must be')}, found {found!r}"
