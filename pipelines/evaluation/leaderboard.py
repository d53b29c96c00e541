"""Leaderboard: rows, verdicts and the champion."""

import csv
import io
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

BASELINE = "baseline"  # the architecture of the rows of baselines
COST_MEASURES = ("parameters", "flops", "bytes")  # of one prediction, fields of a row

Verdict = Literal["best", "as good within the margin", "behind", "undecided"]


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
    verdict: Verdict  # beside the best contender on validation
    more_rows: int | None  # about how many more validation rows would tell; of the undecided alone
    valid_score: float  # the goal on validation
    valid_difference: float  # from the best
    valid_bound: float  # how much worse than the best it may be: the one-sided 95 % bound
    valid_p: float
    test_scores: dict[str, Estimate]  # every metric
    test_difference: Estimate  # of the goal on test, from the best on validation
    test_p: float
    parameters: int
    flops: int
    bytes: int

    @property
    def verdict_text(self) -> str:
        """The verdict, and how many more rows would tell where it is open."""
        return f"{self.verdict}{format_more_rows(self.more_rows)}"


class Champion(NamedTuple):
    contender: str
    architecture: str
    problem: str
    goal: str
    rule: str  # by which it was chosen
    margin: float  # within which another is as good as the best, in units of the goal
    cost: str  # what was to be cheap: parameters, flops or bytes
    selection_score: float  # the goal on validation, whose rows also chose settings, epoch and seed: it flatters
    ship: bool  # whether it was shown to be better than the best baseline on validation
    reason: str  # sentences
    as_good: tuple[str, ...]  # the other contenders that are the best or as good within the margin
    stability: float | None = None  # share of drawings of rows and trainings that it wins; None: rows are too few
    stability_reason: str = ""  # the same as a sentence, with the next

    @property
    def headline(self) -> str:
        """Whether to ship it, in one sentence."""
        if self.ship:
            return f"Ship {self.contender}."
        return f"Do not ship yet: {self.contender} leads, but was not shown to be better than the best baseline."


class Leaderboard(NamedTuple):
    rows: tuple[LeaderboardRow, ...]
    champion: Champion

    @property
    def best_row(self) -> LeaderboardRow:
        """The contender with the best validation score; the champion, unless a cheaper one is as good."""
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
            **{measure: getattr(winner, measure) for measure in COST_MEASURES},
        },
    )


def read_leaderboard(folder: Path) -> Leaderboard:
    champion = json.loads((folder / "champion.json").read_text(encoding="utf-8"))
    with (folder / "leaderboard.csv").open(encoding="utf-8", newline="") as stream:
        rows = tuple(_parse_row(cells, champion["goal"]) for cells in csv.DictReader(stream))
    return Leaderboard(rows, Champion(**{**champion, "as_good": tuple(champion["as_good"])}))


def _column_names(goal: str, metrics: Sequence[str]) -> list[str]:
    estimates = [f"test_{name}{end}" for name in metrics for end in ("", "_low", "_high")]
    return [
        *("rank", "contender", "architecture", "verdict", "more_rows", "score"),
        *(f"valid_{goal}", "valid_difference", "valid_bound", "valid_p"),
        *estimates,
        *("test_difference", "test_difference_low", "test_difference_high", "test_p", *COST_MEASURES),
    ]


def _format_row(row: LeaderboardRow, goal: str, metrics: Sequence[str]) -> list[Any]:
    scores = [
        row.valid_score,
        row.valid_difference,
        row.valid_bound,
        row.valid_p,
        *(end for name in metrics for end in row.test_scores[name]),
    ]
    return [
        *(row.rank, row.contender, row.architecture, row.verdict, row.more_rows),
        _round_or_null(row.test_scores[goal].value),
        *("" if math.isnan(score) else f"{score:.6g}" for score in (*scores, *row.test_difference, row.test_p)),
        *(getattr(row, measure) for measure in COST_MEASURES),
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
        more_rows=int(cells["more_rows"]) if cells["more_rows"] else None,
        valid_score=numbers[f"valid_{goal}"],
        valid_difference=numbers["valid_difference"],
        valid_bound=numbers["valid_bound"],
        valid_p=numbers["valid_p"],
        test_scores={name: parse_estimate(name) for name in metrics},
        test_difference=parse_estimate("difference"),
        test_p=numbers["test_p"],
        **{measure: int(cells[measure]) for measure in COST_MEASURES},
    )


def format_more_rows(more_rows: int | None) -> str:
    """What stands behind "undecided"; nothing where no number of rows can be expected to tell."""
    return "" if more_rows is None else f": about {more_rows:,} more rows would tell"


def _round_or_null(value: float) -> float | None:
    return None if math.isnan(value) else float(f"{value:.6g}")
