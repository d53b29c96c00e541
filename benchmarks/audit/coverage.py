"""Coverage: how often the 95 % interval of a score holds what it would be on examples without end."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

import numpy as np

from benchmarks.audit import simulated
from benchmarks.audit.claim import COVERAGE, Finding, judge_coverage
from benchmarks.audit.simulated import Draw, Sample
from pipelines.data.dependence import Dependence
from pipelines.evaluation.bootstrap import bootstrap_intervals
from pipelines.evaluation.intervals import Interval, clopper_pearson, estimate_means, mean_intervals, studentised_draws
from pipelines.tasks import Task, score
from pipelines.tasks.regression import NumberReference
from pipelines.tasks.task import UNCALIBRATED

RESAMPLES = 1_000
TRUTH_ROWS = 20_000  # rows of each of the sets whose mean score is taken as the truth, where no formula gives it
FEW_TRUTH_ROWS = 2_000  # the same, of pictures
TRUTH_SETS = 10
FORECAST_CALIBRATION = {"coverage": 0.8}
SHARES = (0.85, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.997)
SHARE_ROWS = (114, 178, 360, 600, 1000, 2000)


WIDE = {  # metrics whose interval may hold the truth more often than 97 % of the time
    "coverage_error",  # from 0 on wherever the interval of the coverage holds what was promised
    "interval_width",  # of two numbers that were chosen before: the same in every row
}


class Case(NamedTuple):
    """A task all of whose scores are tried, and how its rows are drawn."""

    task: Task
    draw: Draw
    rows: int
    calibration: Mapping[str, float] = UNCALIBRATED
    truth_rows: int = TRUTH_ROWS


def audit_shares(repeats: int) -> list[Finding]:
    """The exact interval of a share, over all numbers of hits and their probabilities; nothing is drawn."""
    from scipy.stats import binom

    held = []
    for rows in SHARE_ROWS:
        ends = np.array([clopper_pearson(hits, rows) for hits in range(rows + 1)])
        for share in SHARES:
            holds = (ends[:, 0] <= share) & (share <= ends[:, 1])
            held.append(float(binom.pmf(np.arange(rows + 1), rows, share)[holds].sum()))
    worst, mean = min(held), float(np.mean(held))
    found = f"{worst:.1%} at worst, {mean:.1%} on average"
    claim = f"shares {SHARES[0]:g} to {SHARES[-1]:g}, {SHARE_ROWS[0]} to {SHARE_ROWS[-1]:,} rows"
    return [
        Finding(claim, "at least 95 % everywhere, 97 % on average", found, worst >= 0.95 and round(mean, 2) <= 0.97)
    ]


def judge(claim: str, metric: str, held: int, shown: int, repeats: int) -> Finding:
    return judge_coverage(f"{claim}: {metric}", held, shown, repeats, 1.0 if metric in WIDE else COVERAGE[1])


def count_held(
    draw: Callable[[np.random.Generator, int], Mapping[str, Interval]], truth: Mapping[str, float], repeats: int
) -> dict[str, tuple[int, int]]:
    """How many intervals held the truth and how many were shown, by metric."""
    held = dict.fromkeys(truth, (0, 0))
    for place in range(repeats):
        found = draw(np.random.default_rng([1, place]), place)
        for name, value in truth.items():
            low, high = found[name]
            held[name] = held[name][0] + (low <= value <= high), held[name][1] + bool(np.isfinite(low + high))
    return held


def cases() -> dict[str, Case]:
    """Every kind of score, on sets of small and moderate size."""
    found = {}
    for rows in (100, 360, 2000):
        found[f"classification, {rows} rows"] = Case(simulated.classification_task(), simulated.draw_classes, rows)
        found[f"two classes, {rows} rows"] = Case(
            simulated.classification_task(classes=2),
            simulated.draw_two_classes,
            rows,
            {"positive": 1, "threshold": 0.3},
        )
        found[f"regression, {rows} rows"] = Case(
            simulated.regression_task(), simulated.draw_numbers, rows, {"radius": 1.0, "coverage": 0.9}
        )
    for rows, share in ((114, 0.37), (360, 0.1), (2000, 0.05)):
        draw: Draw = partial(simulated.draw_found_anomalies, share=share)
        found[f"anomalies, {share:.0%} of {rows} rows"] = Case(simulated.anomaly_task(), draw, rows, {"threshold": 1.0})
    for rows in (100, 360):
        masks, pictures = simulated.segmentation_task("dice"), simulated.reconstruction_task("psnr")
        found[f"segmentation, {rows} masks"] = Case(masks, simulated.draw_masks, rows, truth_rows=FEW_TRUTH_ROWS)
        found[f"reconstruction, {rows} pictures"] = Case(
            pictures, simulated.draw_pictures, rows, truth_rows=FEW_TRUTH_ROWS
        )
    for rows, off in ((100, 0.5), (500, 0.5), (500, 1.0)):
        draw = partial(simulated.draw_drawings, off=off)
        found[f"generation, {rows} drawings, {off:g} off"] = Case(
            simulated.generation_task(), draw, rows, truth_rows=FEW_TRUTH_ROWS
        )
    for groups in (20, 60):
        found[f"classification, {groups} groups of 12"] = Case(
            simulated.classification_task(), simulated.draw_grouped_classes, 12 * groups
        )
    return found


def true_scores(case: Case) -> dict[str, float]:
    """What the scores are on average over very large sets."""
    sets = []
    for place in range(TRUTH_SETS):
        sample = case.draw(np.random.default_rng([2, place]), case.truth_rows)
        sets.append(score(case.task, sample.predictions[0], sample.reference, case.calibration))
    return {name: float(np.mean([one[name] for one in sets])) for name in sets[0]}


def intervals_of(case: Case, sample: Sample, seed: int) -> Mapping[str, Interval]:
    return bootstrap_intervals(
        case.task, sample.predictions[0], sample.reference, case.calibration, seed, RESAMPLES,
        dependence=sample.dependence,
    )  # fmt: skip


def audit_scores(repeats: int) -> list[Finding]:
    """All scores of all tasks but forecasting, in two fifths of the repeats; in one of sets of two thousand rows."""
    findings = []
    for name, case in cases().items():
        tried = max(2, repeats * 2 // 5 if case.rows < 1000 else repeats // 5)

        def draw(generator: np.random.Generator, seed: int, case: Case = case) -> Mapping[str, Interval]:
            return intervals_of(case, case.draw(generator, case.rows), seed)

        for metric, (held, shown) in count_held(draw, true_scores(case), tried).items():
            findings.append(judge(name, metric, held, shown, tried))
    return findings


def audit_groups(repeats: int) -> list[Finding]:
    """Means of rows in groups that have something in common: equal groups, unequal ones, and skewed losses."""
    findings = []
    for groups, size, share, kind in (
        (20, 20, 0.05, "normal"),
        (20, 20, 0.2, "normal"),
        (20, 20, 0.2, "log-normal"),
        (20, 20, 0.2, "shares"),
        (10, 20, 0.2, "normal"),
        (8, 50, 0.2, "normal"),
    ):
        of_row = np.repeat(np.arange(groups), size)

        def draw(
            generator: np.random.Generator,
            seed: int,
            of_row: np.ndarray = of_row,
            groups: int = groups,
            share: float = share,
            kind: str = kind,
        ) -> Mapping[str, Interval]:
            own = generator.normal(size=len(of_row)) * np.sqrt(1 - share)
            errors = generator.normal(size=groups)[of_row] * np.sqrt(share) + own
            shapes = {"normal": errors + 10, "log-normal": np.exp(0.5 * errors), "shares": 2.0 * (errors > 1.2816)}
            predictions, reference = shapes[kind][:, None], NumberReference(np.zeros(len(of_row)))
            case = Case(simulated.regression_task(), simulated.draw_numbers, len(of_row), {"radius": 1.0})
            return intervals_of(
                case, Sample(reference, (predictions, predictions), Dependence("clusters", of_row)), seed
            )

        name, truth = {"normal": ("mae", 10.0), "log-normal": ("mae", np.exp(0.125)), "shares": ("coverage", 0.9)}[kind]
        ((held, shown),) = count_held(draw, {name: truth}, repeats).values()
        claim = f"{kind}: {groups} groups of {size}, intraclass {share:g}: {name}"
        findings.append(judge_coverage(claim, held, shown, repeats))
    return findings


def audit_forecasts(repeats: int) -> list[Finding]:
    """All scores of forecasts whose errors drift over the whole series."""
    findings = []
    task = simulated.forecasting_task()
    for memory in (0.8, 0.95):
        draw_rows = partial(simulated.draw_forecasts, memory=memory, levels=len(task.quantile_levels))
        truth = true_scores(Case(task, draw_rows, 0, FORECAST_CALIBRATION, FEW_TRUTH_ROWS))
        for rows in (34, 60, 120, 240):

            def draw(
                generator: np.random.Generator, seed: int, rows: int = rows, draw_rows: Draw = draw_rows
            ) -> Mapping[str, Interval]:
                return intervals_of(Case(task, draw_rows, rows, FORECAST_CALIBRATION), draw_rows(generator, rows), seed)

            for name, (held, shown) in count_held(draw, truth, repeats).items():
                findings.append(judge(f"{rows} origins, errors drift {memory:g}", name, held, shown, repeats))
    return findings


def audit_skewed_means(repeats: int) -> list[Finding]:
    """Means of log-normal losses."""
    findings = []
    for rows, sigma in ((100, 0.5), (178, 1.0), (1000, 1.0)):
        truth = float(np.exp(sigma**2 / 2))
        held = 0
        for place in range(repeats):
            losses = np.random.default_rng([3, place]).lognormal(0, sigma, (rows, 1))
            draws = studentised_draws(losses, np.ones(rows), place, RESAMPLES)
            ((low, high),) = mean_intervals(estimate_means(losses, np.ones(rows)), draws)
            held += low <= truth <= high
        findings.append(judge_coverage(f"log-normal loss of sigma {sigma:g}, {rows} rows", held, repeats, repeats))
    return findings
