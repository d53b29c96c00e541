"""The row of a contender that has been evaluated, as text, before its problem has a verdict."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pipelines.evaluation.leaderboard import Estimate
from pipelines.reporting.leaderboard import format_estimate, shown_metrics


class ContenderScores(NamedTuple):
    """What evaluate measured; NaN where a metric is undefined."""

    problem: str
    contender: str
    goal: str  # the metric that contenders are ranked by
    valid_score: float  # the goal on validation
    test_scores: Mapping[str, Estimate]  # every metric


def read_contender_scores(
    problem: str, contender: str, train_folder: Path, evaluate_folder: Path
) -> ContenderScores | None:
    """What model.json and metrics.json say; None if the contender has not been evaluated."""
    try:
        goal = json.loads((train_folder / "model.json").read_text(encoding="utf-8"))["goal"]
        metrics = json.loads((evaluate_folder / "metrics.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None

    def nan_if_null(block: str, name: str) -> float:
        value = metrics[block][name]
        return math.nan if value is None else float(value)

    ends = ("test", "test_low", "test_high")
    test_scores = {name: Estimate(*(nan_if_null(end, name) for end in ends)) for name in metrics["test"]}
    return ContenderScores(problem, contender, goal, nan_if_null("valid", goal), test_scores)


def format_row(scores: ContenderScores) -> str:
    """Problem, contender and its first scores on test: `digits  digits-lenet5  log_loss 0.006 [0.002, 0.012]  ...`."""
    metrics = shown_metrics(scores.goal, scores.test_scores)
    shown = (f"{name} {format_estimate(scores.test_scores[name])}" for name in metrics)
    return "  ".join([scores.problem, scores.contender, *shown])
