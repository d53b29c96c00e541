"""Draw again what was shown: through a narrow code (compression), without the noise (denoising), or as far as it is
normal (anomaly detection).

Which of the three it is follows from the target and the settings:
- the target is an image: the clean form of the input, which is noisy (denoising);
- `normal: <class>`, the target is a category: only rows of that class are learned from, and what is reconstructed
  badly is anomalous;
- `compress: true`: the input is its own target, and the labels are not looked at.

A reply holds the score and the reconstruction, (1 + D,); the truth holds 1 if the row is anomalous, else 0, and what
should have been reconstructed.

Shapes: N rows, D numbers of an example in the order they are stored, R resamples, B rows of a batch.
"""

from collections.abc import Callable
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor, nn

from models.blocks.losses import binary_cross_entropy, squared_error
from models.outputs.output_transform import Finish
from models.outputs.reconstruction import RestoredImage, RestoredRow
from pipelines.data.dataset import chunks
from pipelines.data.large_arrays import room
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.statistics import grey_moments, moments
from pipelines.runtime.user_error import Failure
from pipelines.tasks.baselines.reconstruction import BASELINES, Shown
from pipelines.tasks.metrics import anomaly_detection as anomalies
from pipelines.tasks.metrics import image_similarity as similarity
from pipelines.tasks.reconstruction_modes import (
    Use,
    metrics_of,
    reads_an_image,
    use_of,
)
from pipelines.tasks.task import Decision, Goal, TaskSettings

Floats = NDArray[np.float64]

LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "squared_error": squared_error,
    "binary_cross_entropy": binary_cross_entropy,  # of images, whose pixels lie between black and white
}

GOALS = {
    "squared_error": Goal("squared_error", "minimize"),
    "psnr": Goal("psnr", "maximize"),
    "ssim": Goal("ssim", "maximize"),
    "auroc": Goal("auroc", "maximize"),
}


class ReconstructionSettings(TaskSettings):
    """`task: {kind: reconstruction, normal: benign}`, `{..., compress: true}`; denoising needs neither."""

    kind: Literal["reconstruction"] = "reconstruction"
    normal: str | None = None  # the class that is learned from; the others are anomalies
    compress: bool = False  # reconstruct the input from itself, whatever the target is
    loss: Literal["squared_error", "binary_cross_entropy"] = "squared_error"


@final
class Reconstruction:
    """What was shown, drawn again: replies (N, 1 + D), the score and the reconstruction in the target's units.

    Raises:
        Failure: if the inputs are neither one image nor numbers alone, the target does not say what is to be
            reconstructed, or a setting or the goal does not fit.
    """

    name = "reconstruction"
    output = "reconstruction"
    goals: tuple[str, ...] = tuple(GOALS)  # of some use; an instance has those of its own

    def __init__(self, schema: Schema, settings: ReconstructionSettings, goal: str | None = None) -> None:
        self.image = reads_an_image(schema)
        self.use: Use = use_of(schema, settings.normal, settings.compress)
        if settings.loss == "binary_cross_entropy" and not self.image:
            raise Failure(
                "loss of a reconstruction: binary_cross_entropy needs numbers between two ends, as pixels are; "
                "of a table's columns, use squared_error"
            )
        self.metrics = metrics_of(self.use, self.image)
        names = {metric.name for metric in self.metrics}
        order = ("auroc", *GOALS) if self.use == "anomalies" else tuple(GOALS)
        self.goals = tuple(dict.fromkeys(name for name in order if name in names))
        if goal is not None and goal not in self.goals:
            raise Failure(
                f"goal of a reconstruction ({self.use}) must be one of {', '.join(self.goals)}; found {goal!r}"
            )
        self.goal = GOALS[goal or self.goals[0]]
        self.asked: tuple[Field, ...] = schema.inputs
        self.shape = schema.inputs[0].shape if self.image else (len(schema.inputs),)  # of what is reconstructed
        self.normal = schema.target.categories.index(settings.normal) if settings.normal is not None else None
        self.settings = settings

    def outputs(self, writes: Literal["vector", "image"]) -> int:
        """D numbers in a row, or the channels of an image."""
        if writes == "vector":
            return int(np.prod(self.shape))
        if not self.image:
            raise Failure("the reconstruction of a table has a number per column; the network writes images")
        return (*self.shape, 1)[2]

    def questions(self, part: Part) -> tuple[NDArray[Any], ...]:
        return part.inputs

    def learnable(self, part: Part) -> NDArray[Any] | None:
        return None if self.normal is None else ~self._anomalous(part)

    def target(self, part: Part) -> NDArray[Any]:
        """The clean images of denoising; else the inputs: one image, or all columns side by side, (N, D)."""
        return part.target if self.use == "denoising" else self._inputs(part)

    def truth(self, part: Part) -> NDArray[Any]:
        """Whether a row is anomalous, and what should have been reconstructed, float32 (N, 1 + D)."""
        wanted, anomalous = self.target(part), self._anomalous(part)
        truth = room((len(wanted), 1 + self.outputs("vector")), np.float32)
        for rows in chunks(wanted):
            truth[rows, 0] = anomalous[rows]
            truth[rows, 1:] = wanted[rows].reshape(rows.stop - rows.start, -1)
        return truth

    def finish(self, train: Part | None) -> Finish:
        if self.image:
            image = RestoredImage(self.shape, logits=self.settings.loss == "binary_cross_entropy")
            return image if train is None else image.fit(*grey_moments(self._learned(train)[1]))
        row = RestoredRow(len(self.asked))
        return row if train is None else row.fit(*moments(self._learned(train)[1]))

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: Tensor) -> Tensor:
        return LOSSES[self.settings.loss](network(*inputs).flatten(1), target.flatten(1))

    def reply(self) -> nn.Module:
        return nn.Identity()

    def decide(self, replies: NDArray[Any], truth: NDArray[Any]) -> dict[str, float]:
        """Of anomaly detection, the lowest score that is flagged."""
        if self.use != "anomalies":
            return {}
        return {"threshold": anomalies.threshold(np.asarray(replies[:, 0], dtype=np.float64), truth[:, 0] == 1)}

    def score(self, replies: NDArray[Any], truth: NDArray[Any], decision: Decision) -> dict[str, float]:
        """All metrics of a whole set; every one is NaN if a reply is not a finite number."""
        once = np.ones((1, len(truth)))
        return {name: float(values[0]) for name, values in self.resampled(replies, truth, once, decision).items()}

    def resampled(
        self, replies: NDArray[Any], truth: NDArray[Any], weights: NDArray[Any], decision: Decision
    ) -> dict[str, Floats]:
        """All metrics under R resamples: row i counts weights[r, i] times; weights (R, N), values (R,)."""
        self._check(replies, truth)
        times = np.asarray(weights, dtype=np.float64)  # (R, N)
        if not np.isfinite(replies).all():
            return {metric.name: np.full(len(times), np.nan) for metric in self.metrics}
        if self.use == "anomalies":
            scores, anomalous = np.asarray(replies[:, 0], dtype=np.float64), truth[:, 0] == 1
            counts = np.ascontiguousarray(times.T)
            found = anomalies.detected(scores, anomalous, counts, decision["threshold"])
            errors, normal = self._errors(replies, truth)[~anomalous], times[:, ~anomalous]
            total = normal.sum(axis=1)
            return found | {
                "squared_error": np.divide(normal @ errors, total, out=np.full_like(total, np.nan), where=total > 0)
            }
        rows = {metric.name: self._per_row(metric.name, replies, truth) for metric in self.metrics}
        return {name: times @ values / times.sum(axis=1) for name, values in rows.items()}

    def examples(self, replies: NDArray[Any], truth: NDArray[Any]) -> Floats:
        """The goal for every row, (N,).

        Raises:
            Failure: if the goal needs normal or anomalous rows and there are none.
        """
        self._check(replies, truth)
        if self.use != "anomalies":
            return self._per_row(self.goal.name, replies, truth)
        anomalous = truth[:, 0] == 1
        normal = len(truth) - int(anomalous.sum())
        if self.goal.name == "auroc" and not 0 < normal < len(truth):
            raise Failure(
                f"goal auroc needs both normal and anomalous rows to score; of {len(truth)} rows, {normal} are normal: "
                "split so that every part has both, or set goal: squared_error"
            )
        if self.goal.name == "auroc":
            return anomalies.placements(np.asarray(replies[:, 0], dtype=np.float64), anomalous)
        if not normal:
            raise Failure(f"goal squared_error is about normal rows, and of {len(truth)} rows to score none is normal")
        return np.where(anomalous, 0, self._errors(replies, truth)) * (len(truth) / normal)

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        shown = Shown(*self._learned(train), self._inputs(part))
        return {name: baseline(shown) for name, baseline in BASELINES[self.use].items()}

    def _inputs(self, part: Part) -> NDArray[Any]:
        return part.inputs[0] if self.image else np.stack(part.inputs, axis=1)

    def _anomalous(self, part: Part) -> NDArray[np.bool_]:
        if self.normal is None:
            return np.zeros(len(part.target), dtype=bool)
        return np.asarray(part.target != self.normal)

    def _learned(self, train: Part) -> tuple[NDArray[Any], NDArray[Any]]:
        """Inputs and targets of the rows that may be learned from."""
        rows = self.learnable(train)
        both = self._inputs(train), self.target(train)
        return both if rows is None or rows.all() else (both[0][rows], both[1][rows])

    def _per_row(self, name: str, replies: NDArray[Any], truth: NDArray[Any]) -> Floats:
        if name == "ssim":
            restored, wanted = (values[:, 1:].reshape(-1, *self.shape) for values in (replies, truth))
            return similarity.ssim(restored, wanted)
        errors = self._errors(replies, truth)
        return similarity.psnr(errors) if name == "psnr" else errors

    def _errors(self, replies: NDArray[Any], truth: NDArray[Any]) -> Floats:
        """The mean squared difference of every row: of the full range, or of the spreads of the normal rows here."""
        restored, wanted = replies[:, 1:], truth[:, 1:]
        if self.image:
            return similarity.squared_error(restored, wanted)
        spread = moments(wanted[truth[:, 0] == 0])[1]
        known = ~np.isnan(wanted)
        apart = np.where(known, (restored.astype(np.float64) - wanted) / spread, 0)
        errors: Floats = np.square(apart).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        return errors

    def _check(self, replies: NDArray[Any], truth: NDArray[Any]) -> None:
        assert replies.shape == truth.shape == (len(truth), 1 + self.outputs("vector")), f"{replies.shape}"
