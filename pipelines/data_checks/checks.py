"""What is wrong with the data, or may be, in words a person who knows the data understands.

Each check reads all examples, or which part they went to, and says one thing, or nothing where it does not apply.
Nothing is changed or dropped.
"""

from collections.abc import Callable

from pipelines.data.dataset import Data, Finding
from pipelines.data_checks.context import Examined, examine
from pipelines.data_checks.images import blank_images, constant_pixels
from pipelines.data_checks.inputs import constant_columns, missing_values, target_copies
from pipelines.data_checks.leakage import (
    duplicates,
    groups,
    left_out,
    order_in_time,
)
from pipelines.data_checks.targets import (
    constant_target,
    contradictions,
    limits,
    outliers,
    pixel_classes,
    scarce_classes,
    uneven_classes,
)
from pipelines.splitting.split import Rows

CHECKS: tuple[Callable[[Examined], Finding | None], ...] = (
    left_out,
    duplicates,
    order_in_time,
    groups,
    target_copies,
    contradictions,
    scarce_classes,
    uneven_classes,
    pixel_classes,
    constant_target,
    outliers,
    limits,
    missing_values,
    constant_columns,
    blank_images,
    constant_pixels,
)


def findings(data: Data, rows: Rows) -> list[Finding]:
    """What the source found, then what every check says that applies, in the table's order."""
    seen = examine(data, rows)
    said = (check(seen) for check in CHECKS)
    return [*data.findings, *(finding for finding in said if finding is not None)]
