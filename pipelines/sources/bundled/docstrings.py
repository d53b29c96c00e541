"""Docstrings of Python libraries: texts from the installed sources, the library as their class."""

import ast
import hashlib
import importlib.metadata
import importlib.util
import inspect
import re
import warnings
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part
from pipelines.data.schema import Field as Column
from pipelines.data.schema import Schema
from pipelines.data.text import to_bytes
from pipelines.data.tokenizers import tokenize
from pipelines.runtime.user_error import UserError

LIBRARIES = {  # name of the package -> what it is imported as
    "matplotlib": "matplotlib",
    "numpy": "numpy",
    "pandas": "pandas",
    "scikit-learn": "sklearn",
    "scipy": "scipy",
}
LIBRARY_NAMES = re.compile(  # what would give a library away, and the others with it: its own names
    r"\b(?:matplotlib|mpl|pyplot|plt|numpy|np|pandas|pd|scikit-learn|scikit|sklearn|scipy|sp)s?\b", re.IGNORECASE
)
EXCLUDED_PATH_PARTS = {
    "tests",
    "testing",
    "externals",
    "_vendored",
    "array_api_compat",
    "array_api_extra",
    "conftest.py",
}
DOCTEST_LINE = re.compile(r"^\s*(>>>|\.\.\. |\.\.\.$)")  # a line typed into Python in an example
MIN_WORDS = 5  # words of a docstring that says anything
MAX_CHARACTERS = 400  # characters that are kept
MAX_DOCSTRINGS_PER_FILE = 10  # docstrings of one file at most, because those resemble each other


HOMEPAGES = (
    "https://matplotlib.org, https://numpy.org, https://pandas.pydata.org, https://scikit-learn.org, https://scipy.org"
)


class DocstringsSettings(BaseModel):
    """`source: {kind: docstrings, most: 400}`"""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Literal["docstrings"]
    most: int = Field(default=400, ge=10)  # docstrings of each library


class Docstring(NamedTuple):
    """What is written above a public function or class."""

    text: str
    module: str  # the file it stands in: "numpy/lib/_index_tricks_impl.py"


def load_docstrings(settings: DocstringsSettings) -> Dataset:
    """Read docstrings of five libraries, equally many of each if they have as many.

    The packages' files are parsed, never imported. Of a library's functions and classes at the top of a file, those
    whose names begin with an underscore are left out, and so are tests and other people's code that it carries along.
    Files are read in the order of a hash of their names until there is enough, so that all corners of a library have
    the same chance and the same pinned packages give the same bytes.

    Raises:
        UserError: if a library is not installed, or its sources are not.
    """
    by_library = {name: _collect_docstrings(name, imported, settings.most) for name, imported in LIBRARIES.items()}
    names = tuple(by_library)
    found = [one for docstrings in by_library.values() for one in docstrings]
    texts = to_bytes([one.text for one in found], max_bytes=MAX_CHARACTERS * 4)  # a character has at most four bytes
    target = np.repeat(np.arange(len(names), dtype=np.int64), [len(by_library[name]) for name in names])
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    schema = Schema(
        inputs=(Column(name="docstring", kind="text", dtype="uint8", shape=texts.shape[1:]),),
        target=Column(name="library", kind="category", dtype="int64", shape=(), categories=names),
        title="Which library a docstring comes from",
        origin=f"the sources of the installed Python packages {versions} ({HOMEPAGES})",
        licence="; ".join(f"{name}: {_package_licence(name)}" for name in names) + " (as the packages' metadata state)",
    )
    notes = (
        f"{len(found)} docstrings of public functions and classes: "
        + ", ".join(f"{len(by_library[name])} of {name}" for name in names)
        + ".",
        "The libraries' own names and the names they are imported by (such as np and plt) were taken out, and so were "
        f"the lines of code in examples. The first {MAX_CHARACTERS} characters of what is left were kept.",
        "A docstring that a library repeats word for word was taken once, and of one file at most "
        f"{MAX_DOCSTRINGS_PER_FILE}. Those of one file resemble each other: splitting by the group `module`, the file, "
        "is the harder and fairer test.",
    )
    keys = {"module": np.array([one.module for one in found])}
    return Dataset(schema, Part((texts,), target), notes, keys=keys)


def _collect_docstrings(name: str, import_name: str, most: int) -> list[Docstring]:
    """The first `most` docstrings of a library that are all different."""
    unique_docstrings: dict[str, Docstring] = {}
    for one in _iterate_docstrings(name, import_name):
        unique_docstrings.setdefault(one.text, one)
        if len(unique_docstrings) == most:
            break
    return list(unique_docstrings.values())


def _package_folder(name: str, import_name: str) -> Path:
    spec = importlib.util.find_spec(import_name)  # of a name without a dot this imports nothing
    if spec is None or not spec.origin or not Path(spec.origin).is_file():
        raise UserError(f"source.kind: docstrings reads the sources of {name}, which is not installed; run `make`")
    return Path(spec.origin).parent


def iterate_modules(name: str, import_name: str) -> Iterator[tuple[str, ast.Module]]:
    """The files of a library that are its own, tests left out, in the order of a hash of their names; parsed.

    Raises:
        UserError: if the library is not installed, or its sources are not.
    """
    folder = _package_folder(name, import_name)
    paths = {path.relative_to(folder.parent).as_posix(): path for path in folder.rglob("*.py")}
    for module in sorted(paths, key=lambda name: hashlib.blake2b(name.encode()).digest()):
        if EXCLUDED_PATH_PARTS.isdisjoint(module.split("/")):
            yield module, _parse_module(paths[module])


def _iterate_docstrings(name: str, import_name: str) -> Iterator[Docstring]:
    """The docstrings of a package with enough words, file by file, at most MAX_DOCSTRINGS_PER_FILE of each."""
    for module, tree in iterate_modules(name, import_name):
        texts = (mask_library_names(docstring) for docstring in _public_docstrings(tree))
        long_texts = (text for text in texts if len(tokenize(text)) >= MIN_WORDS)
        yield from (Docstring(text, module) for text in islice(long_texts, MAX_DOCSTRINGS_PER_FILE))


def _public_docstrings(module: ast.Module) -> Iterator[str]:
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            yield ast.get_docstring(node, clean=False) or ""


def _parse_module(path: Path) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries' own texts, such as a backslash too many
        return ast.parse(path.read_bytes())


def mask_library_names(docstring: str) -> str:
    """Take out what names a library and the lines of code in examples; keep the first MAX_CHARACTERS characters."""
    lines = [line.rstrip() for line in inspect.cleandoc(docstring).splitlines() if not DOCTEST_LINE.match(line)]
    return LIBRARY_NAMES.sub("", "\n".join(lines)).strip()[:MAX_CHARACTERS].rstrip()


def _package_licence(name: str) -> str:
    """What the package says in its metadata: an SPDX expression, or else the classifier of its licence."""
    package_metadata = importlib.metadata.metadata(name)
    if (
        "License-Expression" in package_metadata
    ):  # asking for what is not there raises, with some versions of importlib_metadata
        return package_metadata["License-Expression"]
    classifiers = [line for line in package_metadata.get_all("Classifier") or [] if line.startswith("License :: ")]
    return ", ".join(line.rpartition(" :: ")[2] for line in classifiers) or "not stated"
