"""Every architecture of the table, held to the same promises; a new row is tested by being one."""

import inspect
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import models
from models import ARCHITECTURES, build, lenet5
from models.hyperparameters import Choice, Range, configured, space
from models.losses import cross_entropy
from models.optimizers import OPTIMIZERS
from models.scikit import ScikitClassifier
from models.stems import ImageStem, Model

FOLDER = Path(models.__file__).parent
OUTPUTS = 4

# What is in models/ and is no architecture
FURNITURE = {"__init__", "activations", "cost", "hyperparameters", "layers", "losses", "optimizers", "scikit", "stems"}

# Shapes of one example, by what is read
SIZES: dict[str, list[tuple[int, ...]]] = {
    "vector": [(1,), (64,), (784,)],
    "image": [(1, 8, 8), (3, 9, 17), (1, 16, 24), (1, 28, 28), (3, 32, 32)],
    "sequence": [(1, 1), (12, 3)],
}

# PyTorch's own, which no caller can act on: TorchScript is what is asked for, and the treespec is the exporter's
TRACE_WARNING = "ignore:`torch.jit.trace:DeprecationWarning"
EXPORT_WARNING = "ignore:.isinstance.treespec, LeafSpec.. is deprecated:FutureWarning"

EVERY = pytest.mark.parametrize("name", ARCHITECTURES)
BY_GRADIENT = pytest.mark.parametrize("name", [n for n, row in ARCHITECTURES.items() if row.learner == "gradient"])
EVERY_SIZE = pytest.mark.parametrize(
    ("name", "inputs"), [(name, size) for name, row in ARCHITECTURES.items() for size in SIZES[row.reads]]
)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def examples(inputs: tuple[int, ...], rows: int = 24) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(rows, *inputs, generator=generator), torch.arange(rows) % OUTPUTS


def ready(name: str, inputs: tuple[int, ...], seed: int = 0) -> nn.Module:
    """A network with its defaults that can answer: solved already, if it is solved at all."""
    torch.manual_seed(seed)
    network = build(name, ARCHITECTURES[name].config(), inputs, OUTPUTS)
    if isinstance(network, ScikitClassifier):
        network.solve(*examples(inputs), seed)
    return network.eval()


def train(network: nn.Module, inputs: tuple[int, ...], optimizer: str, steps: int) -> float:
    x, y = examples(inputs)
    downhill = OPTIMIZERS[optimizer](network.parameters(), 3e-3, 0.0)
    torch.manual_seed(0)  # dropout draws from PyTorch's own stream
    network.train()
    for _ in range(steps):
        loss = cross_entropy(network(x), y)
        downhill.zero_grad()
        loss.backward()
        downhill.step()
    return cross_entropy(network.eval()(x), y).item()


@EVERY_SIZE
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_every_row_gets_one_score_per_output(name, inputs, rows):
    scores = ready(name, inputs)(examples(inputs, rows)[0])
    assert scores.shape == (rows, OUTPUTS)
    assert scores.dtype == torch.float32
    assert scores.isfinite().all()


@EVERY_SIZE
def test_a_row_is_answered_from_itself_alone(name, inputs):
    network = ready(name, inputs)
    x, _ = examples(inputs)
    changed = x.clone()
    changed[0] += 1
    torch.testing.assert_close(network(changed)[1:], network(x)[1:], rtol=0, atol=1e-6)
    torch.testing.assert_close(network(x[3:4]), network(x)[3:4], rtol=0, atol=1e-5)


@EVERY
def test_the_same_question_gets_the_same_answer(name):
    inputs = SIZES[ARCHITECTURES[name].reads][1]
    network, (x, _) = ready(name, inputs), examples(inputs)
    assert torch.equal(network(x), network(x))


@EVERY
def test_the_same_seed_gives_the_same_network(name):
    inputs = SIZES[ARCHITECTURES[name].reads][1]
    x, _ = examples(inputs)
    assert torch.equal(ready(name, inputs, seed=3)(x), ready(name, inputs, seed=3)(x))


@BY_GRADIENT
def test_another_seed_gives_another_network(name):
    inputs = SIZES[ARCHITECTURES[name].reads][1]
    x, _ = examples(inputs)
    assert not torch.equal(ready(name, inputs, seed=3)(x), ready(name, inputs, seed=4)(x))


@BY_GRADIENT
def test_it_learns_a_small_batch_by_heart(name):
    inputs = SIZES[ARCHITECTURES[name].reads][1]
    network, (x, y) = ready(name, inputs), examples(inputs)
    start = cross_entropy(network(x), y).item()
    assert train(network, inputs, "adamw", steps=120) < 0.2 * start


@BY_GRADIENT
def test_training_twice_gives_the_same_bits(name):
    inputs = SIZES[ARCHITECTURES[name].reads][1]
    first, second = ready(name, inputs), ready(name, inputs)
    for network in (first, second):
        train(network, inputs, "adamw", steps=10)
    weights = second.state_dict()
    assert all(torch.equal(tensor, weights[key]) for key, tensor in first.state_dict().items())


@BY_GRADIENT
def test_every_parameter_learns(name):
    for inputs in SIZES[ARCHITECTURES[name].reads][1:]:
        network, (x, y) = ready(name, inputs), examples(inputs)
        cross_entropy(network(x), y).backward()
        idle = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
        assert not idle


@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (9, 12, 3)], ids=str)
@pytest.mark.filterwarnings(TRACE_WARNING, EXPORT_WARNING)
@BY_GRADIENT
def test_the_exported_graphs_answer_raw_pixels_as_the_network_does(name, shape):
    import onnxruntime

    images = torch.randint(0, 256, (5, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    stem = ImageStem.fit(images.numpy(), ARCHITECTURES[name].reads)
    model = Model(stem, ready(name, stem.inputs)).eval()
    script = torch.jit.trace(model, (images[:2],))
    exported = torch.onnx.export(
        model, (images[:2],), dynamo=True, dynamic_shapes=(({0: torch.export.Dim("batch")},),), verbose=False
    )
    session = onnxruntime.InferenceSession(exported.model_proto.SerializeToString())
    (entry,) = session.get_inputs()
    for rows in (1, 2, 5):
        eager = model(images[:rows])
        torch.testing.assert_close(script(images[:rows]), eager, rtol=0, atol=1e-6)
        (scores,) = session.run(None, {entry.name: images[:rows].numpy()})
        torch.testing.assert_close(torch.from_numpy(scores), eager, rtol=0, atol=1e-5)


@EVERY
@given(data=st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
def test_any_point_of_the_search_space_is_a_network(name, data):
    row = ARCHITECTURES[name]
    point = {}
    for setting, extent in space(row.config).items():
        if isinstance(extent, Choice):
            values = st.sampled_from(extent.options)
        elif extent.integer:
            values = st.integers(extent.low, extent.high)
        else:
            values = st.floats(extent.low, extent.high)
        point[setting] = data.draw(values, label=setting)
    inputs = SIZES[row.reads][1]
    network = build(name, configured(row.config, point), inputs, OUTPUTS)
    if row.learner == "gradient":
        assert network(examples(inputs, 2)[0]).shape == (2, OUTPUTS)


def test_files_and_rows_are_the_same_set():
    assert {path.stem for path in FOLDER.glob("*.py")} - FURNITURE == set(ARCHITECTURES)


@EVERY
def test_a_file_names_its_source_its_shapes_and_every_setting(name):
    row = ARCHITECTURES[name]
    module = inspect.getmodule(row.config)
    assert module is not None
    assert module.__name__ == f"models.{name}"
    assert "http" in module.__doc__
    assert "Shapes: B batch" in module.__doc__
    lines = [line for line in inspect.getsource(row.config).splitlines() if "tunable(" in line or "choice(" in line]
    assert len(lines) == len(row.config.model_fields)
    assert all("  # " in line for line in lines)


@EVERY
def test_a_search_is_never_empty(name):
    extents = space(ARCHITECTURES[name].config).values()
    assert extents
    assert all(isinstance(extent, Range | Choice) for extent in extents)


@pytest.mark.parametrize(
    ("name", "config", "inputs", "outputs", "words"),
    [
        ("lenet", lenet5.Config(), (1, 8, 8), 10, ["unknown architecture 'lenet'", "mlp, lenet5"]),
        ("mlp", lenet5.Config(), (64,), 10, ["mlp", "models.mlp.Config", "models.lenet5.Config"]),
        ("lenet5", lenet5.Config(), (64,), 10, ["lenet5", "image (C, H, W)", "(64,)"]),
        ("lenet5", lenet5.Config(), (0, 8, 8), 10, ["1 or more", "(0, 8, 8)"]),
        ("lenet5", lenet5.Config(), (1, 7, 30), 10, ["8x8", "7x30"]),
        ("lenet5", lenet5.Config(), (1, 8, 8), 0, ["1 output or more", "got 0"]),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_sentence(name, config, inputs, outputs, words):
    with pytest.raises(ValueError, match=r"got|unknown") as refusal:
        build(name, config, inputs, outputs)
    assert all(word in str(refusal.value) for word in words)


def test_importing_the_room_shows_nothing_and_loads_no_other():
    names = sorted(f"models.{path.stem}" for path in FOLDER.glob("*.py") if path.stem != "__init__")
    program = f"""
import sys, {", ".join(names)}
loaded = {{name.partition(".")[0] for name in sys.modules}}
sys.exit(sorted(loaded & {{"pipelines", "serving", "mlflow", "sklearn", "matplotlib", "optuna", "onnx"}}) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=FOLDER.parent, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
