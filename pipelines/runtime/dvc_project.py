"""DVC's work around a stage's command, taken apart, so that commands can run side by side.

`dvc repro` does for one stage after the other: compare it with dvc.lock, remove its outputs, look into the run cache,
run the command, hash and store what it wrote, write dvc.lock. Here the same methods of DVC are called in the same order
by one process, which holds DVC's lock while it calls them and not while commands run. This is the one file that goes
through what DVC does not promise to keep, so it is held to one version of it.
"""

import json
import logging
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, NamedTuple

from pipelines.runtime.files import write_text
from pipelines.runtime.user_error import UserError

DVC_VERSION = "3.67.1"
LOCK_FILE = Path("dvc.lock")
LOCK_HEADER = "schema: '2.0'\nstages:\n"
MAX_LOCK_SECONDS = 60.0  # how long another DVC command, such as `dvc status`, may hold DVC's lock
RETRY_SECONDS = 0.05

Outcome = Literal["up to date", "restored", "must run"]


class PlannedStage(NamedTuple):
    """A stage in the order of `dvc repro`."""

    address: str  # tune@digits-mlp
    command: str
    upstream: tuple[str, ...]  # addresses of the stages whose outputs it reads


def stage_title(address: str) -> str:
    """`tune digits-mlp` for tune@digits-mlp, `resolve` for pipelines/dvc.yaml:resolve."""
    return address.rpartition(":")[2].replace("@", " ")


def is_supported() -> bool:
    """Whether this is the version of DVC whose methods are called here."""
    return version("dvc") == DVC_VERSION


class DvcProject:
    """The stages of the project in the current folder, and dvc.lock."""

    def __init__(self) -> None:
        """Open the project.

        Raises:
            UserError: DVC cannot read the project, with DVC's own reason.
        """
        from dvc import rwlock
        from dvc.repo import Repo

        rwlock.rwlock = _respect_other_commands
        logging.getLogger("dvc").setLevel(logging.CRITICAL)  # no bars over the run's screen; errors are raised
        with _explained():
            self._repo = Repo()
            self._graph = self._repo.index.graph
        self._stages: dict[str, Any] = {}
        self._is_held = False
        self._hashes: dict[str, Any] = {}  # of what stages read, by path, while DVC's lock is held
        self._order: list[str] = []  # in which DVC would write the stages into dvc.lock

    def plan(self, targets: Sequence[str] = ()) -> list[PlannedStage]:
        """The stages to look at for some addresses (of dvc.yaml all, if there is none), what they read first.

        Raises:
            UserError: there is no stage of that address.
        """
        from dvc.repo.reproduce import collect_stages, plan_repro

        known = {stage.addressing: stage for stage in self._repo.index.stages}
        with _explained(), self._locked():
            if all(target in known for target in targets):
                wanted = [known[target] for target in targets] or list(filter(_is_at_root, known.values()))
            else:  # a pattern, or a name that DVC explains is none
                wanted = collect_stages(self._repo, list(targets))
            ordered = plan_repro(self._graph, wanted)
        self._stages = {stage.addressing: stage for stage in ordered}
        self._order = [stage.addressing for stage in ordered if _is_at_root(stage)]
        return [
            PlannedStage(
                stage.addressing,
                stage.cmd if isinstance(stage.cmd, str) else "\n".join(stage.cmd or ()),
                tuple(each.addressing for each in self._graph.successors(stage)),
            )
            for stage in ordered
        ]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold DVC's lock over several calls: to take it anew makes DVC forget what it has read."""
        with self._locked():
            self._is_held = True
            try:
                yield
            finally:
                self._is_held = False
                self._hashes.clear()

    def begin(self, address: str) -> Outcome:
        """Compare a stage with dvc.lock; if it is not up to date, remove its outputs or take them from the cache."""
        from dvc.stage.cache import RunCacheNotFoundError

        stage = self._stages[address]
        with _explained(), self._locked():
            for dependency in stage.deps:
                dependency.get_hash = partial(self._hash_once, dependency)
            if not stage.changed():
                self._hashes |= {out.fs_path: out.hash_info for out in stage.outs if self._is_held}
                return "up to date"
            stage.remove_outs(ignore_remove=False, force=False)
            try:
                self._repo.stage_cache.restore(stage)
            except RunCacheNotFoundError:
                stage.save_deps()
                return "must run"
            self._save(stage)
            return "restored"

    def _hash_once(self, dependency: Any) -> Any:
        """The hash of what a stage reads, which many read: nothing writes there before DVC's lock is let go."""
        if not self._is_held:
            return type(dependency).get_hash(dependency)
        if dependency.fs_path not in self._hashes:
            self._hashes[dependency.fs_path] = type(dependency).get_hash(dependency)
        return self._hashes[dependency.fs_path]

    def record(self, address: str) -> None:
        """Hash and store what the command of a stage wrote, and write dvc.lock."""
        with _explained(), self._locked():
            self._save(self._stages[address])

    def environment(self, address: str) -> dict[str, str]:
        """What DVC adds to the environment of a stage's command."""
        return {"DVC_ROOT": str(self._repo.root_dir), "DVC_STAGE": address}

    def _save(self, stage: Any) -> None:
        with self._repo.scm_context(quiet=True):
            stage.save(run_cache=all(out.use_cache or out.is_metric or out.is_plot for out in stage.outs))
            stage.commit()
            if not _is_at_root(stage) or not write_lock_entry(LOCK_FILE, stage, self._order):
                stage.dump(update_pipeline=False)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        from dvc.lock import LockError

        if self._is_held:
            yield
            return
        give_up_at = time.monotonic() + MAX_LOCK_SECONDS
        while True:
            try:
                self._repo.lock.lock()
                break
            except LockError:
                if time.monotonic() > give_up_at:
                    raise UserError(
                        f"another DVC command has held its lock for {MAX_LOCK_SECONDS:.0f} s; wait for it, or end it"
                    ) from None
                time.sleep(RETRY_SECONDS)
        try:
            yield
        finally:
            self._repo.lock.unlock()
            self._repo._reset()


def write_lock_entry(path: Path, stage: Any, order: Sequence[str]) -> bool:
    """Write dvc.lock with a stage as it is now; False, and nothing is written, if the file is not laid out as expected.

    DVC parses the whole file and writes it again for each stage; here the stage's block of lines is written as DVC
    would, and the others stay the text they are.

    Args:
        order: the addresses of stages, as `dvc repro` from nothing would write them.
    """
    from dvc.stage.serialize import to_lockfile
    from dvc.utils.serialize import dumps_yaml

    blocks = read_lock_blocks(path)
    if blocks is None:
        return False
    (name,) = (entry := to_lockfile(stage))
    block = dumps_yaml({"stages": entry}).removeprefix("stages:\n")
    if blocks.get(name) != block:
        write_text(path, LOCK_HEADER + "".join(_insert_block(blocks, name, block, order).values()))
    return True


def read_lock_blocks(path: Path) -> dict[str, str] | None:
    """The lines of each stage in dvc.lock, by its address; None if the file is not laid out as expected."""
    text = path.read_text(encoding="utf-8") if path.exists() else LOCK_HEADER
    if not text.startswith(LOCK_HEADER):
        return None
    blocks = re.split(r"^(?=  [^ ])", text.removeprefix(LOCK_HEADER), flags=re.MULTILINE)
    return {block[2:].split(":", 1)[0]: block for block in blocks if block}


def _insert_block(blocks: Mapping[str, str], name: str, block: str, order: Sequence[str]) -> dict[str, str]:
    """A new stage stands where `dvc repro` from nothing would put it, if the others stand so; else at the end."""
    places = {each: place for place, each in enumerate(order)}
    inserted = {**blocks, name: block}
    is_in_order = all(each in places for each in inserted) and sorted(blocks, key=places.__getitem__) == list(blocks)
    if name in blocks or not is_in_order:
        return inserted
    return {each: inserted[each] for each in sorted(inserted, key=places.__getitem__)}


@contextmanager
def _respect_other_commands(
    tmp_dir: str, fs: Any, cmd: str, read: list[str], write: list[str], hardlink: bool
) -> Iterator[None]:
    """Refuse files that another DVC command, which is running a stage, reads or writes, as DVC's own function does.

    That one also writes down for others what is read and written, in a file that is left damaged when its writer is
    killed, and then keeps every DVC command from working. Nobody needs it of this process, which holds DVC's lock
    whenever it touches a file.
    """
    from dvc import rwlock

    path = Path(tmp_dir, rwlock.RWLOCK_FILE)
    try:
        others = rwlock.SCHEMA(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        others = rwlock.SCHEMA({})
    except ValueError:  # left by a DVC command that was killed
        path.unlink()
        others = rwlock.SCHEMA({})
    own = {"pid": os.getpid(), "cmd": cmd}
    rwlock._check_blockers(tmp_dir, others, own, mode="write", waiters=[*read, *write])
    rwlock._check_blockers(tmp_dir, others, own, mode="read", waiters=write)
    yield


def _is_at_root(stage: Any) -> bool:
    """Whether the stage stands in dvc.yaml itself, and so in dvc.lock."""
    return Path(stage.path).samefile("dvc.yaml")


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what DVC refuses into a sentence, with its causes."""
    from dvc.exceptions import DvcException

    try:
        yield
    except DvcException as error:
        causes = [" ".join(str(each).split()) for each in (error, error.__cause__) if each is not None]
        raise UserError(f"DVC: {': '.join(cause for cause in causes if cause)}") from None
