"""params.yaml on disk: problems added and removed in one step, so that it is never half written."""

from pipelines.proposals.params_entries import (
    Entries,
    find_section,
    insert_entries,
    problem_names,
    remove_entries,
    taken_name,
)
from pipelines.runtime.files import write_bytes
from pipelines.runtime.locks import exclusive_lock, find_lock_holder
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.settings.params import NAME_PATTERN

EDIT_LOCK_FILE = paths.STATE_FOLDER / "params.lock"  # held while params.yaml is read and written again


def read_params_text() -> str:
    """The text of params.yaml, with the line ends that it has.

    Raises:
        UserError: it is not UTF-8.
    """
    try:
        return paths.PARAMS_FILE.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise UserError(f"{paths.PARAMS_FILE}: byte {error.start} is not UTF-8; save it as UTF-8") from None


def check_name(name: str, text: str) -> None:
    """Check that a problem may be called so, and that the file is one that lines can be put into.

    Raises:
        UserError: the name is taken, or is none; or the file stands in braces.
    """
    if not NAME_PATTERN.fullmatch(name) or name == paths.INPUTS_FOLDER.name:
        raise UserError(
            f"no problem may be called {name!r}: a name is lower-case letters, digits, '-' and '_', 64 at most, and "
            f"not {paths.INPUTS_FOLDER.name!r}"
        )
    if name in problem_names(text):
        raise UserError(taken_name(name))
    for section in ("problems", "contenders"):
        find_section(text, section)


def add_entries(entries: Entries) -> None:
    """Put a problem and its contenders into params.yaml, as it is now.

    Raises:
        UserError: a name was taken, a run is under way, or lines cannot be put into the file as it is written.
    """
    with exclusive_lock(EDIT_LOCK_FILE, "waiting for another `bakeoff add` or `remove` ..."):
        _refuse_beside_run()
        write_bytes(paths.PARAMS_FILE, insert_entries(read_params_text(), entries).encode())


def take_out_problem(name: str) -> None:
    """Take a problem and its contenders out of params.yaml.

    Raises:
        UserError: a run is under way, or its lines cannot be taken out of the file as it is written.
    """
    with exclusive_lock(EDIT_LOCK_FILE, "waiting for another `bakeoff add` or `remove` ..."):
        _refuse_beside_run()
        write_bytes(paths.PARAMS_FILE, remove_entries(read_params_text(), name).encode())


def _refuse_beside_run() -> None:
    holder = find_lock_holder(paths.RUN_LOCK_FILE)
    if holder is not None:
        raise UserError(
            f"nothing was changed: a run is under way in this folder (process {holder}); wait for it, or stop it with "
            "Ctrl-C there"
        )
