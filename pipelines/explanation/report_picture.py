"""Report picture: what a contender looks at, by one method and within a bounded time, for the report."""

from pathlib import Path

from pipelines.explanation.methods import Written, find_methods, write_method
from pipelines.explanation.subject import Effort, load_subject

REPORT_EFFORT = Effort(rows=6, operations=8e9)  # about a third of a second on a core, besides drawing


def write_report_picture(problem: str, contender: str, folder: Path, seed: int) -> Written | None:
    """Write pictures/<method>.png and tables/<method>.csv of the first method that applies; None if none does.

    Args:
        folder: what the evaluation writes to.
        seed: the project's.
    """
    subject = load_subject(problem, contender, seed)
    methods = find_methods(subject)
    if not methods:
        return None
    return write_method(subject, methods[0], REPORT_EFFORT, folder / "pictures", folder / "tables")
