"""Pseudo-labels: what a network is sure of becomes a label to learn from.

At the beginning of every epoch as many unlabelled rows are drawn as labelled ones are learned from, and the network, as
it is then, says how probable each class is for them. Row by row:

    its most probable class has `pseudo_threshold` or more  ->  that class is the row's label in this epoch
    it has less                                             ->  nothing is learned from the row in this epoch

The labels are forgotten with the epoch: a row may have none, then one, then another. In every step the task's loss over
the rows that got one, class weights included and divided by all rows that were drawn for the step, is added to the loss
of the labelled batch, times a weight that rises evenly from 0, where the training begins and the network knows nothing,
to 1 after RAMP_SHARE of it: with few labels the epoch that is kept may be an early one.

Only classes are pseudo-labelled. A predicted number comes without a probability that would say how sure it is, and
taken for its own label it has no error to learn from: `semi: pseudo_label` is refused for regression, which has
`semi: pretrain`.

Lee, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method for Deep Neural Networks", 2013.
NOTE[DIFF] the paper has no threshold; it is that of Sohn et al., "FixMatch", 2020, https://arxiv.org/abs/2001.07685.

Shapes: B batch, K classes, U unlabelled rows.
"""

from collections.abc import Iterator
from itertools import repeat
from typing import NamedTuple

import torch
from torch import Tensor

from models.stems import Model
from pipelines.runtime.seeds import derive_seed
from pipelines.tasks.task import AnyTarget, Target, WeightedTarget
from pipelines.training.contender_settings import GradientSettings
from pipelines.training.inference import predict
from pipelines.training.job import TrainingData

RAMP_SHARE = 0.2  # share of the training, its beginning, in which the weight of pseudo-labels rises from 0 to 1
MIN_ROWS = 2  # of a batch: networks that normalise over it need more than one


class PseudoBatch(NamedTuple):
    """Rows that are learned from beside a labelled batch."""

    inputs: tuple[Tensor, ...]  # raw, (B, ...) each
    target: AnyTarget
    weight: float  # of their loss; that of the labelled batch weighs 1


def draw_pseudo_batches(
    model: Model,
    data: TrainingData,
    unlabelled: tuple[Tensor, ...],
    settings: GradientSettings,
    seed: int,
    progress: float,
    steps: int,
) -> Iterator[PseudoBatch | None]:
    """What is learned from beside each of the `steps` batches of an epoch; None where the network is sure of nothing.

    Args:
        unlabelled: (U, ...) each; none where nothing is learned from them.
        seed: of the rows that are drawn.
        progress: the share of the training that is over.
    """
    ramp = min(1.0, progress / RAMP_SHARE)
    if not unlabelled or not ramp:
        return repeat(None, steps)
    device = unlabelled[0].device
    generator = torch.Generator(device).manual_seed(derive_seed(seed, "pseudo-labels"))
    drawn = torch.randint(len(unlabelled[0]), (steps * settings.batch_size,), generator=generator, device=device)
    rows, places = torch.unique(drawn, return_inverse=True)
    inputs = tuple(values[rows] for values in unlabelled)
    answers = torch.from_numpy(predict(model, data.task.postprocess(), inputs)).to(device)  # (rows, K)
    sureness, classes = answers.max(1)
    class_weights = _class_weights(data, answers.shape[1])

    def make_batch(chosen: Tensor) -> PseudoBatch | None:
        sure = chosen[sureness[chosen] >= settings.pseudo_threshold]
        if len(sure) < MIN_ROWS:
            return None
        codes = classes[sure]
        target = Target(codes) if class_weights is None else WeightedTarget(codes, class_weights[codes])
        return PseudoBatch(tuple(values[sure] for values in inputs), target, ramp * len(sure) / len(chosen))

    return map(make_batch, places.split(settings.batch_size))


def _class_weights(data: TrainingData, classes: int) -> Tensor | None:
    """How much an example of each class weighs, (K,); None where all weigh the same."""
    target = data.train[0].target
    if not isinstance(target, WeightedTarget):
        return None
    weights = torch.ones(classes, device=target.values.device)
    weights[target.values.long()] = target.weights
    return weights
