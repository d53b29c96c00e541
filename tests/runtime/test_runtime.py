"""How a stage runs: whole files, workers that survive, progress that reads well, names that are checked."""

import io
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.runtime.array_files import write_arrays
from pipelines.runtime.files import atomic_write, write_json
from pipelines.runtime.progress import Progress, format_duration, show_progress
from pipelines.runtime.seeds import derive_seed
from pipelines.runtime.workers import Crash, Workers
from tests.support.clock import pass_minutes


def double(task: int) -> int:
    return 2 * task


def leave_a_mark_then_die(task: Path) -> str:
    """Die on the first visit, live on the second: what a worker killed by hand looks like."""
    if not task.exists():
        task.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def always_die(task: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return task


def fail_on_two(task: int) -> int:
    if task == 2:
        raise LookupError("two is not here")
    return task


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_keep_the_order_of_tasks_for_any_number_of_workers(count: int) -> None:
    with Workers(double, count) as pool:
        assert pool.map(list(range(7))) == [0, 2, 4, 6, 8, 10, 12]
        assert pool.map([5]) == [10], "the same workers serve the next batch"


def test_a_killed_worker_is_replaced_and_its_task_tried_again(tmp_path: Path) -> None:
    with Workers(leave_a_mark_then_die, 1) as pool:
        assert pool.map([tmp_path / "a", tmp_path / "b"]) == ["alive", "alive"]


def test_a_task_that_kills_every_worker_is_given_up_with_a_reason() -> None:
    with Workers(always_die, 1) as pool:
        (outcome,) = pool.map([1])
    assert outcome == Crash("its process was killed (out of memory?)")


def test_what_a_worker_raises_is_raised_with_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="two is not here"), Workers(fail_on_two, 2) as pool:
        pool.map([1, 2, 3])


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time, os\n"
        "from pathlib import Path\n"
        "from tests.runtime.test_runtime import report_and_wait\n"
        "from pipelines.runtime.workers import Workers\n"
        "with Workers(report_and_wait, 2) as pool: pool.map([Path(sys.argv[1]) / 'a', Path(sys.argv[1]) / 'b'])\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    marks = [tmp_path / "a", tmp_path / "b"]
    until(lambda: all(mark.exists() and mark.read_text() for mark in marks))
    parent.kill()
    parent.wait()
    until(lambda: not any(alive(int(mark.read_text())) for mark in marks))


def report_and_wait(task: Path) -> None:
    task.write_text(str(os.getpid()))
    time.sleep(120)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except FileNotFoundError:
        return False


def until(condition: object, seconds: float = 300.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(path, {"new": float("nan")})
    with pytest.raises(FileNotFoundError), atomic_write(path) as temporary:
        temporary.with_name("absent").rename(temporary)
    assert path.read_text() == '{\n  "old": 1\n}\n'
    assert list(tmp_path.iterdir()) == [path]


def test_arrays_written_at_different_times_have_the_same_bytes(tmp_path: Path) -> None:
    arrays = {"a": np.arange(5), "b": np.ones((2, 3))}
    write_arrays(tmp_path / "first.npz", arrays)
    os.utime(tmp_path / "first.npz", (0, 0))
    time.sleep(2.1)  # zip stores times in steps of two seconds
    write_arrays(tmp_path / "second.npz", arrays)
    assert (tmp_path / "first.npz").read_bytes() == (tmp_path / "second.npz").read_bytes()


def test_object_arrays_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(tmp_path / "a.npz", {"a": np.array([{}], dtype=object)})


def test_a_log_gets_plain_lines_for_the_first_and_the_last_state() -> None:
    stream = io.StringIO()
    progress = Progress("trial", 3, stream)
    for done in range(4):
        progress.update(done, f"best {done}")
    lines = stream.getvalue().splitlines()
    assert lines[0].strip() == "trial 0 of 3  best 0"
    assert lines[-1].startswith("  trial 3 of 3")
    assert len(lines) == 2, "the ones between came within ten seconds"
    assert "\x1b" not in stream.getvalue()


@given(st.floats(0, 1e6))
def test_a_duration_never_says_sixty_seconds(seconds: float) -> None:
    assert "60 s" not in format_duration(seconds)
    assert "60 min" not in format_duration(seconds)


@given(st.integers(0, 2**31), st.text(), st.integers(0, 1000))
def test_seeds_fit_every_generator_and_differ_by_purpose(seed: int, word: str, number: int) -> None:
    assert 0 <= derive_seed(seed, word, number) < 2**31
    assert derive_seed(seed, word, number) == derive_seed(seed, word, number)
    assert derive_seed(seed, word, number) != derive_seed(seed, word, number + 1)


def test_short_work_shows_no_progress() -> None:
    stream = io.StringIO()
    assert list(show_progress(range(5), "file", 5, stream)) == list(range(5))
    assert stream.getvalue() == ""


def test_long_work_shows_how_much_is_over_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    pass_minutes(monkeypatch)
    stream = io.StringIO()
    assert list(show_progress(iter("abcdef"), "file", 6, stream)) == list("abcdef")
    lines = stream.getvalue().splitlines()
    assert any(re.match(r"  file \d of 6  about .* left", line) for line in lines)
    assert lines[-1].startswith("  file 6 of 6")


def test_long_work_of_unknown_length_shows_how_much_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    pass_minutes(monkeypatch)
    stream = io.StringIO()
    assert list(show_progress(iter("abc"), "row", None, stream)) == list("abc")
    lines = stream.getvalue().splitlines()
    assert re.fullmatch(r"  row 1  \d+ min 0 s", lines[0])
    assert re.fullmatch(r"  row 3 of 3  \d+ min 0 s", lines[-1])
