"""Semi-supervised learning: which unlabelled rows a training reads.

U unlabelled rows.
"""

from functools import lru_cache

import numpy as np
from torch import Tensor

from pipelines.data.parts import Part
from pipelines.data.unlabelled import read_unlabelled
from pipelines.runtime.user_error import UserError
from pipelines.tasks import Task, build_task
from pipelines.tasks.model_inputs import model_inputs
from pipelines.training.contender_settings import SEMI_TASKS, GradientSettings
from pipelines.training.job import TrainingJob, read_job_schema, to_tensors


def load_unlabelled(job: TrainingJob, task: Task, settings: GradientSettings) -> tuple[Tensor, ...]:
    """The inputs of the rows without a label on the job's device, (U, ...) each; none where `semi` does not read them.

    Raises:
        UserError: `semi` means nothing for the task, or there are no such rows.
    """
    if settings.semi == "none":
        return ()
    if task.name not in SEMI_TASKS[settings.semi]:
        raise UserError(
            f"semi: {settings.semi} is for {' and '.join(SEMI_TASKS[settings.semi])}, found {task.name}; leave it out"
        )
    found = _read_inputs(job)
    if not found:
        raise UserError(
            f"semi: {settings.semi} learns from rows without a label, and this problem has none; write "
            "`unlabelled: keep` in its source if there are such rows, or leave semi out"
        )
    return found


@lru_cache(maxsize=2)
def _read_inputs(job: TrainingJob) -> tuple[Tensor, ...]:
    schema = read_job_schema(job)
    inputs = read_unlabelled(job.train_part_folder, schema)
    if not inputs:
        return ()
    task = build_task(job.task_settings, schema, job.goal)
    return to_tensors(model_inputs(task, Part(inputs, np.zeros(len(inputs[0])))), job.device)
