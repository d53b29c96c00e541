"""A refusal leaves its reader with something to do: it names the setting that lifts it, where there is one."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import TypeAdapter

import pipelines.sources
from pipelines.data.dataset import Dataset
from pipelines.runtime.user_error import UserError
from pipelines.sources.kinds import SourceSettings, load_dataset
from tests.support.lifted_refusals import LIFTED
from tests.support.refusals import REFUSALS

ROOT = Path(pipelines.sources.__file__).parent
SETTINGS = {name for model in get_args(get_args(SourceSettings)[0]) for name in model.model_fields}


def refusals(file: Path) -> Iterator[str]:
    """The sentences of every UserError in a file, with {} for what is filled in."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "UserError":
            yield sentence_of(node.args[0])


def sentence_of(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(sentence_of(value) for value in node.values)
    if isinstance(node, ast.Constant):
        return str(node.value)
    return f"{node.func.id}()" if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else "{}"


def words_of(file: Path) -> str:
    constants = (node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant))
    return " ".join(value for value in constants if isinstance(value, str))


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_every_refusal_is_in_the_table(file: Path) -> None:
    pieces = REFUSALS.get(str(file.relative_to(ROOT)), {})
    unlisted = [sentence for sentence in refusals(file) if not any(piece in sentence for piece in pieces)]
    assert not unlisted, "add a row to tests/support/refusals.py, with the setting that lets it pass"


@pytest.mark.parametrize("file", REFUSALS)
def test_every_row_of_the_table_is_of_a_refusal_that_names_its_setting(file: str) -> None:
    sentences, words = set(refusals(ROOT / file)), words_of(ROOT / file)
    for piece, setting in REFUSALS[file].items():
        (sentence,) = [sentence for sentence in sentences if piece in sentence]
        if setting is None:
            continue
        assert setting in SETTINGS
        spoken = sentence if re.search(rf"\b{setting}\b", sentence) else words  # filled in, or a helper's
        assert re.search(rf"\b{setting}\b", spoken), f"{sentence!r} does not name `{setting}`"


def load(source: dict[str, Any], downloads: Path) -> Dataset:
    settings: Any = TypeAdapter(SourceSettings).validate_python(source)
    return load_dataset(settings, downloads)


@pytest.mark.parametrize("name", LIFTED)
def test_the_setting_that_a_refusal_names_lets_it_pass(name: str, tmp_path: Path) -> None:
    case = LIFTED[name]
    source = case.write(tmp_path)
    with pytest.raises(UserError) as refused:
        load(source, tmp_path / "downloads")
    assert case.sentence in str(refused.value)
    lifted = {
        key: value.format(folder=tmp_path) if isinstance(value, str) else value for key, value in case.lifted_by.items()
    }
    stated = {key: value for key, value in {**source, **lifted}.items() if value is not None}
    assert len(load(stated, tmp_path / "downloads").part.target) > 0
