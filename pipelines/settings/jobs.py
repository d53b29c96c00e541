"""Training jobs from params.yaml, and the checks that need the tables of tasks and architectures."""

from pipelines.data.folds import read_folds
from pipelines.runtime.user_error import UserError
from pipelines.settings import paths
from pipelines.settings.params import Params
from pipelines.settings.semi_rules import check_semi
from pipelines.settings.start_rules import check_starts
from pipelines.tasks import TASKS
from pipelines.training.job import TrainingJob, select_device
from pipelines.training.search_space import build_search_space
from pipelines.training.ship_settings import OF_FOLDS, OF_SEEDS


def training_job(params: Params, contender: str) -> TrainingJob:
    entry = params.contenders[contender]
    problem = params.problems[entry.problem]
    return TrainingJob(
        architecture=entry.architecture,
        task_settings=problem.task,
        goal=problem.goal,
        schema_file=paths.schema_file(entry.problem),
        train_part_folder=paths.augment_folder(entry.problem) / "train",
        valid_part_folder=paths.split_folder(entry.problem) / "valid",
        augment=problem.augment,
        device=select_device(),
        folds_file=paths.folds_file(entry.problem),
    )


def check_ship(params: Params, contender: str) -> None:
    """Check that what a contender itself asks to ship is of the split's kind: seeds of a holdout, or folds.

    What `defaults` says is for the problems of its kind, and no mistake in the others.

    Raises:
        UserError: with the YAML path, if it is of the other kind.
    """
    entry = params.contenders[contender]
    ship, folds = entry.train.get("ship"), read_folds(paths.folds_file(entry.problem)).number
    allowed = OF_FOLDS if folds else OF_SEEDS
    if ship is not None and ship not in allowed:
        found = f"is split in {folds} folds" if folds else "is split with a holdout, whose contenders train seeds"
        raise UserError(
            f"params.yaml: contenders.{contender}.train.ship: must be {' or '.join(allowed)}, found {ship!r}: the "
            f"problem {entry.problem} {found}"
        )


def check_params(params: Params) -> None:
    """Check what needs the tables of tasks and architectures: goals, and what every contender fixes and searches.

    Raises:
        UserError: with the YAML path of the first that is wrong.
    """
    for name, problem in params.problems.items():
        task = TASKS[problem.task.kind]
        if problem.goal is not None and problem.goal not in task.goals:
            raise UserError(
                f"params.yaml: problems.{name}.goal: must be one of {', '.join(task.goals)}, found {problem.goal!r}"
            )
        if problem.augment.copies == "live" and task.augments_target:
            raise UserError(
                f"params.yaml: problems.{name}.augment.copies: live augments the inputs and leaves the targets as they "
                f"are, but {problem.task.kind} needs both augmented alike; store copies (a number), or set it to 0"
            )
    for name, entry in params.contenders.items():
        task = TASKS[params.problems[entry.problem].task.kind]
        if params.train_settings(name).ship == "mean" and not task.can_average:
            raise UserError(
                f"params.yaml: contenders.{name}.train.ship: what {task.name} models answer has no mean; set it to "
                "best, or leave it out"
            )
        build_search_space(name, entry.architecture, params.problems[entry.problem].task.kind, entry.fix, entry.search)
    check_starts(params)
    check_semi(params)
