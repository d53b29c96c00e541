"""Defaults benchmark: settings of a learner and its network tried on several problems, to choose defaults by.

    python -m benchmarks.defaults mlp lstm --draws 30     all that learn in epochs when none is named

Draw 0 is the present defaults; every other draw keeps each of them with probability 1/2 and takes the rest from the
search space. All draws are trained on all problems of the architecture for the budget of params.yaml, from one seed,
the best of them and the defaults from two more. A draw is as good as its mean rank: 0 where it was the best on every
problem from every seed, 1 where it was the worst.
"""

import argparse
import random
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.jobs import prepare_job
from models.blocks.hyperparameters import Choice, Range, SettingValue
from pipelines.data.schema import read_schema
from pipelines.runtime.seeds import derive_seed
from pipelines.settings.params import load_params
from pipelines.tasks import build_task
from pipelines.training.budget import Budget
from pipelines.training.job import TrainingJob
from pipelines.training.search_space import SearchSpace, build_search_space
from pipelines.training.trial import TrialSpec, run_trial

FINALISTS, FINAL_SEEDS = 2, (1, 2)
PROBLEMS = {  # architecture: problems of params.yaml that its defaults should suit
    "mlp": ("digits", "tumours", "diabetes", "libraries"),
    "periodic_mlp": ("tumours", "diabetes"),
    "autoencoder": ("odd_cells", "noisy_digits"),
    "lenet5": ("digits",),
    "cnn": ("digits",),
    "lstm": ("digit_rows", "libraries"),
    "vae": ("new_digits",),
    "gan": ("new_digits",),
    "conv_autoencoder": ("noisy_digits",),
    "unet": ("photographs", "noisy_digits"),
}
Settings = Mapping[str, SettingValue]
Scores = dict[tuple[int, str, int], float]  # by draw, problem and seed; lower is better


def draw_settings(space: SearchSpace, count: int) -> list[Settings]:
    """The defaults, then random departures from them."""
    generator = random.Random(derive_seed(0, space.architecture))
    draws: list[Settings] = [dict(space.first_values)]
    while len(draws) < count:
        draws.append(
            {
                name: default if generator.random() < 0.5 else _draw_value(space.domains[name], generator)
                for name, default in space.first_values.items()
            }
        )
    return draws


def _draw_value(domain: Range | Choice, generator: random.Random) -> SettingValue:
    if isinstance(domain, Choice):
        return generator.choice(domain.options)
    share = generator.random()
    value = (
        domain.low * (domain.high / domain.low) ** share
        if domain.log
        else domain.low + share * (domain.high - domain.low)
    )
    return round(value) if domain.integer else float(f"{value:.2g}")


def mean_ranks(scores: Scores, draws: Iterable[int]) -> dict[int, float]:
    """For each of some draws its mean rank among them, from 0 to 1, over problems and seeds."""
    considered = sorted(set(draws))
    cases = sorted({(problem, seed) for draw, problem, seed in scores if draw in considered})
    cases = [case for case in cases if all((draw, *case) in scores for draw in considered)]
    totals = dict.fromkeys(considered, 0.0)
    for case in cases:
        for draw in considered:
            worse_than = sum(scores[other, *case] < scores[draw, *case] for other in considered)
            totals[draw] += worse_than / (len(considered) - 1) / len(cases)
    return totals


class Comparison:
    """The draws of an architecture, and what they came to."""

    def __init__(self, architecture: str, draws: int, folder: Path) -> None:
        params = load_params()
        self.budget, self.folder = Budget(params.defaults.budget), folder
        self.jobs: dict[str, TrainingJob] = {}
        for problem in PROBLEMS[architecture]:
            job = prepare_job(folder / problem, params, params.contender_names(problem)[0])
            self.jobs[problem] = replace(job, architecture=architecture)
        self.spaces = {
            problem: build_search_space(architecture, architecture, job.task_settings.kind, {}, {})
            for problem, job in self.jobs.items()
        }
        self.space = min(self.spaces.values(), key=lambda space: len(space.domains))  # what all problems have in common
        self.draws = draw_settings(self.space, draws)
        self.scores: Scores = {}

    def train(self, draws: Iterable[int], seed: int) -> None:
        for problem, job in self.jobs.items():
            goal = build_task(job.task_settings, read_schema(job.schema_file), job.goal).goal
            for draw in draws:
                settings = self.spaces[problem].add_fixed(self.space.scale_drawn(self.draws[draw]))
                scratch = self.folder / f"{problem}-{draw}-{seed}"
                result = run_trial(TrialSpec(job, settings, derive_seed(seed, "defaults"), scratch, self.budget))
                worst = float("inf")
                score = worst if result.score is None else result.score * (1 if goal.direction == "minimize" else -1)
                self.scores[draw, problem, seed] = score
                print(f"    {problem} draw {draw} seed {seed}: {score:.4g} epoch {result.best_epoch}", flush=True)

    def report(self, ranks: Mapping[int, float]) -> None:
        for draw in sorted(ranks, key=lambda draw: ranks[draw]):
            changed = {
                name: value
                for name, value in self.space.scale_drawn(self.draws[draw]).items()
                if self.draws[draw][name] != self.space.first_values[name]
            }
            departures = ", ".join(f"{name} {value}" for name, value in changed.items()) or "the defaults"
            print(f"  {ranks[draw]:.2f}  draw {draw}: {departures}", flush=True)


def compare_draws(architecture: str, draws: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        comparison = Comparison(architecture, draws, Path(folder))
        print(f"{architecture} on {', '.join(comparison.jobs)}", flush=True)
        comparison.train(range(draws), seed=0)
        ranks = mean_ranks(comparison.scores, range(draws))
        comparison.report(ranks)
        finalists = {0, *sorted(ranks, key=lambda draw: ranks[draw])[:FINALISTS]}
        for seed in FINAL_SEEDS:
            comparison.train(sorted(finalists), seed)
        print(f"  the best and the defaults from {1 + len(FINAL_SEEDS)} seeds")
        comparison.report(mean_ranks(comparison.scores, finalists))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("architectures", nargs="*", choices=PROBLEMS)
    parser.add_argument("--draws", type=int, default=14)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    for architecture in arguments.architectures or PROBLEMS:
        compare_draws(architecture, arguments.draws)


if __name__ == "__main__":
    main()
