"""Generation: new images that could be from the same source.

The only input is noise, standard normal numbers from a seed. The scores compare a set of drawn images with the real
ones of a part, in the features of a fixed embedding.

Shapes: N images, B batch, H height, W width, C channels, Z noise, R resamples.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Protocol, cast, final

import numpy as np
from numpy.typing import NDArray

from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.runtime.user_error import UserError
from pipelines.tasks.metrics import embedding
from pipelines.tasks.metrics.generation import (
    bootstrap_frechet_distance,
    energy_distance_rows,
    is_in_manifold,
    weighted_energy_distance,
)
from pipelines.tasks.task import (
    UNCALIBRATED,
    AnyTarget,
    Calibration,
    Goal,
    Metric,
    Target,
    Task,
    TaskSettings,
    choose_goal,
)

if TYPE_CHECKING:
    from torch import Tensor, nn

    from models.outputs.output_transform import OutputTransform

Floats = NDArray[np.float64]

NOISE_SIZE = 64  # numbers that a drawing starts from; a network uses as many of them as it likes
MAX_GREY_LEVEL = 255.0  # grey levels from black to white
MIXTURE_COMPONENTS = 10  # of the mixture that stands among the baselines

GOALS = {"energy_distance": Goal("energy_distance", "minimize")}

METRICS = (
    Metric(
        "energy_distance",
        "Energy distance",
        "lower",
        "How far the source of the drawn images is from that of the real ones: 0 if it is the same, and as often a "
        f"little below 0 as above it then. Measured in the features of a fixed network ({embedding.EMBEDDING_NAME}).",
    ),
    Metric(
        "frechet",
        "Frechet distance",
        "lower",
        "The same question asked of means and spreads alone, in the same features: 0 if both agree.",
    ),
    Metric(
        "precision",
        "Precision",
        "higher",
        "The share of drawn images that lie among the real ones: are they believable?",
    ),
    Metric(
        "recall",
        "Recall",
        "higher",
        "The share of real images that lie among the drawn ones: is the variety there?",
    ),
)


class GenerationSettings(TaskSettings):
    """`task: generation`; the loss is the network's own: a bound on the likelihood, or adversarial."""

    can_fold: ClassVar[bool] = False  # what several generators draw is a sample of none of them

    kind: Literal["generation"] = "generation"


class HasElbo(Protocol):
    """A generator with an evidence lower bound, the loss of a variational autoencoder."""

    def elbo(self, x: Tensor) -> Tensor: ...


class ImageReference(NamedTuple):
    """The real images that drawn ones are compared with, as a set."""

    images: NDArray[Any]  # (N, H, W[, C]), 0 to 255


@final
class Generation(Task):
    """Generation task: noise (N, Z) as input, images (N, H, W[, C]) of 0 to 255 as predictions.

    Raises:
        UserError: if the data does not begin with an image, or the goal is unknown.
    """

    name = "generation"
    can_average = False  # the mean of two drawings is a drawing of neither
    can_mix = False  # and the mean of two images is none
    output_name = "samples"
    metrics = METRICS
    without_interval = (
        "frechet",
        "precision",
        "recall",
    )  # too high, or too low, with few images; by how much is unknown
    goals = tuple(GOALS)
    reference_type = ImageReference
    augments_target = True
    input_fields: tuple[Field, ...] = (Field(name="noise", kind="noise", dtype="float32", shape=(NOISE_SIZE,)),)

    def __init__(
        self, schema: Schema, settings: GenerationSettings = GenerationSettings(), goal: str | None = None
    ) -> None:
        field = schema.inputs[0]
        if field.kind != "image" or len(schema.inputs) > 1:
            raise UserError(f"generation draws images; the input {field.name!r} is of kind {field.kind}")
        self.goal = choose_goal("a generation", GOALS, goal)
        self.shape = field.shape

    def head_width(self, writes: Literal["vector", "image"]) -> int:
        if writes == "image":
            raise UserError("generation starts from noise; the network maps an image to an image")
        return math.prod(self.shape)

    def raw_inputs(self, part: Part) -> tuple[NDArray[Any], ...]:
        """As much noise as there are examples, always the same."""
        generator = np.random.Generator(np.random.PCG64(0))
        return (generator.standard_normal((len(part.target), NOISE_SIZE), dtype=np.float32),)

    def target(self, train: Part) -> AnyTarget:
        return Target(train.inputs[0])

    def reference(self, part: Part, train: Part | None = None) -> ImageReference:
        return ImageReference(part.inputs[0])

    def output_transform(self, train: Part | None) -> OutputTransform:
        from models.outputs.generation import UnscalePixels

        return UnscalePixels(self.shape)

    def loss(self, network: nn.Module, inputs: tuple[Tensor, ...], target: AnyTarget) -> Tensor:
        return cast(HasElbo, network).elbo(target.values)

    def postprocess(self, calibration: Calibration = UNCALIBRATED) -> nn.Module:
        from torch import nn

        return nn.Hardtanh(0.0, MAX_GREY_LEVEL)

    def min_output_scale(self) -> float:
        """Of pixels, all of their range."""
        return MAX_GREY_LEVEL

    def bootstrap_scores(
        self, predictions: NDArray[Any], reference: ImageReference, weights: NDArray[Any], calibration: Calibration
    ) -> dict[str, Floats]:
        """All metrics of real and drawn images that count as often as weights say, alike in both; (R, N) -> (R,)."""
        counts = np.asarray(weights, dtype=np.float64)
        if not np.isfinite(predictions).all():
            return {metric.name: np.full(len(counts), np.nan) for metric in METRICS}
        real, drawn = embedding.embed_images(reference.images), embedding.embed_images(predictions)
        total = counts.sum(axis=1)
        return {
            "energy_distance": weighted_energy_distance(real, drawn, counts),
            "frechet": bootstrap_frechet_distance(real, drawn, counts),
            "precision": counts @ is_in_manifold(drawn, real) / total,
            "recall": counts @ is_in_manifold(real, drawn) / total,
        }

    def objective_per_row(self, predictions: NDArray[Any], reference: ImageReference) -> Floats:
        """The energy distance, with what every real and every drawn image adds to it, (N,)."""
        if not np.isfinite(predictions).all():
            return np.full(len(reference.images), np.nan)
        return energy_distance_rows(embedding.embed_images(reference.images), embedding.embed_images(predictions))

    def influence_rows(self, predictions: NDArray[Any], reference: ImageReference) -> dict[str, Floats]:
        """Of the energy distance: a resample of both sets would hold points twice, 0 away from themselves."""
        return {"energy_distance": self.objective_per_row(predictions, reference)}

    def baselines(self, train: Part, part: Part) -> dict[str, NDArray[Any]]:
        """Independent normal pixels, and a mixture of Gaussians, both fitted to the train part."""
        from sklearn.mixture import GaussianMixture
        from threadpoolctl import threadpool_limits

        pixels = np.asarray(train.inputs[0], dtype=np.float64).reshape(len(train.target), -1)
        rows = len(part.target)
        generator = np.random.Generator(np.random.PCG64(0))
        independent_pixels = pixels.mean(0) + pixels.std(0) * generator.standard_normal((rows, pixels.shape[1]))
        mixture = GaussianMixture(
            min(MIXTURE_COMPONENTS, len(pixels)), covariance_type="diag", reg_covar=1.0, random_state=0
        )
        with threadpool_limits(limits=1):
            mixture.fit(pixels)
        drawn, _ = mixture.sample(rows)
        return {
            name: values.clip(0, 255).reshape(rows, *self.shape).astype(np.float32)
            for name, values in (
                ("pixels on their own (baseline)", independent_pixels),
                ("Gaussian mixture (baseline)", drawn),
            )
        }
