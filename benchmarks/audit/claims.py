"""Claims that are audited, by name."""

import time

from benchmarks.audit.champion import audit_champion
from benchmarks.audit.claim import Audit, Finding
from benchmarks.audit.coverage import (
    audit_forecasts,
    audit_groups,
    audit_scores,
    audit_shares,
    audit_skewed_means,
)
from benchmarks.audit.equals import audit_dependent_rows, audit_goals, audit_many_contenders, audit_skewed_losses
from benchmarks.audit.leaks import audit_leaks
from benchmarks.audit.trainings import audit_trainings

REPEATS = 1_000

AUDITS: dict[str, Audit] = {
    "equals-goals": audit_goals,
    "equals-many": audit_many_contenders,
    "equals-dependent": audit_dependent_rows,
    "equals-skewed": audit_skewed_losses,
    "equals-retrained": audit_trainings,
    "coverage-shares": audit_shares,
    "coverage-scores": audit_scores,
    "coverage-skewed": audit_skewed_means,
    "coverage-groups": audit_groups,
    "coverage-forecasts": audit_forecasts,
    "champion": audit_champion,
    "leaks": audit_leaks,
}


def run_audit(name: str, repeats: int) -> tuple[str, list[Finding], float]:
    """The findings of an audit, and the seconds that it took."""
    started = time.perf_counter()
    return name, AUDITS[name](repeats), time.perf_counter() - started
