"""How much faster do two workers tune than one? The same search of lenet5 on digits, alternating.

Once as params.yaml has it, once longer; with its rungs and pruning. One worker and two find the same trials, which is
checked.
"""

import shutil
import statistics
import tempfile
from pathlib import Path

from benchmarks.digits import lesson_in
from benchmarks.timing import alternate, ratio
from pipelines.data.schema import read_schema
from pipelines.settings.params import load
from pipelines.tasks import task
from pipelines.training.learners import learner_of
from pipelines.training.search import Plan, Trial, search
from pipelines.training.search_space import searchable

CONTENDER, ROUNDS = "digits-lenet5", 5


def planned(folder: Path, trials: int, generation: int) -> Plan:
    params = load()
    entry, settings = params.contenders[CONTENDER], params.tune(CONTENDER)
    lesson = lesson_in(folder, params, CONTENDER)
    goal = task(lesson.task, read_schema(lesson.schema), lesson.goal).goal
    found = searchable(CONTENDER, entry.architecture, entry.fix, entry.search)
    rungs = learner_of(entry.architecture).rungs(settings.epochs)
    return Plan(lesson, goal, found.space, found.defaults, found.fixed, trials, generation, rungs, params.seed)


def measure(trials: int, generation: int) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        plan = planned(folder, trials, generation)
        found: dict[int, list[Trial]] = {}

        def run(workers: int) -> None:
            shutil.rmtree(folder / "scratch", ignore_errors=True)
            _, found[workers] = search(plan, folder / "scratch", workers, lambda *_: None)

        seconds = alternate({"one": lambda: run(1), "two": lambda: run(2)}, ROUNDS)
        assert found[1] == found[2], "the number of workers changed the result"
    print(f"tuning {CONTENDER}: {plan.trials} trials in generations of {plan.generation}, rungs {plan.rungs}")
    print(f"  one worker {statistics.median(seconds['one']):.1f} s, two {statistics.median(seconds['two']):.1f} s")
    print(f"    speed of two workers beside one  {ratio(seconds['one'], seconds['two'])}")


def main() -> None:
    settings = load().tune(CONTENDER)
    measure(settings.trials, settings.generation)
    measure(trials=24, generation=8)  # a longer search, in larger generations: fewer waits at their ends


if __name__ == "__main__":
    main()
