"""Leaderboard: rows, verdicts and the champion."""

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

BASELINE = "baseline"  # the architecture of the rows of baselines


Verdict = Literal["best", "tied with best", "behind", "ahead"]


class Estimate(NamedTuple):
    """A number and the ends of its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float


class LeaderboardRow(NamedTuple):
    """One contender, or the baseline. Chosen on validation, reported on test."""

    rank: int  # by the goal on validation
    contender: str
    architecture: str
    verdict: Verdict  # about the best contender on validation
    valid_score: float  # the goal on validation
    valid_difference: float  # from the best
    valid_p: float
    test_scores: dict[str, Estimate]  # every metric
    test_difference: Estimate  # of the goal on test, from the best on validation
    test_p: float
    parameters: int
    flops: int


class Champion(NamedTuple):
    contender: str
    architecture: str
    problem: str
    goal: str
    score: float  # the goal on validation
    reason: str  # sentences
    better_than_baseline: bool  # on validation, by more than chance explains
    tied: tuple[str, ...]  # contenders that validation could not tell from the champion


class Leaderboard(NamedTuple):
    rows: tuple[LeaderboardRow, ...]
    champion: Champion

    @property
    def best_row(self) -> LeaderboardRow:
        """The contender with the best validation score; the champion, unless a cheaper one ties with it."""
        return next(row for row in self.rows if row.verdict == "best")

    @property
    def champion_row(self) -> LeaderboardRow:
        return next(row for row in self.rows if row.contender == self.champion.contender)


def write_leaderboard(folder: Path, board: Leaderboard) -> None:
    """Write leaderboard.csv, champion.json, and metrics.json with the champion's numbers for `dvc metrics`."""
    from pipelines.runtime.files import write_json, write_text

    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    goal, metrics = board.champion.goal, list(board.rows[0].test_scores)
    writer.writerow(_column_names(goal, metrics))
    writer.writerows(_format_row(row, goal, metrics) for row in board.rows)
    write_text(folder / "leaderboard.csv", text.getvalue())
    write_json(folder / "champion.json", board.champion._asdict())
    winner = board.champion_row
    write_json(
        folder / "metrics.json",
        {
            "valid": {goal: _round_or_null(winner.valid_score)},
            "test": {name: _round_or_null(estimate.value) for name, estimate in winner.test_scores.items()},
            "parameters": winner.parameters,
            "flops": winner.flops,
        },
    )


def read_leaderboard(folder: Path) -> Leaderboard:
    champion = json.loads((folder / "champion.json").read_text(encoding="utf-8"))
    with (folder / "leaderboard.csv").open(encoding="utf-8", newline="") as stream:
        rows = tuple(_parse_row(cells, champion["goal"]) for cells in csv.DictReader(stream))
    return Leaderboard(rows, Champion(**{**champion, "tied": tuple(champion["tied"])}))


def _column_names(goal: str, metrics: Sequence[str]) -> list[str]:
    estimates = [f"test_{name}{end}" for name in metrics for end in ("", "_low", "_high")]
    return [
        *("rank", "contender", "architecture", "verdict", "score"),
        *(f"valid_{goal}", "valid_difference", "valid_p"),
        *estimates,
        *("test_difference", "test_difference_low", "test_difference_high", "test_p", "parameters", "flops"),
    ]


def _format_row(row: LeaderboardRow, goal: str, metrics: Sequence[str]) -> list[Any]:
    scores = [
        row.valid_score,
        row.valid_difference,
        row.valid_p,
        *(end for name in metrics for end in row.test_scores[name]),
    ]
    return [
        *(row.rank, row.contender, row.architecture, row.verdict, _round_or_null(row.test_scores[goal].value)),
        *("" if math.isnan(score) else f"{score:.6g}" for score in (*scores, *row.test_difference, row.test_p)),
        *(row.parameters, row.flops),
    ]


def _parse_row(cells: dict[str, str], goal: str) -> LeaderboardRow:
    numbers = {name: float(cell or "nan") for name, cell in cells.items() if name.startswith(("valid_", "test_"))}

    def parse_estimate(name: str) -> Estimate:
        return Estimate(numbers[f"test_{name}"], numbers[f"test_{name}_low"], numbers[f"test_{name}_high"])

    metrics = [name[5:-4] for name in numbers if name.endswith("_low") and name != "test_difference_low"]
    return LeaderboardRow(
        rank=int(cells["rank"]),
        contender=cells["contender"],
        architecture=cells["architecture"],
        verdict=cells["verdict"],  # type: ignore[arg-type]  # a literal when written
        valid_score=numbers[f"valid_{goal}"],
        valid_difference=numbers["valid_difference"],
        valid_p=numbers["valid_p"],
        test_scores={name: parse_estimate(name) for name in metrics},
        test_difference=parse_estimate("difference"),
        test_p=numbers["test_p"],
        parameters=int(cells["parameters"]),
        flops=int(cells["flops"]),
    )


def _round_or_null(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.6g}")
