"""The audit in short: fixed seeds, few repeats, and bounds wide enough for them."""

import numpy as np
import pytest

from benchmarks.audit import coverage, equals, simulated, trainings
from benchmarks.audit.claim import judge_alarms, judge_coverage
from benchmarks.audit.claims import AUDITS, run_audit
from pipelines.evaluation.intervals import clopper_pearson
from pipelines.evaluation.significance import compare_with_control

REPEATS = 60
MOST_ALARMS = 9  # of 60 at a true 6 %: as many once in five hundred times
FEW_REPEATS = {
    "equals-many": 10,
    "equals-dependent": 10,
    "equals-skewed": 10,
    "coverage-skewed": 10,
    "coverage-forecasts": 60,
}


@pytest.mark.parametrize("name", FEW_REPEATS)
def test_an_audit_of_few_repeats_holds(name: str) -> None:
    _, findings, _ = run_audit(name, FEW_REPEATS[name])
    assert [one.claim for one in findings if not one.holds] == []


@pytest.mark.parametrize("spread", [0.0, 0.01])
def test_an_architecture_under_two_names_is_rarely_behind_itself(spread: float) -> None:
    case = trainings.TrainingCase(seeds=3, rows=178, spread=spread)
    pairs = [trainings.draw_losses(np.random.default_rng(seed), case) for seed in range(REPEATS)]
    compared = [trainings.compare_retrained(*pair, seed) for seed, pair in enumerate(pairs)]
    assert sum(equals.is_called_different(one) for one in compared) <= MOST_ALARMS
    if spread:
        alone = [trainings.compare_single_trainings(*pair, seed) for seed, pair in enumerate(pairs)]
        assert sum(equals.is_called_different(one) for one in alone) > MOST_ALARMS, "one training says too much"


def test_perceptrons_that_differ_by_their_seed_alone_are_rarely_behind_each_other() -> None:
    alarms = 0
    for seed in range(REPEATS):
        generator = np.random.default_rng(seed)
        rows = trainings.draw_rows(generator, 500)
        chosen = generator.permutation(trainings.POOL)[:6]
        losses = trainings.log_losses(tuple(weights[chosen] for weights in trainings.train_pool()), *rows)
        alarms += equals.is_called_different(trainings.compare_retrained(losses[:3], losses[3:], seed))
    assert alarms <= MOST_ALARMS


def test_exact_intervals_of_shares_hold_the_truth_at_every_share() -> None:
    (finding,) = AUDITS["coverage-shares"](1)
    assert finding.holds, finding.found


@pytest.mark.parametrize("name", [name for name, (_, _, rows) in equals.goals().items() if rows < 200])
def test_every_goal_of_every_task_calls_equals_different_rarely(name: str) -> None:
    task, draw, rows = equals.goals()[name]
    alarms = 0
    for seed in range(REPEATS):
        sample = draw(np.random.default_rng(seed), rows)
        one, other = (task.objective_per_row(each, sample.reference) for each in sample.predictions)
        alarms += equals.is_called_different(compare_with_control(one, [other], seed, sample.dependence, flips=199))
    assert alarms <= MOST_ALARMS


@pytest.mark.parametrize("name", ["classification, 100 rows", "two classes, 100 rows", "regression, 100 rows"])
def test_intervals_of_small_sets_hold_the_truth(name: str) -> None:
    case = coverage.cases()[name]
    truth = coverage.true_scores(case)
    for metric, (held, shown) in coverage.count_held(
        lambda generator, seed: coverage.intervals_of(case, case.draw(generator, case.rows), seed), truth, 30
    ).items():
        assert shown in (0, 30), metric
        assert held >= 24 or not shown, metric


def test_all_tasks_have_their_intervals_audited() -> None:
    tried = {type(case.task) for case in coverage.cases().values()} | {type(simulated.forecasting_task())}
    assert {type(task) for task, _, _ in equals.goals().values()} - tried == set()


def test_the_share_of_steps_that_an_interval_holds_is_known_by_its_steps_and_not_by_its_origins() -> None:
    task = simulated.forecasting_task()
    sample = simulated.draw_forecasts(np.random.default_rng(0), 60, memory=0.0, levels=len(task.quantile_levels))
    case = coverage.Case(task, simulated.draw_forecasts, 60, coverage.FORECAST_CALIBRATION)
    low, high = coverage.intervals_of(case, sample, 0)["coverage"]
    by_origins = clopper_pearson(41, 60)
    assert low < 0.683 < high
    assert high - low < 0.6 * (by_origins.high - by_origins.low)


def test_all_goals_of_all_tasks_are_audited() -> None:
    tried = {(task.name, task.goal.name) for task, _, _ in equals.goals().values()}
    aliases = {("regression", "squared_error")}  # it is shown, and compared, as RMSE
    wanted = {(task.name, goal) for task, _, _ in equals.goals().values() for goal in task.goals} - aliases
    assert wanted - tried == set()


def test_a_claim_is_judged_with_the_error_of_its_simulation() -> None:
    assert judge_alarms("", 60, 1000).holds
    assert not judge_alarms("", 80, 1000).holds
    assert judge_coverage("", 950, 1000, 1000).holds
    assert not judge_coverage("", 890, 1000, 1000).holds
    assert not judge_coverage("", 1000, 1000, 1000).holds
    assert judge_coverage("", 0, 0, 1000).found == "not shown in 1,000"


def test_simulated_errors_drift_as_they_are_asked_to() -> None:
    errors = simulated.drifting(np.random.default_rng(0), (200_000,), 0.95)
    assert np.corrcoef(errors[1:], errors[:-1])[0, 1] == pytest.approx(0.95, abs=0.01)
    assert errors.std() == pytest.approx(1, abs=0.05)
