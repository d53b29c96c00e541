"""YAML files, read as DVC reads them: YAML 1.2, in which 1e-3 is a number and no key stands twice."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from pipelines.runtime.user_error import UserError


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; not to be changed, because a process parses the same text once.

    Raises:
        UserError: if the file is missing, is not YAML, or has a key twice.
    """
    try:
        return parse_yaml(path, path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; run from the project's folder") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not readable as YAML: {_explain_error(error)}") from None


def parse_yaml(path: Path, text: str) -> Any:
    """The content of a YAML text; not to be changed, as that of `read_yaml`.

    Args:
        path: the file that it is from, for failures.

    Raises:
        UserError: if it is not YAML, or has a key twice.
    """
    try:
        return _parse_yaml(text)
    except YAMLError as error:
        raise UserError(f"{path} is not readable as YAML: {_explain_error(error)}") from None


@lru_cache(maxsize=4)
def _parse_yaml(text: str) -> Any:
    return YAML(typ="safe").load(text)


def _explain_error(error: YAMLError | UnicodeDecodeError) -> str:
    if isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem}"
    return " ".join(str(error).split())
