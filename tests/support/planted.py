"""Problems with a planted feature: data that says nothing but in one known element, and networks trained on it briefly.

Shapes: N rows; pictures 12 x 12, series of 12 steps and 2 variables, texts of 10 words, tables of 6 columns, recordings
of S samples whose spectrogram has T steps of M bands.
"""

from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from models import ARCHITECTURES
from models.stems import Model
from models.stems.audio import LogMelSpectrogram
from pipelines.data.dependence import ALONE
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.text import fit_vocabulary, to_bytes
from pipelines.explanation.subject import HeldOutRows, Subject
from pipelines.tasks.classification import Classification
from pipelines.tasks.model_inputs import model_inputs
from pipelines.tasks.task import Target
from pipelines.training.contender_settings import make_settings
from pipelines.training.job import build_model, to_tensors
from tests.support.architecture_cases import SMALL_SETTINGS

ROWS = 240
SIDE, PATCH = 12, (slice(4, 7), slice(8, 11))  # of the picture's rows and columns, where the class is drawn
STEPS, DECISIVE_STEP = 12, 7
WORDS, NOISE_WORDS, DECISIVE_WORDS = 10, 30, ("no", "yes")
COLUMNS, DECISIVE_COLUMN = 6, 3
RATE, SAMPLES, BURST, TONES = 4000, 1200, slice(600, 760), (500, 1400)  # of a recording; a tone for each class, in Hz
SETTINGS = {
    **SMALL_SETTINGS,
    "cnn": {"depth": 1},
}  # one stage, whose last maps see 5 pixels; three see all of a picture
CLASSES = ("first", "second", "third")


class PlantedData(NamedTuple):
    """Examples, and which element of each says what class it is of."""

    schema: Schema
    part: Part
    decisive: NDArray[np.bool_]  # (N, P...): True for the elements that say it


def _plant(field: Field, values: NDArray[Any], codes: NDArray[np.int64], decisive: NDArray[np.bool_]) -> PlantedData:
    return PlantedData(_make_schema((field,), codes), Part((values,), codes), decisive)


def _make_schema(fields: tuple[Field, ...], codes: NDArray[np.int64]) -> Schema:
    target = Field(name="class", kind="category", dtype="int64", shape=(), categories=CLASSES[: codes.max() + 1])
    return Schema(inputs=fields, target=target, title="planted", origin="drawn", licence="none")


def plant_pictures(rows: int = ROWS, seed: int = 0) -> PlantedData:
    """Noise alone, or with a patch that is dark or bright: two of three classes are somewhere."""
    generator = np.random.default_rng(seed)
    codes = np.arange(rows) % 3
    pictures = generator.integers(80, 176, (rows, SIDE, SIDE)).astype(np.uint8)
    decisive = np.zeros((rows, SIDE, SIDE), dtype=bool)
    for code, grey in ((1, 35), (2, 220)):
        pictures[codes == code, *PATCH] = grey
        decisive[codes == code, *PATCH] = True
    field = Field(name="picture", kind="image", dtype="uint8", shape=(SIDE, SIDE), range=(0, 255))
    return _plant(field, pictures, codes, decisive)


def plant_series(rows: int = ROWS, seed: int = 1) -> PlantedData:
    """Noise in two variables, and one step of the first that is high or low."""
    generator = np.random.default_rng(seed)
    codes = np.arange(rows) % 2
    steps = generator.normal(0, 1, (rows, STEPS, 2)).astype(np.float32)
    steps[:, DECISIVE_STEP, 0] = np.where(codes, 3, -3)
    decisive = np.zeros(steps.shape, dtype=bool)
    decisive[:, DECISIVE_STEP, 0] = True
    field = Field(name="series", kind="steps", dtype="float32", shape=(STEPS, 2), columns=("signal", "noise"))
    return _plant(field, steps, codes, decisive)


def plant_texts(rows: int = ROWS, seed: int = 2) -> PlantedData:
    """Words drawn from thirty, and somewhere among them one of two that say the class."""
    generator = np.random.default_rng(seed)
    codes = np.arange(rows) % 2
    decisive = np.zeros((rows, WORDS), dtype=bool)
    texts = []
    for code, marks in zip(codes, decisive, strict=True):
        words = [
            f"{chr(97 + number // 6)}{chr(97 + number % 6)}x" for number in generator.integers(0, NOISE_WORDS, WORDS)
        ]
        place = int(generator.integers(0, WORDS))
        words[place], marks[place] = DECISIVE_WORDS[code], True
        texts.append(" ".join(words))
    values = to_bytes(texts, 1000)
    field = Field(name="text", kind="text", dtype="uint8", shape=values.shape[1:])
    found = _plant(field, values, codes, decisive)
    return found._replace(schema=fit_vocabulary(found.schema, found.part))


def plant_table(rows: int = ROWS, seed: int = 3) -> PlantedData:
    """Numbers and a category of noise, and one number whose sign says the class."""
    generator = np.random.default_rng(seed)
    numbers = generator.normal(0, 1, (rows, COLUMNS - 1)).astype(np.float32)
    codes = (numbers[:, DECISIVE_COLUMN] > 0).astype(np.int64)
    inputs = (*(np.ascontiguousarray(column) for column in numbers.T), generator.integers(0, 3, rows))
    fields = [Field(name=f"number-{one}", kind="number", dtype="float32", shape=()) for one in range(COLUMNS - 1)]
    fields.append(Field(name="kind", kind="category", dtype="int64", shape=(), categories=("a", "b", "c")))
    decisive = np.zeros((rows, COLUMNS), dtype=bool)
    decisive[:, DECISIVE_COLUMN] = True
    return PlantedData(_make_schema(tuple(fields), codes), Part(inputs, codes), decisive)


def plant_recordings(rows: int = ROWS, seed: int = 5) -> PlantedData:
    """Noise, and for a moment a low or a high tone; decisive is where one of the two is louder than the noise."""
    generator = np.random.default_rng(seed)
    codes = np.arange(rows) % 2
    time = np.arange(SAMPLES) / RATE
    tones = np.zeros((len(TONES), SAMPLES))
    swelling = np.hanning(BURST.stop - BURST.start)
    tones[:, BURST] = [3000 * swelling * np.sin(2 * np.pi * pitch * time[BURST]) for pitch in TONES]
    noise = generator.normal(0, 300, (rows, SAMPLES))
    spectrogram = LogMelSpectrogram(SAMPLES, RATE)
    loud, usual = (spectrogram(torch.from_numpy(np.rint(one).astype(np.int16))) for one in (tones, noise))
    marks = (loud > usual.mean()).any(0).numpy()  # (T, M)
    samples = np.rint(noise + tones[codes]).astype(np.int16)
    field = Field(name="recording", kind="audio", dtype="int16", shape=(SAMPLES,), rate=RATE)
    return _plant(field, samples, codes, np.repeat(marks[None], rows, axis=0))


class Plant(Protocol):
    """Draws examples, others with another seed."""

    def __call__(self, rows: int = ..., seed: int = ...) -> PlantedData: ...


PLANTED: dict[str, Plant] = {
    "pictures": plant_pictures,
    "series": plant_series,
    "texts": plant_texts,
    "table": plant_table,
    "recordings": plant_recordings,
}


def train_subject(architecture: str, data: PlantedData, passes: int, seed: int = 0) -> Subject:
    """A contender that was really trained, for a few passes over all rows; what is solved needs none."""
    task = Classification(data.schema)
    settings = make_settings(architecture, task.name, SETTINGS.get(architecture, {}))
    torch.manual_seed(seed)
    model = build_model(architecture, task, settings, data.part)
    inputs, codes = to_tensors(model_inputs(task, data.part)), torch.from_numpy(data.part.target)
    if ARCHITECTURES[architecture].learner == "closed_form":
        network: Any = model.network
        network.fit(model.stem(*inputs), codes, seed)
    else:
        _descend(model, task, inputs, codes, passes)
    return make_subject(architecture, task, data, model.eval())


def _descend(
    model: Model, task: Classification, inputs: tuple[torch.Tensor, ...], codes: torch.Tensor, passes: int
) -> None:
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    for _ in range(passes):
        for rows in torch.arange(len(codes)).split(60):
            optimizer.zero_grad()
            features = model.train().stem(*(values[rows] for values in inputs))
            task.loss(model.network, (features,), Target(codes[rows])).backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()


def make_subject(architecture: str, task: Any, data: PlantedData, model: Model) -> Subject:
    held_out = HeldOutRows(model, data.part, data.part, np.arange(len(data.part.target)))
    return Subject(
        "planted", architecture, task, data.schema, model, task.postprocess(), data.part, (held_out,), ALONE, 1, 20
    )  # fmt: skip


def draw_weights_anew(subject: Subject) -> Subject:
    """The same contender with weights as no data has changed them; the stem stays as it was fitted."""
    settings = make_settings(subject.architecture, subject.task.name, SETTINGS.get(subject.architecture, {}))
    torch.manual_seed(1)
    fresh = build_model(subject.architecture, subject.task, settings, subject.part)
    if ARCHITECTURES[subject.architecture].learner == "closed_form":
        network: Any = fresh.network
        inputs = to_tensors(model_inputs(subject.task, subject.part))
        codes = torch.from_numpy(np.random.default_rng(4).permutation(subject.part.target))  # says nothing
        network.fit(fresh.stem(*inputs), codes, 1)
    model = fresh.eval()
    return subject._replace(model=model, held_out=tuple(one._replace(model=model) for one in subject.held_out))
