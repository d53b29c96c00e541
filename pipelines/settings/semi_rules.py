"""Rules of `semi`: what learns from rows without a label, and where such rows come from."""

from models import ARCHITECTURES
from pipelines.runtime.user_error import UserError
from pipelines.settings.params import Contender, Params, Problem
from pipelines.sources.kinds import WITHOUT_UNLABELLED
from pipelines.training.contender_settings import SEMI_TASKS


def check_semi(params: Params) -> None:
    """Check that what is kept can be learned from, and what is to be learned from is kept.

    Raises:
        UserError: with the YAML path, the rule and the value found.
    """
    for name, problem in params.problems.items():
        _check_task(problem, f"params.yaml: problems.{name}.source.unlabelled")
    for name, entry in params.contenders.items():
        for place, methods in _named_methods(entry).items():
            where = f"params.yaml: contenders.{name}.{place}.semi"
            for method in methods:
                _check_method(method, params.problems[entry.problem], entry.problem, where)


def _keeps_unlabelled(problem: Problem) -> bool:
    return getattr(problem.source, "unlabelled", "") == "keep"


def _check_task(problem: Problem, where: str) -> None:
    tasks = dict.fromkeys(task for tasks in SEMI_TASKS.values() for task in tasks)
    if _keeps_unlabelled(problem) and problem.task.kind not in tasks:
        raise UserError(
            f"{where}: keep is for contenders with `semi`, which is for {', '.join(tasks)}; a problem of "
            f"{problem.task.kind.replace('_', ' ')} has no use for such rows: leave it out"
        )


def _named_methods(entry: Contender) -> dict[str, list[str]]:
    """What `semi` is set to, or may become, beside none; of networks that have the setting."""
    if ARCHITECTURES[entry.architecture].learner != "gradient":
        return {}
    named = {"fix": [entry.fix.get("semi")], "search": entry.search.get("semi", [])}
    return {place: [method for method in methods if method in SEMI_TASKS] for place, methods in named.items()}


def _check_method(method: str, problem: Problem, problem_name: str, where: str) -> None:
    if problem.task.kind not in SEMI_TASKS[method]:
        raise UserError(
            f"{where}: {method} is for {', '.join(SEMI_TASKS[method])}, found {problem.task.kind}; leave it out"
        )
    kind = problem.source.kind
    if kind in WITHOUT_UNLABELLED:
        raise UserError(
            f"{where}: {method} learns from rows without a label, and a source of kind {kind} has none: "
            f"{WITHOUT_UNLABELLED[kind]}; leave it out"
        )
    if not _keeps_unlabelled(problem):
        raise UserError(
            f"{where}: {method} learns from rows without a label, and problems.{problem_name}.source keeps none; write "
            "`unlabelled: keep` there, or leave it out"
        )
