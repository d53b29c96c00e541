"""Settings of data augmentation, as params.yaml has them under `augment`; augmentation.py draws."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator, model_validator

SETTING_LIMITS = {  # setting: (largest value, its unit); the smallest is 0
    "shift": (math.inf, "pixels"),
    "rotate": (180, "degrees"),
    "scale": (0.9, "a share of the size"),
    "crop": (0.9, "a share of the side"),
    "noise": (255, "grey levels"),
    "erase": (0.9, "a share of the side"),
}


class AugmentSettings(BaseModel):
    """`augment: {copies: 3, shift: 1, rotate: 10}`; what is not named is off."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    copies: int | Literal["live"] = 0  # draws stored per example, which epochs walk through; live: new ones every epoch
    shift: float = 0  # pixels, at most, to each side and up or down
    rotate: float = 0  # degrees, at most, either way
    scale: float = 0  # larger or smaller by at most this share: 0.1 is 90 % to 110 %
    crop: float = 0  # a part of the image takes its place, cut off at most this share of each side
    noise: float = 0  # grey levels, standard deviation, for every pixel and channel on its own
    erase: float = 0  # a rectangle is hidden whose sides are at most this share of the image's
    flip_horizontal: bool = False  # left and right swapped in half of the draws; ruins letters and digits
    flip_vertical: bool = False  # up and down swapped in half of the draws

    @field_validator("copies", mode="before")
    @classmethod
    def _check_copies(cls, copies: object) -> object:
        if copies != "live" and (isinstance(copies, bool) or not isinstance(copies, int) or copies < 0):
            raise ValueError(f"must be a whole number from 0 up, or live, got {copies!r}")
        return copies

    @field_validator(*SETTING_LIMITS)
    @classmethod
    def _check_limits(cls, value: float, info: ValidationInfo) -> float:
        largest, unit = SETTING_LIMITS[str(info.field_name)]
        if not (0 <= value <= largest and math.isfinite(value)):
            bound = "0 or more" if math.isinf(largest) else f"from 0 to {largest:g}"
            raise ValueError(f"must be {bound}, in {unit}, got {value:g}")
        return value

    @model_validator(mode="after")
    def _check_transforms(self) -> "AugmentSettings":
        names = [name for name in type(self).model_fields if name != "copies"]
        if self.copies and not any(getattr(self, name) for name in names):
            raise ValueError(
                f"copies is {self.copies}, but every draw would be the example itself; set one of {', '.join(names)}"
            )
        return self


def describe_augmentation(settings: AugmentSettings) -> str:
    """The settings as a sentence for a person who has not read params.yaml."""
    phrases = {
        "shift": f"moved by up to {settings.shift:g} pixel{'' if settings.shift == 1 else 's'}",
        "rotate": f"turned by up to {settings.rotate:g}°",
        "scale": f"larger or smaller by up to {100 * settings.scale:g} %",
        "crop": f"a part of at least {100 * (1 - settings.crop):g} % of each side enlarged",
        "flip_horizontal": "half of them mirrored left to right",
        "flip_vertical": "half of them mirrored top to bottom",
        "erase": f"a rectangle of up to {100 * settings.erase:g} % of each side hidden",
        "noise": f"noise of {settings.noise:g} grey level{'' if settings.noise == 1 else 's'}",
    }
    how = ", ".join(phrase for name, phrase in phrases.items() if getattr(settings, name))
    if settings.copies == "live":
        return f"Augmented anew in every epoch: {how}"
    if settings.copies == 0:
        return "No augmentation: networks train on the original examples"
    return f"{settings.copies} augmented cop{'y' if settings.copies == 1 else 'ies'} per example: {how}"
