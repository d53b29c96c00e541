"""What a trained contender answers for the rows that it is chosen by, from its artifacts."""

from typing import NamedTuple

from pipelines.data.dependence import read_dependence
from pipelines.data.folds import read_folds
from pipelines.data.parts import Part, join_parts
from pipelines.settings import paths
from pipelines.settings.trained_model import TrainedModel, load_members
from pipelines.training.out_of_fold import HeldOut, answer_folds, answer_holdout


class Selection(NamedTuple):
    """What everything is chosen by, and what the model that ships may have been trained on."""

    held_out: HeldOut
    trained_on: Part  # every row but the test's where there are folds


def select_held_out(problem: str, contender: str, trained: TrainedModel, train: Part, valid: Part) -> Selection:
    """Have the validation part answered, or, where there are folds, the rows that each of them held out.

    Raises:
        UserError: if a file is missing or damaged.
    """
    folds, task = read_folds(paths.folds_file(problem)), trained.task
    if folds.number:
        models = load_members(problem, contender, task, trained.record, folds.names)
        part = join_parts(train, valid)
        return Selection(answer_folds(task, models, part, folds), part)
    dependence = read_dependence(paths.split_folder(problem) / "valid")
    return Selection(answer_holdout(task, trained.model, train, valid, dependence), train)
