"""Data checks: what is wrong with the data, or may be, in words that a person who knows the data understands.

Each check reads all examples, or which part they went to, and says one thing, or nothing where it does not apply.
Nothing is changed or dropped.
"""

from collections.abc import Callable

from pipelines.data.dataset import Dataset, Finding
from pipelines.data_checks.context import CheckContext, build_context
from pipelines.data_checks.images import check_blank_images, check_constant_pixels
from pipelines.data_checks.inputs import check_constant_columns, check_missing_values, check_target_copies
from pipelines.data_checks.leakage import (
    check_duplicates,
    check_groups,
    check_left_out,
    check_time_order,
)
from pipelines.data_checks.near_duplicates import check_near_duplicates
from pipelines.data_checks.target_leakage import check_target_leakage
from pipelines.data_checks.targets import (
    check_class_imbalance,
    check_clipped_target,
    check_constant_target,
    check_contradictions,
    check_outliers,
    check_pixel_classes,
    check_scarce_classes,
)
from pipelines.splitting.split import SplitRows

CHECKS: tuple[Callable[[CheckContext], Finding | None], ...] = (
    check_left_out,
    check_duplicates,
    check_near_duplicates,
    check_time_order,
    check_groups,
    check_target_copies,
    check_target_leakage,
    check_contradictions,
    check_scarce_classes,
    check_class_imbalance,
    check_pixel_classes,
    check_constant_target,
    check_outliers,
    check_clipped_target,
    check_missing_values,
    check_constant_columns,
    check_blank_images,
    check_constant_pixels,
)


def run_checks(data: Dataset, rows: SplitRows) -> list[Finding]:
    """What the source found, then what every check says that applies, in the table's order."""
    context = build_context(data, rows)
    results = (check(context) for check in CHECKS)
    return [*data.findings, *(finding for finding in results if finding is not None)]
