"""Split settings: the `split:` block of params.yaml."""

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

SplitStrategy = Literal[
    "stratified", "random", "group", "time", "group_in_time", "column", "given"
]  # keys of splitting.split.STRATEGIES

FOLDED_STRATEGIES = ("stratified", "random", "group", "time")  # of the others, parts are given or groups are in time
DEFAULT_HOLDOUT = 0.2  # share of the examples

STRATEGIES_BY_SETTING: dict[str, tuple[str, ...]] = {  # which strategies read a setting that not all of them do
    "group": ("group", "group_in_time"),
    "time": ("time", "group_in_time"),
    "embargo": ("time",),
    "column": ("column",),
    "parts": ("column",),
}


def _to_texts(values: Any) -> Any:
    """What YAML gives for `[1, a]`, or for `1`, as texts."""
    if isinstance(values, list | tuple):
        return tuple(str(value) for value in values)
    return values if isinstance(values, dict) else (str(values),)


Values = Annotated[tuple[str, ...], BeforeValidator(_to_texts)]


class PartValues(BaseModel):
    """`parts: {train: [2019, 2020], valid: [2021], test: [2022]}`: which values of the column make which part."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    train: Values
    valid: Values = ()  # empty: cut from train
    test: Values = ()  # empty: cut from train

    @model_validator(mode="after")
    def _check_disjoint(self) -> "PartValues":
        values = (*self.train, *self.valid, *self.test)
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f"a value belongs to one part, but {twice[0]!r} is named twice")
        if not self.train:
            raise ValueError("train must name at least one value of the column")
        return self


class SplitSettings(BaseModel):
    """`split: {test: 0.2, by: stratified}`, in folds where examples are few; `{valid: 0.2, ...}` is a holdout."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    valid: float | None = None  # share of the examples that tuning and early stopping look at: a holdout
    folds: int | None = Field(default=None, ge=2, le=20)  # instead: every example but the test's is held out once
    test: float = 0.2  # share of the examples that only the final scores look at
    by: SplitStrategy = "stratified"
    group: str | None = None  # the key that names an example's group; "group" when absent
    time: str | None = None  # the key that says when an example was; "time" when absent
    embargo: int = Field(default=0, ge=0)  # steps of a series, or examples, that are left out after each boundary
    column: str | None = None  # the key whose values make the parts
    parts: PartValues | None = None  # ... and which value makes which

    @field_validator("by", mode="before")
    @classmethod
    def _check_strategy(cls, name: Any) -> Any:
        if name not in get_args(SplitStrategy):
            raise ValueError(f"must be a way to split ({', '.join(get_args(SplitStrategy))}), got {name}")
        return name

    @field_validator("valid", "test")
    @classmethod
    def _check_share(cls, share: float | None) -> float | None:
        if share is not None and not 0 < share < 1:
            raise ValueError(f"must be a share of the examples, above 0 and below 1 such as 0.2, got {share:g}")
        return share

    @model_validator(mode="after")
    def _check_train_share(self) -> "SplitSettings":
        if self.holdout + self.test > 1 - 1e-9:
            raise ValueError(
                f"valid and test must leave examples to train on, so together be below 1, "
                f"got {self.holdout:g} + {self.test:g} = {self.holdout + self.test:g}"
            )
        return self

    @model_validator(mode="after")
    def _check_folds(self) -> "SplitSettings":
        if self.folds is not None and self.valid is not None:
            raise ValueError(
                f"folds and valid exclude each other: folds: {self.folds} holds out every example but the test's once, "
                f"valid: {self.valid:g} is a holdout; leave one of them out"
            )
        if self.folds is not None and self.by not in FOLDED_STRATEGIES:
            raise ValueError(f"folds is read with by: {', '.join(FOLDED_STRATEGIES)} alone, got by: {self.by}")
        return self

    @property
    def holdout(self) -> float:
        """The share of a holdout for validation."""
        return DEFAULT_HOLDOUT if self.valid is None else self.valid

    @model_validator(mode="after")
    def _check_strategy_settings(self) -> "SplitSettings":
        for name, strategies in STRATEGIES_BY_SETTING.items():
            if getattr(self, name) and self.by not in strategies:
                raise ValueError(f"{name} is read with by: {' or '.join(strategies)} alone, got by: {self.by}")
        if self.by == "column" and not (self.column and self.parts):
            raise ValueError(
                "by: column needs the column and what its values make, "
                "such as column: fold, parts: {train: [1, 2], valid: [3], test: [4]}"
            )
        return self
