"""The page docs/zoo.md: what every architecture is, from whom, when to choose it, its layers and its settings."""

from collections.abc import Iterator
from typing import Any

import torch

from models import ARCHITECTURES, Architecture, Prediction, build_network
from models.blocks.hyperparameters import Choice, Hyperparameters, Range, default_settings, default_space
from models.stems import STEMS, InputType
from pipelines.zoo.descriptions import Description, read_comments, read_description
from pipelines.zoo.drawing import draw_network

COMMAND = "python -m pipelines.zoo"

# The input of the drawings, one of each shape, and the number of outputs
DRAWN_SHAPES: dict[InputType, tuple[int, ...]] = {"vector": (64,), "image": (3, 32, 32), "sequence": (30, 4)}
DRAWN_OUTPUTS = 10
DRAWN_OUTPUTS_OF = {"dcgan": 64, "isolation_forest": 1}  # an image of 8x8 pixels; a score
SERIES_SHAPE = (3, 30, 1)  # a series as an image: 3 variables, 30 steps

TASKS_OF_PREDICTION: dict[Prediction, tuple[str, ...]] = {
    "classes": ("classification",),
    "numbers": ("regression", "forecasting"),
    "pixel classes": ("segmentation",),
    "reconstructions": ("reconstruction", "denoising", "anomaly_detection"),
    "anomaly scores": ("anomaly_detection",),
    "examples": ("generation",),
}
# Kinds of columns that a prediction is made from; the others, from all but noise
KINDS_OF_PREDICTION: dict[Prediction, frozenset[str]] = {
    "pixel classes": frozenset({"image"}),
    "reconstructions": frozenset({"image", "number"}),
    "anomaly scores": frozenset({"image", "number"}),
    "examples": frozenset({"noise"}),
}
NO_EXAMPLES = frozenset(kind for kind, _ in STEMS) - {"noise"}
PHRASES: dict[tuple[str, InputType], str] = {  # a row for every stem
    ("image", "image"): "images",
    ("image", "vector"): "images (all pixels in a row)",
    ("image", "sequence"): "images (row by row)",
    ("text", "vector"): "texts (as TF-IDF)",
    ("text", "sequence"): "texts (token by token)",
    ("steps", "sequence"): "series and sequences (step by step)",
    ("steps", "vector"): "series and sequences (all steps in a row)",
    ("steps", "image"): "series and sequences (as images of one pixel's width)",
    ("audio", "sequence"): "recordings (frame by frame of their spectrogram)",
    ("audio", "vector"): "recordings (all frames in a row)",
    ("audio", "image"): "recordings (their spectrogram as an image)",
    ("number", "vector"): "tables of numbers",
    ("category", "vector"): "tables of categories",
    ("table", "vector"): "tables of mixed columns",
    ("noise", "vector"): "noise, from which it makes images like those of the train part",
}

INTRODUCTION = f"""# The zoo

Every architecture that `params.yaml` may enter, in the order of `models.ARCHITECTURES`. This page is written by
`{COMMAND}` from the files of `models/`: edit those, not it. Each file says more, above all in what it
departs from its source (`NOTE[DIFF]`).

A drawing is the network itself: built with the default settings, with an input of zeros on its way through it. It reads
a vector of 64 numbers, an image of 3x32x32 or a sequence of 30 steps of 4 numbers, and gives {DRAWN_OUTPUTS} numbers
(`dcgan` an image of 8x8, `isolation_forest` a score). Beside each box stands the shape that leaves it, without the
batch. What is left out in serving (dropout) is not drawn.

A range of settings is what a search tries unless `search:` says otherwise. What stands behind *where named* no search
tries unless `fix:` or `search:` of a contender names it. Besides its own settings each architecture has those of
[its learner](settings.md#learners).
"""


def write_page() -> str:
    """The whole page, in Markdown; the same text on every machine.

    Raises:
        ValueError: if the docstring of an architecture's file, or a comment beside a setting, lacks what the page says.
    """
    descriptions = {name: read_description(name) for name in ARCHITECTURES}
    rows = [f"| [`{name}`](#{name}) | {_without_dot(one.title)} |" for name, one in descriptions.items()]
    contents = "\n".join(["| architecture | what it is |", "|---|---|", *rows])
    sections = (_write_section(name, one, ARCHITECTURES[name]) for name, one in descriptions.items())
    return "\n".join([INTRODUCTION, contents, "", *sections])


def _write_section(name: str, description: Description, architecture: Architecture) -> str:
    tasks, kinds = tasks_of(name), phrases_of(name)
    facts = [
        f"**When to choose it**: {description.choice}",
        f"**Tasks**: {', '.join(tasks)}. **Reads**: {', '.join(kinds)}. "
        f"**Learns**: {architecture.learner.replace('_', ' ').replace('gradient', 'by gradient')}.",
        f"**Source**: {description.sources}",
        *description.remarks,
        f"**Initial weights**: {description.start}",
    ]
    parts = [f"## {name}", description.title, *description.idea, *facts]
    drawing = f"```text\n{_draw(name, architecture)}\n```"
    table = "\n".join(_write_settings(architecture.config))
    more = f"File: [models/{name}.py](../models/{name}.py)."
    return "\n\n".join([*parts, drawing, *([table] if table else []), more]) + "\n"


def tasks_of(name: str) -> list[str]:
    """The tasks that an architecture can be entered for; forecasts are made from series alone."""
    architecture = ARCHITECTURES[name]
    reads_series = any(kind == "steps" for kind, _ in _stems_of(name))
    tasks = dict.fromkeys(task for one in architecture.predicts for task in TASKS_OF_PREDICTION[one])
    return [task for task in tasks if task != "forecasting" or reads_series]


def phrases_of(name: str) -> list[str]:
    """What an architecture reads, in words."""
    return [PHRASES[stem] for stem in _stems_of(name)]


def _stems_of(name: str) -> list[tuple[str, InputType]]:
    architecture = ARCHITECTURES[name]
    kinds = frozenset[str]().union(*(KINDS_OF_PREDICTION.get(one, NO_EXAMPLES) for one in architecture.predicts))
    return [
        (kind, input_type)
        for kind, input_type in STEMS
        if input_type == architecture.input_type
        and kind in kinds
        and ((kind, input_type) != ("steps", "image") or _reads_narrow_images(name, architecture))
    ]


def _reads_narrow_images(name: str, architecture: Architecture) -> bool:
    """Whether it takes an image of one pixel's width; those that halve an image refuse it."""
    try:
        with torch.device("meta"):
            build_network(name, architecture.config(), SERIES_SHAPE, DRAWN_OUTPUTS)
    except ValueError:
        return False
    return True


def _draw(name: str, architecture: Architecture) -> str:
    shape = DRAWN_SHAPES[architecture.input_type]
    torch.manual_seed(0)
    network = build_network(name, architecture.config(), shape, DRAWN_OUTPUTS_OF.get(name, DRAWN_OUTPUTS))
    return draw_network(network, shape)


def _write_settings(config: type[Hyperparameters]) -> Iterator[str]:
    comments, defaults = read_comments(config), default_settings(config)
    if defaults:
        yield "| setting | default | searched | what it is |"
        yield "|---|---|---|---|"
    for name, domain in default_space(config).items():
        yield f"| `{name}` | {_format_value(defaults[name])} | {_format_domain(domain)} | {comments[name]} |"


def _format_domain(domain: Range | Choice) -> str:
    if isinstance(domain, Range):
        searched = f"{_format_value(domain.low)} to {_format_value(domain.high)}{', logarithmic' * domain.log}"
        return searched if domain.searched else f"where named: {searched}"
    searched = ", ".join(map(_format_value, domain.options))
    further = ", ".join(map(_format_value, domain.unsearched))
    if not domain.searched:
        return f"where named: {', '.join(filter(None, (searched, further)))}"
    return f"{searched}; where named: {further}" if further else searched


def _format_value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _without_dot(title: str) -> str:
    return title.removesuffix(".")
