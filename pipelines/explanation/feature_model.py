"""Feature model: a trained model from the features that its stems make to the number that is explained.

Shapes: B rows, S stems (one, or of an average whose stems differ one per member).
"""

from typing import Any, final

import torch
from torch import Tensor, nn

from models.blocks.averaged_model import AveragedModel, TrainedNetwork
from pipelines.explanation.explained_number import EXPLAINED_NUMBERS


def stems_of(model: TrainedNetwork) -> tuple[nn.Module, ...]:
    """The stems, each of which makes features."""
    return tuple(model.stems) if isinstance(model, AveragedModel) else (model.stem,)


def networks_of(model: TrainedNetwork) -> tuple[nn.Module, ...]:
    """The networks, of which an average has several."""
    return tuple(model.networks) if isinstance(model, AveragedModel) else (model.network,)


@torch.no_grad()
def read_features(model: TrainedNetwork, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """What the networks read, (B, ...) of each of the S stems."""
    return tuple(stem(*inputs) for stem in stems_of(model))


@final
class FeatureModel(nn.Module):
    """forward(features of S stems, weights, *inputs) -> the explained number, (B,).

    The inputs are what an output transform adds to or compares with, as the last value of a window; they stay as they
    are while features change.

    Args:
        model: in evaluation mode.
        task: the model's.
    """

    def __init__(self, model: TrainedNetwork, task: Any) -> None:
        super().__init__()
        self.model = model
        self.task = task
        self.stem_count = len(stems_of(model))

    def forward(self, *tensors: Tensor) -> Tensor:
        features, weights, inputs = (
            tensors[: self.stem_count],
            tensors[self.stem_count],
            tensors[self.stem_count + 1 :],
        )
        return (self.answer(features, inputs) * weights).flatten(1).sum(1)

    def answer(self, features: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> Tensor:
        """The outputs in the target's units, (B, ...)."""
        model = self.model
        if not isinstance(model, AveragedModel):
            output: Tensor = model.output_transform(model.network(features[0]), *inputs)
            return output
        read = features * len(model.networks) if len(features) == 1 else features
        outputs = [
            transform(network(values), *inputs)
            for network, transform, values in zip(model.networks, model.output_transforms, read, strict=True)
        ]
        average: Tensor = model.average(torch.stack(outputs))
        return average

    @torch.no_grad()
    def weigh(self, features: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> Tensor:
        """The weights that make the explained number of the answers for these features, (B, ...)."""
        return EXPLAINED_NUMBERS[self.task.name].weigh_outputs(self.task, self.answer(features, inputs))


def prepare_scorer(
    model: TrainedNetwork, task: Any, inputs: tuple[Tensor, ...]
) -> tuple[FeatureModel, tuple[Tensor, ...], Tensor]:
    """The model over features, the features of the rows, and the weights of its outputs."""
    scorer = FeatureModel(model, task).eval()
    features = read_features(model, inputs)
    return scorer, features, scorer.weigh(features, inputs)
