"""First trials benchmark: the best of a search's first trials, drawn each for itself or spread over the space.

    python -m benchmarks.first_trials                        logistic_regression, gradient_boosting, mlp and cnn
    python -m benchmarks.first_trials mlp --draws 30         one of them

A number is by how many per cent the goal on validation, of which less is better, is below that of the defaults, which
are the first trial: the best of two trials, of three, and so on, in the mean over draws (and its standard error).
`each for itself` are those of Optuna's RandomSampler, `spread` those of `pipelines/training/first_trials.py`. Networks
are trained for benchmarks.defaults' steps.
"""

import argparse
import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna

from benchmarks.default_problems import IMAGES, TABLES, Problem, write_problem
from benchmarks.defaults import train
from models.blocks.hyperparameters import SettingValue
from pipelines.training.first_trials import spread_points
from pipelines.training.job import TrainingJob
from pipelines.training.search import to_distribution
from pipelines.training.search_space import SearchSpace, build_search_space

TRIALS, DRAWS = 6, 20
PROBLEMS: Mapping[str, Mapping[str, Callable[[], Problem]]] = {
    "logistic_regression": {
        name: (TABLES if name in TABLES else IMAGES)[name]
        for name in ("travel mode", "digits", "photographs' quarters")
    },
    "gradient_boosting": TABLES,
    "mlp": TABLES,
    "cnn": IMAGES,
}
Points = list[dict[str, SettingValue]]


def draw_each_for_itself(space: SearchSpace, count: int, seed: int) -> Points:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed))
    distributions = {name: to_distribution(domain) for name, domain in space.domains.items()}
    return [study.ask(distributions).params for _ in range(count)]


def draw_spread(space: SearchSpace, count: int, seed: int) -> Points:
    return spread_points(space.domains, count, seed)


KINDS = {"each for itself": draw_each_for_itself, "spread": draw_spread}


def compare(job: TrainingJob, draws: int) -> dict[str, np.ndarray]:
    """For each kind, logarithms of the best goal over that of the defaults, draws x trials."""
    space = build_search_space("benchmark", job.architecture, job.task_settings.kind, {}, {})

    def score(values: Mapping[str, SettingValue]) -> float:
        with tempfile.TemporaryDirectory() as folder:
            return train(job, space.scale_drawn(values), 0, Path(folder) / "trial")

    first = score(space.first_values)
    found = {}
    for kind, draw in KINDS.items():
        scores = [[score(values) - first for values in draw(space, TRIALS - 1, seed)] for seed in range(draws)]
        found[kind] = np.minimum.accumulate(np.minimum(scores, 0.0), axis=1)
    return found


def report(architecture: str, draws: int) -> None:
    print(f"\n| `{architecture}` | | {' | '.join(f'best of {count}' for count in range(2, TRIALS + 1))} |")
    print("|---|---|" + "---|" * (TRIALS - 1))
    for title, problem in PROBLEMS[architecture].items():
        with tempfile.TemporaryDirectory() as folder:
            found = compare(replace(write_problem(Path(folder), problem()), architecture=architecture), draws)
        for kind, best in found.items():
            errors = 100 * best.std(axis=0, ddof=1) / math.sqrt(draws)
            cells = (
                f"{-100 * math.expm1(mean):.1f} ± {error:.1f}" for mean, error in zip(best.mean(0), errors, strict=True)
            )
            print(f"| {title} | {kind} | {' | '.join(cells)} |", flush=True)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architectures", nargs="*", help=f"of {', '.join(PROBLEMS)}; all when absent")
    parser.add_argument("--draws", type=int, default=DRAWS, help=f"two or more; {DRAWS} when absent")
    asked = parser.parse_args(arguments)
    if unknown := [name for name in asked.architectures if name not in PROBLEMS]:
        parser.error(f"{unknown[0]} is not compared here; there are {', '.join(PROBLEMS)}")
    if asked.draws < 2:
        parser.error(f"the error of a mean over draws needs two or more, found {asked.draws}")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    for architecture in asked.architectures or PROBLEMS:
        report(architecture, asked.draws)


if __name__ == "__main__":
    main()
