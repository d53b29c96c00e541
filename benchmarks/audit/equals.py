"""Equal contenders: how often the comparison calls them different (A/A)."""

from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.audit import simulated
from benchmarks.audit.claim import Finding, judge_alarms
from benchmarks.audit.simulated import Draw, Floats
from pipelines.data.dependence import ALONE, Dependence
from pipelines.evaluation.significance import ALPHA, Comparison, compare_with_control
from pipelines.tasks import Task

FLIPS = 999  # instead of ten thousand: the p-values are as true, and coarser
ROWS = 178  # of a small test part


def goals() -> dict[str, tuple[Task, Draw, int]]:
    """Every goal of every task: its task, how a sample is drawn, and how many rows."""
    cases: dict[str, tuple[Task, Draw, int]] = {}
    for name in simulated.classification_task().goals:
        cases[f"classification {name}"] = simulated.classification_task(name), simulated.draw_classes, ROWS
    for name in ("rmse", "mae", "median_absolute_error", "r2"):
        cases[f"regression {name}"] = simulated.regression_task(name), simulated.draw_numbers, ROWS
    for name in ("mase", "mae", "pinball"):
        task = simulated.forecasting_task(name)
        draw: Draw = partial(simulated.draw_forecasts, levels=max(1, len(task.quantile_levels)))
        cases[f"forecasting {name}, errors drift 0.8"] = task, draw, 60
    for name in ("dice", "log_loss"):
        cases[f"segmentation {name}"] = simulated.segmentation_task(name), simulated.draw_masks, 60
    for name in ("squared_error", "psnr", "ssim"):
        cases[f"reconstruction {name}"] = simulated.reconstruction_task(name), simulated.draw_pictures, 60
    cases["anomaly_detection squared_error"] = simulated.anomaly_task("squared_error"), simulated.draw_anomalies, ROWS
    for rows, share in ((100, 0.05), (100, 0.4), (500, 0.05), (500, 0.4)):
        draw = partial(simulated.draw_anomalies, share=share)
        cases[f"anomaly_detection auroc, {share:.0%} of {rows}"] = simulated.anomaly_task(), draw, rows
    for rows, off in ((100, 0.0), (100, 0.5), (500, 0.0), (500, 0.5)):
        draw = partial(simulated.draw_drawings, off=off)
        cases[f"generation energy distance, {rows} drawings, {off:g} off"] = simulated.generation_task(), draw, rows
    return cases


def is_called_different(comparisons: list[Comparison]) -> bool:
    return any(one.p_value < ALPHA for one in comparisons)


def count_alarms(draw: Callable[[np.random.Generator, int], list[Comparison]], repeats: int, seed: int = 0) -> int:
    """In how many repeats any comparison calls equals different."""
    return sum(is_called_different(draw(np.random.default_rng([seed, place]), place)) for place in range(repeats))


def audit_goals(repeats: int) -> list[Finding]:
    """Two equal contenders, each goal of each task."""
    findings = []
    for name, (task, draw, rows) in goals().items():

        def compare(
            generator: np.random.Generator, seed: int, task: Task = task, draw: Draw = draw, rows: int = rows
        ) -> list[Comparison]:
            sample = draw(generator, rows)
            one, other = (task.objective_per_row(each, sample.reference) for each in sample.predictions)
            return compare_with_control(one, [other], seed, sample.dependence, FLIPS)

        tried = max(1, repeats // 4) if "500 drawings" in name else repeats  # which have to be embedded
        findings.append(judge_alarms(name, count_alarms(compare, tried), tried))
    return findings


def compare_with_best(losses: Floats, seed: int, dependence: Dependence = ALONE) -> list[Comparison]:
    """All columns of losses (N, C) with the best of them, chosen by the same rows."""
    best = int(losses.mean(axis=0).argmin())
    others = [losses[:, place] for place in range(losses.shape[1]) if place != best]
    return compare_with_control(losses[:, best], others, seed, dependence, FLIPS)


def audit_many_contenders(repeats: int) -> list[Finding]:
    """Several equal contenders, of which the best is chosen by the rows that are tested."""

    def compare(generator: np.random.Generator, seed: int, count: int) -> list[Comparison]:
        shared = generator.normal(size=(ROWS, 1))
        return compare_with_best(np.square(shared + generator.normal(0, 0.5, (ROWS, count))), seed)

    return [
        judge_alarms(f"{count} equal contenders", count_alarms(partial(compare, count=count), repeats), repeats)
        for count in (3, 5, 10)
    ]


def audit_dependent_rows(repeats: int) -> list[Finding]:
    """Rows in groups, and forecasts that drift."""

    def compare_groups(
        generator: np.random.Generator, seed: int, groups: int, size: int, share: float
    ) -> list[Comparison]:
        of_row = np.repeat(np.arange(groups), size)
        own = generator.normal(size=(groups * size, 2)) * np.sqrt(1 - share)
        losses = generator.normal(size=(groups, 2))[of_row] * np.sqrt(share) + own
        return compare_with_best(losses, seed, Dependence("clusters", of_row))

    def compare_forecasts(generator: np.random.Generator, seed: int, rows: int, memory: float) -> list[Comparison]:
        sample = simulated.draw_forecasts(generator, rows, memory)
        losses = np.stack([np.abs(each).mean(axis=(1, 2, 3)) for each in sample.predictions], axis=1)
        return compare_with_best(losses, seed, sample.dependence)

    findings = []
    for groups, size, share in ((20, 20, 0.05), (20, 20, 0.2), (10, 40, 0.2), (8, 50, 0.2)):
        alarms = count_alarms(partial(compare_groups, groups=groups, size=size, share=share), repeats)
        findings.append(judge_alarms(f"{groups} groups of {size}, intraclass {share:g}", alarms, repeats))
    for rows, memory in ((34, 0.95), (60, 0.8), (60, 0.95), (120, 0.8), (120, 0.95)):
        alarms = count_alarms(partial(compare_forecasts, rows=rows, memory=memory), repeats)
        findings.append(judge_alarms(f"{rows} origins, errors drift {memory:g}", alarms, repeats))
    return findings


def audit_skewed_losses(repeats: int) -> list[Finding]:
    """Differences of mean 0 that are not symmetric: log-normal ones, less their mean."""

    def compare(generator: np.random.Generator, seed: int, rows: int, sigma: float) -> list[Comparison]:
        skewed = generator.lognormal(0, sigma, rows) - np.exp(sigma**2 / 2)
        return compare_with_control(np.zeros(rows), [skewed], seed, flips=FLIPS)

    return [
        judge_alarms(
            f"log-normal differences of sigma {sigma:g}, {rows:,} rows",
            count_alarms(partial(compare, rows=rows, sigma=sigma), repeats),
            repeats,
        )
        for rows, sigma in ((178, 1.0), (178, 1.5), (1000, 1.0), (1000, 1.5))
    ]
