"""Table stem: standardised numbers, one-hot categories and TF-IDF of texts, with marks of missing values.

Of a table with very many words, the commonest keep a feature of their own, and the others share some.

Shapes: N rows, B batch, C columns of numbers, K categories, F features.
"""

from collections.abc import Sequence
from typing import Any, final

import numpy as np
import torch
from torch import Tensor, nn

from models.stems.column import ColumnSpec, InputType
from models.stems.hashing import hash_features, own_features
from models.stems.text import TfidfStem

MIN_CATEGORY_ROWS = 5  # rows of the train part below which a category is treated as unknown
MAX_WORD_FEATURES = 2**13  # of all categories and texts of a table; beyond, those of the widest columns are shared
MIN_SHARED_WIDTH = 16  # features that a column keeps in any case


@final
class NumberStem(nn.Module):
    """Standardised numbers, each with a mark of a missing value: (B, C) -> (B, 2 C), a column's two side by side.

    Raw numbers may have long tails: beyond LINEAR_DEVIATIONS the distance from the mean grows logarithmically, so that
    one enormous cell does not drown the rest.
    """

    LINEAR_DEVIATIONS = 3.0
    MAX_DEVIATIONS = 1e30  # deviations; the largest float32 divided by a small deviation would be infinite
    mean: Tensor
    scale: Tensor

    def __init__(self, columns: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("scale", torch.ones(columns))

    def fit(self, columns: Sequence[np.ndarray[Any, Any]]) -> None:
        for index, values in enumerate(columns):
            known = values[np.isfinite(values)].astype(np.float64)
            if len(known):
                spread = float(known.std())
                self.mean[index] = float(known.mean())
                self.scale[index] = spread if spread > torch.finfo(torch.float32).tiny else 1.0

    def forward(self, values: Tensor) -> Tensor:
        missing = torch.isnan(values)
        deviations = ((values - self.mean) / self.scale).clamp(-self.MAX_DEVIATIONS, self.MAX_DEVIATIONS)
        x = torch.where(missing, torch.zeros_like(values), deviations)
        beyond = (x.abs() - self.LINEAR_DEVIATIONS).clamp(min=0)
        x = x.clamp(-self.LINEAR_DEVIATIONS, self.LINEAR_DEVIATIONS) + x.sign() * torch.log1p(beyond)
        return torch.stack([x, missing.to(x.dtype)], 2).flatten(1)  # (B, C, 2) -> (B, 2 C)


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
class HashedCategoryStem(nn.Module):
    """One-hot encoding in fewer features than categories: (B,) -> (B, width + 1).

    Most features belong to the commonest categories, one each; the others share the rest by a hash of their code. The
    last is for what is missing or stood nowhere in the train part.

    Source: Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009.
    https://arxiv.org/abs/0902.2206
    """

    feature: Tensor  # (K,), of each category

    def __init__(self, cardinality: int, width: int) -> None:
        super().__init__()
        self.width, self.feature_count = width, width + 1
        self.register_buffer("feature", torch.full((cardinality,), width))

    def fit(self, values: np.ndarray[Any, Any]) -> None:
        counts = np.bincount(values[values >= 0], minlength=len(self.feature))
        commonest = np.argsort(-counts, kind="stable")[: own_features(self.width)]
        commonest = commonest[counts[commonest] >= MIN_CATEGORY_ROWS]
        feature = hash_features(np.arange(len(counts)), self.width)
        feature[commonest] = np.arange(len(commonest))
        self.feature.copy_(torch.from_numpy(np.where(counts > 0, feature, self.width)))

    def forward(self, values: Tensor) -> Tensor:
        known = (values >= 0) & (values < self.feature.shape[0])
        found = self.feature[torch.where(known, values, torch.zeros_like(values))]
        found = torch.where(known, found, torch.full_like(found, self.width))
        all_features = torch.arange(self.feature_count, device=values.device)
        return (found.unsqueeze(1) == all_features).to(torch.float32)  # (B, width + 1)


@final
class TableStem(nn.Module):
    """All columns' features side by side, in the order of the schema: (B, F).

    The numbers are one matrix: a graph with the same few steps for every column would be as long as the table is wide.

    Args:
        columns: numbers, categories and texts.

    Attributes:
        input_shape: (F,).
    """

    order: Tensor  # (F,): where each feature stands among those of the numbers, then of the other columns

    def __init__(self, columns: tuple[ColumnSpec, ...], input_type: InputType) -> None:
        super().__init__()
        self.number_indices = [index for index, column in enumerate(columns) if column.kind == "number"]
        self.other_indices = [index for index, column in enumerate(columns) if column.kind != "number"]
        self.number_stem = NumberStem(len(self.number_indices))
        others = [columns[index] for index in self.other_indices]
        word_widths = narrow_widths([column.cardinality for column in others], MAX_WORD_FEATURES)
        self.column_stems = nn.ModuleList(map(_build_column_stem, others, word_widths))
        widths = [2] * len(self.number_indices) + [_feature_count(column_stem) for column_stem in self.column_stems]
        self.input_shape: tuple[int, ...] = (sum(widths),)
        features = np.split(np.arange(sum(widths)), np.cumsum(widths)[:-1])  # of each column, as they are computed
        places = np.argsort(self.number_indices + self.other_indices)  # of each column of the schema, among them
        order = torch.from_numpy(np.concatenate([features[place] for place in places]))
        self.register_buffer("order", order, persistent=False)  # it follows from the columns

    def fit(self, arrays: tuple[np.ndarray[Any, Any], ...]) -> None:
        self.number_stem.fit([arrays[index] for index in self.number_indices])
        for column_stem, index in zip(self.column_stems, self.other_indices, strict=True):
            if isinstance(column_stem, TfidfStem):
                column_stem.fit((arrays[index],))
            else:
                assert isinstance(column_stem, CategoryStem | HashedCategoryStem)
                column_stem.fit(arrays[index])

    def forward(self, *values: Tensor) -> Tensor:
        others = [stem(values[index]) for stem, index in zip(self.column_stems, self.other_indices, strict=True)]
        if not self.number_indices:
            return torch.cat(others, 1)
        numbers = self.number_stem(torch.stack([values[index] for index in self.number_indices], 1))
        return torch.cat([numbers, *others], 1)[:, self.order] if others else numbers


def narrow_widths(widths: Sequence[int], most: int) -> list[int]:
    """Widths that sum to `most` at most: the widest are cut to what the others leave, alike.

    >>> narrow_widths([3, 200, 40, 500], most=300)
    [3, 128, 40, 129]
    """
    narrowed, left = list(widths), most
    for rank, place in enumerate(sorted(range(len(widths)), key=widths.__getitem__)):
        share = left // (len(widths) - rank)
        narrowed[place] = min(widths[place], max(share, MIN_SHARED_WIDTH))
        left -= narrowed[place]
    return narrowed


def _build_column_stem(column: ColumnSpec, width: int) -> nn.Module:
    if column.kind == "category":
        return CategoryStem(width) if width == column.cardinality else HashedCategoryStem(column.cardinality, width)
    if column.kind == "text":
        return TfidfStem((column,), "vector", width)
    raise ValueError(f"a table holds numbers, categories and texts, got a column of kind {column.kind}")


def _feature_count(column_stem: nn.Module) -> int:
    if isinstance(column_stem, TfidfStem):
        return column_stem.input_shape[0]
    assert isinstance(column_stem, CategoryStem | HashedCategoryStem)
    return column_stem.feature_count
