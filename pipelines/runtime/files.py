"""Atomic file writes (temporary name, flush, rename) and reads that explain damage."""

import errno
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.runtime.user_error import UserError

TEMPORARY_PREFIX = ".unfinished-"  # how a temporary name begins; .dvcignore passes such files over
LEFTOVER_PATTERNS = (
    f"{TEMPORARY_PREFIX}*",
    "*.tmp",
)  # what killed writers leave: ours, and DVC's trial of which links work


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it over `path` when the block ends well.

    A process killed inside the block leaves `path` as it was, and a file that `delete_unfinished_files` removes. The
    temporary name carries the machine's name and the process number, so two processes never share one, and keeps the
    ending, because savers look at it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{TEMPORARY_PREFIX}{os.uname().nodename}-{os.getpid()}-{path.name}")
    try:
        yield temporary
        with temporary.open("rb") as stream:
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:  # NumPy reports a full disk without a number, and writing does not say to which file
        number = errno.ENOSPC if error.errno is None else error.errno
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def delete_unfinished_files(folder: Path) -> None:
    """Remove what writers that were killed left in a folder. Only for a folder nobody else writes to now."""
    for leftover in (path for pattern in LEFTOVER_PATTERNS for path in folder.glob(pattern)):
        leftover.unlink(missing_ok=True)


def write_bytes(path: Path, content: bytes) -> None:
    with atomic_write(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, text: str) -> None:
    write_bytes(path, text.encode())


def write_json(path: Path, value: Mapping[str, Any] | list[Any]) -> None:
    """Write readable JSON whose bytes depend on the value alone; NaN is refused, as JSON has none."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    with explaining_damage(path):
        return json.loads(path.read_text(encoding="utf-8"))


@contextmanager
def explaining_damage(path: Path) -> Iterator[None]:
    """Turn what a damaged file makes its reader raise into a sentence that names the file.

    Raises:
        UserError: if the block raises an error of values, of keys, or of input that is not "no such file".
    """
    try:
        yield
    except FileNotFoundError:
        raise UserError(f"{path} is missing; `dvc repro` makes it again") from None
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        cause = " ".join(str(error).split())[:120]
        raise UserError(f"{path} is damaged ({cause}); delete it, and `dvc repro` makes it again") from None


def copy_file(source: Path, path: Path) -> None:
    with atomic_write(path) as temporary:
        shutil.copyfile(source, temporary)
