"""Attributions by gradients: how much each element of an input moves the explained number.

Both are taken over what the network reads, from features of 0 to those of the row, and added up by element: above 0
where an element speaks for the answer, below 0 where it speaks against it.

Shapes: B rows, P elements of a row.
"""

from torch import Tensor

from pipelines.explanation.elements import add_features, blank_features, gather_elements
from pipelines.explanation.explained_number import explain_no_number
from pipelines.explanation.feature_model import prepare_scorer, stems_of
from pipelines.explanation.subject import Subject

DEFAULT_STEPS = 64  # points of the path from features of 0
MAX_BATCH_VALUES = 2**20  # features that go through the network at a time, about

_TREES = "its answer is flat between thresholds and jumps at them, so that it has no gradient"
WITHOUT_GRADIENT = {  # architectures whose gradient says nothing of what they look at, and why
    "decision_tree": _TREES,
    "random_forest": _TREES,
    "gradient_boosting": _TREES,
    "isolation_forest": _TREES,
    "rocket": "half of what it reads off a series are shares of responses above 0, which have no gradient",
    "elman": "no gradient passes from step to step, so that only what it read last would be seen",
}


def explain_no_gradient(subject: Subject) -> str:
    """Why gradients cannot say what a contender looks at; empty if they can."""
    return explain_no_number(subject.task) or WITHOUT_GRADIENT.get(subject.architecture, "")


def input_gradients(subject: Subject, inputs: tuple[Tensor, ...]) -> Tensor:
    """Gradient times input, (B, P...): what each element adds to first order.

    The gradient alone says what the answer would react to, which for a word is much the same wherever it stands;
    times the input it says what is there.

    Simonyan, Vedaldi & Zisserman, "Deep Inside Convolutional Networks: Visualising Image Classification Models and
    Saliency Maps", 2014, https://arxiv.org/abs/1312.6034; times the input: Shrikumar et al., "Not Just a Black Box",
    2016, https://arxiv.org/abs/1605.01713.

    Args:
        inputs: of the rows, (B, ...) each.
    """
    from captum.attr import InputXGradient

    scorer, features, weights = prepare_scorer(subject.model, subject.task, inputs)
    found = InputXGradient(scorer).attribute(
        tuple(values.requires_grad_() for values in features), additional_forward_args=(weights, *inputs)
    )
    return _add_stems(subject, found, inputs)


def integrated_gradients(subject: Subject, inputs: tuple[Tensor, ...], steps: int = DEFAULT_STEPS) -> Tensor:
    """Integrated gradients, (B, P...): their sum over a row is the explained number less that of features of 0.

    Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", 2017. https://arxiv.org/abs/1703.01365

    Args:
        inputs: of the rows, (B, ...) each.
        steps: points at which the gradient is taken (Gauss-Legendre).
    """
    from captum.attr import IntegratedGradients

    scorer, features, weights = prepare_scorer(subject.model, subject.task, inputs)
    blank = tuple(blank_features(*pair) for pair in zip(stems_of(subject.model), features, strict=True))
    rows = len(features[0])
    fitting = MAX_BATCH_VALUES // sum(values[0].numel() for values in features)
    found = IntegratedGradients(scorer).attribute(
        features,
        blank,
        additional_forward_args=(weights, *inputs),
        n_steps=steps,
        internal_batch_size=max(rows, min(rows * steps, fitting)),
    )
    return _add_stems(subject, found, inputs)


def _add_stems(subject: Subject, found: tuple[Tensor, ...], inputs: tuple[Tensor, ...]) -> Tensor:
    """What is found of the features of each stem, by element: the sum, as all read the same input."""
    elements = [
        gather_elements(stem, values.detach(), inputs, add_features)
        for stem, values in zip(stems_of(subject.model), found, strict=True)
    ]
    return sum(elements[1:], elements[0])
