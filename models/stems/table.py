"""Table stem: standardised numbers, one-hot categories and TF-IDF of texts, with marks of missing values.

Shapes: N rows, B batch, K categories.
"""

from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from models.stems.column import ColumnSpec, InputType
from models.stems.text import TfidfStem

MIN_CATEGORY_ROWS = 5  # rows of the train part below which a category is treated as unknown


@final
class NumberStem(nn.Module):
    """Standardised number and mark of a missing value: (B,) -> (B, 2).

    Raw numbers may have long tails: beyond LINEAR_DEVIATIONS the distance from the mean grows logarithmically, so that
    one enormous cell does not drown the rest.
    """

    LINEAR_DEVIATIONS = 3.0
    MAX_DEVIATIONS = 1e30  # deviations; the largest float32 divided by a small deviation would be infinite
    mean: Tensor
    scale: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.feature_count = 2
        self.register_buffer("mean", torch.zeros(()))
        self.register_buffer("scale", torch.ones(()))

    def fit(self, values: np.ndarray[Any, Any]) -> None:
        known = values[np.isfinite(values)].astype(np.float64)
        if len(known):
            spread = float(known.std())
            self.mean.fill_(float(known.mean()))
            self.scale.fill_(spread if spread > torch.finfo(torch.float32).tiny else 1.0)

    def forward(self, values: Tensor) -> Tensor:
        missing = torch.isnan(values)
        deviations = ((values - self.mean) / self.scale).clamp(-self.MAX_DEVIATIONS, self.MAX_DEVIATIONS)
        x = torch.where(missing, torch.zeros_like(values), deviations)
        beyond = (x.abs() - self.LINEAR_DEVIATIONS).clamp(min=0)
        x = x.clamp(-self.LINEAR_DEVIATIONS, self.LINEAR_DEVIATIONS) + x.sign() * torch.log1p(beyond)
        return torch.stack([x, missing.to(x.dtype)], 1)  # (B, 2)


@final
class CategoryStem(nn.Module):
    """One-hot encoding: (B,) -> (B, K + 1); the last is for what is missing, rare or was never seen."""

    seen: Tensor

    def __init__(self, cardinality: int) -> None:
        super().__init__()
        self.feature_count = cardinality + 1
        self.register_buffer("seen", torch.zeros(cardinality, dtype=torch.bool))

    def fit(self, values: np.ndarray[Any, Any]) -> None:
        counts = np.bincount(values[values >= 0], minlength=len(self.seen))
        self.seen.copy_(torch.from_numpy(counts >= min(MIN_CATEGORY_ROWS, max(1, counts.max(initial=0)))))

    def forward(self, values: Tensor) -> Tensor:
        unknown_code = self.seen.shape[0]
        known = (values >= 0) & (values < unknown_code)
        code = torch.where(known, values, torch.zeros_like(values))
        code = torch.where(known & self.seen[code], values, torch.full_like(values, unknown_code))
        all_codes = torch.arange(unknown_code + 1, device=values.device)
        return (code.unsqueeze(1) == all_codes).to(torch.float32)  # (B, K + 1)


@final
class TableStem(nn.Module):
    """Concatenation of all columns' features: (B, F).

    Args:
        columns: numbers, categories and texts, in the order of the schema.

    Attributes:
        input_shape: (F,).
    """

    def __init__(self, columns: tuple[ColumnSpec, ...], input_type: InputType) -> None:
        super().__init__()
        self.column_stems = nn.ModuleList([_build_column_stem(column) for column in columns])
        self.input_shape: tuple[int, ...] = (sum(_feature_count(column_stem) for column_stem in self.column_stems),)

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        for column_stem, values in zip(self.column_stems, arrays, strict=True):
            if isinstance(column_stem, TfidfStem):
                column_stem.fit((values,))
            else:
                assert isinstance(column_stem, NumberStem | CategoryStem)
                column_stem.fit(values)

    def forward(self, *values: Tensor) -> Tensor:
        return torch.cat([stem(column) for stem, column in zip(self.column_stems, values, strict=True)], 1)


def _build_column_stem(column: ColumnSpec) -> nn.Module:
    if column.kind == "number":
        return NumberStem()
    if column.kind == "category":
        return CategoryStem(column.cardinality)
    if column.kind == "text":
        return TfidfStem((column,), "vector")
    raise ValueError(f"a table holds numbers, categories and texts, got a column of kind {column.kind}")


def _feature_count(column_stem: nn.Module) -> int:
    if isinstance(column_stem, TfidfStem):
        return column_stem.input_shape[0]
    assert isinstance(column_stem, NumberStem | CategoryStem)
    return column_stem.feature_count
