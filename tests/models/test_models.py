"""Every architecture of the table, held to the same promises; a new row is tested by being one."""

import inspect
import io
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

import models
from models import ARCHITECTURES, build_network, lenet5
from models.blocks.hyperparameters import Choice, Range, default_space, make_config
from models.blocks.optimizers import OPTIMIZERS
from models.blocks.scikit import ScikitModel
from models.stems import ColumnSpec, Model, build_stem
from pipelines.exporting.graphs import (
    ExportModule,
    hide_torchscript_warnings,
    onnx_bytes,
    onnx_graph,
    torchscript_bytes,
)
from tests.support.architecture_cases import HEAD_WIDTH, toy_problem_of

FOLDER = Path(models.__file__).parent

# What is in models/ and is no architecture
FURNITURE = {
    *("__init__", "activations", "cost", "hyperparameters", "layers", "optimizers", "scikit", "solvable"),
    *("class_losses", "losses"),
    *("finishes", "last_value"),
    "directions",
}

# Shapes of one example, by what is read
SIZES: dict[str, list[tuple[int, ...]]] = {
    "vector": [(1,), (64,), (784,)],
    "image": [(1, 8, 8), (3, 9, 17), (1, 16, 24), (1, 28, 28), (3, 32, 32)],
    "sequence": [(1, 1), (12, 3)],
}

ESTIMATORS = {  # scikit-learn's, whose arithmetic PyTorch cannot record
    f"models.{name}" for name in ("logistic_regression", "decision_tree", "gradient_boosting", "linear_regression")
}

EVERY = pytest.mark.parametrize("name", ARCHITECTURES)
BY_GRADIENT = pytest.mark.parametrize("name", [n for n, row in ARCHITECTURES.items() if row.learner == "gradient"])
EXPORTED = pytest.mark.parametrize(
    ("name", "shape"),
    [
        (name, shape)
        for name, row in ARCHITECTURES.items()
        if row.config.__module__ not in ESTIMATORS
        for shape in ([(8, 8), (28, 28), (9, 12, 3)] if name in ("mlp", "lenet5", "cnn") else [(9, 12, 3)])
    ],
    ids=str,
)
EVERY_SIZE = pytest.mark.parametrize(
    ("name", "inputs"), [(name, size) for name, row in ARCHITECTURES.items() for size in SIZES[row.input_type]]
)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def examples(inputs: tuple[int, ...], rows: int = 24) -> Tensor:
    x = torch.randn(rows, *inputs, generator=torch.Generator().manual_seed(0))
    if len(inputs) == 2:
        x[:, :, -1] = 1  # the last number of a step says that it is present
    return x


def ready(name: str, inputs: tuple[int, ...], seed: int = 0) -> nn.Module:
    """A network with its defaults that can answer: solved already, if it is solved at all."""
    torch.manual_seed(seed)
    network = build_network(name, ARCHITECTURES[name].config(), inputs, HEAD_WIDTH)
    if ARCHITECTURES[name].learner == "closed_form":
        x = examples(inputs)
        network.fit(x, toy_problem_of(name).make_target(x), seed)
    return network.eval()


def answered(name: str, inputs: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of the answer to one example."""
    return (HEAD_WIDTH, *(inputs[1:] if ARCHITECTURES[name].output_type == "image" else ()))


def lost(name: str, network: nn.Module, inputs: tuple[int, ...]) -> Tensor:
    x = examples(inputs)
    return toy_problem_of(name).loss(network, x, toy_problem_of(name).make_target(x))


def train(name: str, network: nn.Module, inputs: tuple[int, ...], optimizer: str, steps: int) -> float:
    downhill = OPTIMIZERS[optimizer](network.parameters(), 3e-3, 0.0)
    torch.manual_seed(0)  # dropout draws from PyTorch's own stream
    network.train()
    for _ in range(steps):
        loss = lost(name, network, inputs)
        downhill.zero_grad()
        loss.backward()
        downhill.step()
    return lost(name, network.eval(), inputs).item()


@EVERY_SIZE
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_every_row_gets_one_score_per_output(name, inputs, rows):
    scores = ready(name, inputs)(examples(inputs, rows))
    assert scores.shape == (rows, *answered(name, inputs))
    assert scores.dtype == torch.float32
    assert scores.isfinite().all()


@EVERY_SIZE
def test_a_row_is_answered_from_itself_alone(name, inputs):
    network, x = ready(name, inputs), examples(inputs)
    changed = x.clone()
    changed[0] += 1
    torch.testing.assert_close(network(changed)[1:], network(x)[1:], rtol=0, atol=1e-6)
    torch.testing.assert_close(network(x[3:4]), network(x)[3:4], rtol=1e-6, atol=1e-5)


@EVERY
def test_prediction_is_deterministic(name):
    inputs = SIZES[ARCHITECTURES[name].input_type][1]
    network, x = ready(name, inputs), examples(inputs)
    assert torch.equal(network(x), network(x))


@EVERY
def test_the_same_seed_gives_the_same_network(name):
    inputs = SIZES[ARCHITECTURES[name].input_type][1]
    x = examples(inputs)
    assert torch.equal(ready(name, inputs, seed=3)(x), ready(name, inputs, seed=3)(x))


@BY_GRADIENT
def test_another_seed_gives_another_network(name):
    inputs = SIZES[ARCHITECTURES[name].input_type][1]
    x = examples(inputs)
    assert not torch.equal(ready(name, inputs, seed=3)(x), ready(name, inputs, seed=4)(x))


@BY_GRADIENT
def test_it_overfits_a_small_batch(name):
    inputs = SIZES[ARCHITECTURES[name].input_type][1]
    network = ready(name, inputs)
    start = lost(name, network, inputs).item()
    assert train(name, network, inputs, "adamw", steps=120) < 0.2 * start


@BY_GRADIENT
def test_training_twice_gives_the_same_bits(name):
    inputs = SIZES[ARCHITECTURES[name].input_type][1]
    first, second = ready(name, inputs), ready(name, inputs)
    for network in (first, second):
        train(name, network, inputs, "adamw", steps=10)
    weights = second.state_dict()
    assert all(torch.equal(tensor, weights[key]) for key, tensor in first.state_dict().items())


@BY_GRADIENT
def test_every_parameter_learns(name):
    for inputs in SIZES[ARCHITECTURES[name].input_type][1:]:
        network = ready(name, inputs)
        lost(name, network, inputs).backward()
        idle = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
        assert not idle


@EXPORTED
def test_the_exported_graphs_answer_raw_pixels_as_the_network_does(name, shape):
    import onnxruntime

    drawing = name in ("gaussian", "vae", "gan")  # which are asked for noise
    generator = torch.Generator().manual_seed(0)
    asked = (
        torch.randn(5, 7, generator=generator)
        if drawing
        else torch.randint(0, 256, (5, *shape), dtype=torch.uint8, generator=generator)
    )
    first = build_stem(
        (ColumnSpec("noise" if drawing else "image", tuple(asked.shape[1:])),), ARCHITECTURES[name].input_type
    )
    first.fit((asked.numpy(),))
    model = ExportModule(Model(first, ready(name, first.input_shape)).eval(), nn.Identity())
    with hide_torchscript_warnings():
        script = torch.jit.load(io.BytesIO(torchscript_bytes(model, (asked[:3],))))
    session = onnxruntime.InferenceSession(onnx_bytes(onnx_graph(model, (asked[:3],), ["asked"], "answer")))
    for rows in (1, 2, 5):
        eager = model(asked[:rows])
        torch.testing.assert_close(script(asked[:rows]), eager, rtol=0, atol=1e-6)
        (scores,) = session.run(None, {"asked": asked[:rows].numpy()})
        torch.testing.assert_close(torch.from_numpy(scores), eager, rtol=0, atol=1e-5)


@EVERY
@given(data=st.data())
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
def test_any_point_of_the_search_space_is_a_network(name, data):
    row = ARCHITECTURES[name]
    point = {}
    for setting, extent in default_space(row.config).items():
        if isinstance(extent, Choice):
            values = st.sampled_from(extent.options)
        elif extent.integer:
            values = st.integers(extent.low, extent.high)
        else:
            values = st.floats(extent.low, extent.high)
        point[setting] = data.draw(values, label=setting)
    inputs = SIZES[row.input_type][1]
    network = build_network(name, make_config(row.config, point), inputs, HEAD_WIDTH)
    if not isinstance(network, ScikitModel):  # which has to be solved first
        assert network.eval()(examples(inputs, 2)).shape == (2, *answered(name, inputs))


def test_every_model_file_is_registered():
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
    extents = default_space(ARCHITECTURES[name].config).values()
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
        build_network(name, config, inputs, outputs)
    assert all(word in str(refusal.value) for word in words)


def test_importing_models_prints_nothing_and_loads_no_heavy_package():
    files = sorted(path.relative_to(FOLDER.parent).with_suffix("") for path in FOLDER.rglob("*.py"))
    names = [".".join(path.parts) for path in files if path.name != "__init__"]
    program = f"""
import sys, {", ".join(names)}
loaded = {{name.partition(".")[0] for name in sys.modules}}
sys.exit(sorted(loaded & {{"pipelines", "serving", "mlflow", "sklearn", "matplotlib", "optuna", "onnx"}}) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=FOLDER.parent, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
