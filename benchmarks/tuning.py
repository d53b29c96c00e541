"""Tuning benchmark: the speed of two workers beside one, in the same search of lenet5 on digits, alternating.

Once as params.yaml has it, once longer; with its rungs and pruning. One worker and two find the same trials, which is
checked.
"""

import shutil
import statistics
import tempfile
from pathlib import Path

from benchmarks.jobs import prepare_job
from benchmarks.timing import format_ratio, time_alternately
from pipelines.data.schema import read_schema
from pipelines.settings.params import load_params
from pipelines.tasks import build_task
from pipelines.training.finished_trials import Trial
from pipelines.training.learners import learner_of
from pipelines.training.search import SearchConfig, run_search
from pipelines.training.search_space import build_search_space

CONTENDER, ROUNDS = "digits-lenet5", 5


def make_search_config(folder: Path, trials: int, generation: int) -> SearchConfig:
    params = load_params()
    entry = params.contenders[CONTENDER]
    job = prepare_job(folder, params, CONTENDER)
    goal = build_task(job.task_settings, read_schema(job.schema_file), job.goal).goal
    space = build_search_space(CONTENDER, entry.architecture, job.task_settings.kind, entry.fix, entry.search)
    shares = learner_of(entry.architecture).rungs
    length = params.budget_settings(CONTENDER)
    return SearchConfig(job, goal, space, trials, generation, length, shares, params.seed, CONTENDER)


def measure_tuning(trials: int, generation: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        config = make_search_config(folder, trials, generation)
        trials_by_workers: dict[int, list[Trial]] = {}

        def search_with(workers: int) -> None:
            shutil.rmtree(folder / "scratch", ignore_errors=True)
            _, trials_by_workers[workers] = run_search(config, folder / "scratch", workers, lambda *_: None)

        seconds = time_alternately({"one": lambda: search_with(1), "two": lambda: search_with(2)}, ROUNDS)
        assert trials_by_workers[1] == trials_by_workers[2], "the number of workers changed the result"
    print(
        f"tuning {CONTENDER}: {config.trial_count} trials in generations of {config.generation_size}, rungs "
        f"{config.shares}"
    )
    print(f"  one worker {statistics.median(seconds['one']):.1f} s, two {statistics.median(seconds['two']):.1f} s")
    print(f"    speed of two workers beside one  {format_ratio(seconds['one'], seconds['two'])}")


def main() -> None:
    settings = load_params().tune_settings(CONTENDER)
    measure_tuning(settings.trials, settings.generation)
    measure_tuning(trials=24, generation=8)  # a longer search, in larger generations: fewer waits at their ends


if __name__ == "__main__":
    main()
