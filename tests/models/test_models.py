"""Every architecture of the table, held to the same promises; a new row is tested by being one."""

import copy
import inspect
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import models
from models import ARCHITECTURES, build_network, lenet5
from models.blocks.hyperparameters import Choice, Hyperparameters, Range, default_space, make_config
from models.blocks.optimizers import OPTIMIZERS
from models.stems import ColumnSpec, Model, build_stem
from pipelines.exporting.graphs import (
    ExportModule,
    hide_torchscript_warnings,
    onnx_bytes,
    onnx_graph,
    torchscript_bytes,
)
from tests.support.architecture_cases import (
    INPUT_SHAPES,
    SMALL_SETTINGS,
    loss_of,
    make_examples,
    new_network,
    output_shape,
    ready_network,
    small_config,
    usual_shape,
)

FOLDER = Path(models.__file__).parent

TRAINED = [name for name, row in ARCHITECTURES.items() if row.learner != "closed_form"]

EVERY = pytest.mark.parametrize("name", ARCHITECTURES)
BY_TRAINING = pytest.mark.parametrize("name", TRAINED)
BY_GRADIENT = pytest.mark.parametrize("name", [name for name in TRAINED if ARCHITECTURES[name].learner == "gradient"])
EXPORTED = pytest.mark.parametrize(  # those whose graph follows the picture's size; tests/exporting has every one
    ("name", "image_shape"),
    [(name, shape) for name in ("mlp", "lstm", "lenet5", "cnn") for shape in ((8, 8), (28, 28), (9, 12, 3))]
    + [
        (name, (9, 12, 3))
        for name, row in ARCHITECTURES.items()
        if row.input_type == "image" and name not in ("lenet5", "cnn")
    ],
    ids=str,
)
EVERY_SHAPE = pytest.mark.parametrize(
    ("name", "input_shape"),
    [(name, shape) for name, row in ARCHITECTURES.items() for shape in INPUT_SHAPES[row.input_type]],
    ids=str,
)


def train(name: str, network: nn.Module, input_shape: tuple[int, ...], steps: int) -> float:
    optimizer = OPTIMIZERS["adamw"](network.parameters(), 3e-3, 0.0)
    torch.manual_seed(0)  # dropout draws from PyTorch's own stream
    network.train()
    for _ in range(steps):
        loss = loss_of(name, network, input_shape)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return loss_of(name, network.eval(), input_shape).item()


def corners(name: str) -> list[Hyperparameters]:
    """All settings at one end of their ranges, all at the other, and every option of a choice; large networks small."""
    config, small = ARCHITECTURES[name].config, SMALL_SETTINGS.get(name, {})
    space = {key: domain for key, domain in default_space(config).items() if key not in small}
    ends = [
        {
            key: domain.options[end] if isinstance(domain, Choice) else (domain.low, domain.high)[end]
            for key, domain in space.items()
        }
        for end in (0, -1)
    ]
    options = [{key: one} for key, domain in space.items() if isinstance(domain, Choice) for one in domain.options]
    return [make_config(config, small | settings) for settings in ends + options]


@EVERY_SHAPE
def test_every_row_gets_outputs_of_the_stated_shape(name: str, input_shape: tuple[int, ...]) -> None:
    network = ready_network(name, input_shape)
    for rows in (1, 2, 7):
        outputs = network(make_examples(input_shape, rows))
        assert outputs.shape == (rows, *output_shape(name, input_shape))
        assert outputs.dtype == torch.float32
        assert outputs.isfinite().all()


@EVERY_SHAPE
def test_a_prediction_depends_on_its_own_row_only(name: str, input_shape: tuple[int, ...]) -> None:
    network, x = ready_network(name, input_shape), make_examples(input_shape)
    expected = network(x)
    changed = x.clone()
    changed[0] += 1
    torch.testing.assert_close(network(changed)[1:], expected[1:], rtol=0, atol=1e-6)
    for row in (0, 5, 23):
        torch.testing.assert_close(network(x[row : row + 1]), expected[row : row + 1], rtol=1e-6, atol=1e-5)


@EVERY
def test_training_mode_matters_only_with_dropout_or_batch_norm(name: str) -> None:
    space = default_space(ARCHITECTURES[name].config)
    config = {key: space[key].high for key in ("dropout", "stochastic_depth") if isinstance(space.get(key), Range)}
    input_shape = usual_shape(name)
    network = ready_network(name, input_shape, config=small_config(name).model_copy(update=config))
    x = make_examples(input_shape)
    acting = any(
        isinstance(module, nn.BatchNorm2d)
        or (isinstance(module, nn.Dropout | nn.Dropout2d) and module.p > 0)
        or getattr(module, "skip_probability", 0) > 0
        for module in network.modules()
    )
    in_training = copy.deepcopy(network).train()(x)
    assert torch.equal(in_training, network(x)) is not acting


@EVERY
def test_the_same_seed_gives_the_same_network(name: str) -> None:
    x = make_examples(usual_shape(name))
    one, other = (ready_network(name, usual_shape(name), seed=3) for _ in range(2))
    assert torch.equal(one(x), other(x))


@BY_TRAINING
def test_another_seed_gives_another_network(name: str) -> None:
    x = make_examples(usual_shape(name))
    one, other = (new_network(name, usual_shape(name), seed=seed).eval() for seed in (3, 4))
    assert not torch.equal(one(x), other(x))


@EVERY
def test_a_state_dict_loaded_into_a_new_network_predicts_the_same(name: str) -> None:
    x = make_examples(usual_shape(name))
    one, other = ready_network(name, usual_shape(name)), new_network(name, usual_shape(name), seed=9).eval()
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x), other(x))


@BY_GRADIENT
def test_it_overfits_a_small_batch(name: str) -> None:
    network = ready_network(name, usual_shape(name))
    start = loss_of(name, network, usual_shape(name)).item()
    assert any(train(name, network, usual_shape(name), steps=steps) < 0.2 * start for steps in (20, 40, 120))


@BY_GRADIENT
def test_training_twice_gives_the_same_bits(name: str) -> None:
    first, second = (ready_network(name, usual_shape(name)) for _ in range(2))
    for network in (first, second):
        train(name, network, usual_shape(name), steps=3)
    weights = second.state_dict()
    assert all(torch.equal(tensor, weights[key]) for key, tensor in first.state_dict().items())


@BY_TRAINING
def test_every_parameter_gets_a_gradient_at_every_corner_of_the_search(name: str) -> None:
    row = ARCHITECTURES[name]
    cases = [(shape, small_config(name)) for shape in INPUT_SHAPES[row.input_type][2:]]
    cases += [(usual_shape(name), config) for config in corners(name)]
    for input_shape, config in cases:
        network = new_network(name, input_shape, config=config).eval()
        loss_of(name, network, input_shape).backward()
        idle = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
        assert not idle, (input_shape, config)


@EXPORTED
def test_the_exported_graphs_predict_as_the_network_does(name: str, image_shape: tuple[int, ...]) -> None:
    import onnxruntime

    generator = torch.Generator().manual_seed(0)
    raw = torch.randint(0, 256, (5, *image_shape), dtype=torch.uint8, generator=generator)
    stem = build_stem((ColumnSpec("image", image_shape),), ARCHITECTURES[name].input_type)
    stem.fit((raw.numpy(),))
    model = ExportModule(Model(stem, ready_network(name, stem.input_shape)).eval(), nn.Identity())
    with hide_torchscript_warnings():
        script = torch.jit.load(io.BytesIO(torchscript_bytes(model, (raw[:3],))))
    session = onnxruntime.InferenceSession(onnx_bytes(onnx_graph(model, (raw[:3],), ["raw"], "outputs")))
    for rows in (1, 2, 5):
        eager = model(raw[:rows])
        torch.testing.assert_close(script(raw[:rows]), eager, rtol=0, atol=1e-6)
        (outputs,) = session.run(None, {"raw": raw[:rows].numpy()})
        torch.testing.assert_close(torch.from_numpy(outputs), eager, rtol=0, atol=1e-5)


@EVERY
@given(data=st.data())
@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_point_of_the_search_space_is_a_network(name: str, data: st.DataObject) -> None:
    config = ARCHITECTURES[name].config
    point = {}
    for setting, domain in default_space(config).items():
        if isinstance(domain, Choice):
            values: st.SearchStrategy[bool | int | float | str] = st.sampled_from(domain.options)
        elif domain.integer:
            values = st.integers(int(domain.low), int(domain.high))
        else:
            values = st.floats(domain.low, domain.high)
        point[setting] = data.draw(values, label=setting)
    is_large = name in SMALL_SETTINGS and name in TRAINED
    device = "meta" if is_large else "cpu"  # where nothing is computed, and a large network costs nothing
    with torch.device(device):
        network = new_network(name, usual_shape(name), config=make_config(config, point))
    outputs = network.eval()(make_examples(usual_shape(name), 2).to(device))
    assert outputs.shape == (2, *output_shape(name, usual_shape(name)))


def test_every_model_file_is_registered() -> None:
    assert {path.stem for path in FOLDER.glob("*.py")} - {"__init__"} == set(ARCHITECTURES)


@EVERY
def test_a_file_names_its_source_its_shapes_and_every_setting(name: str) -> None:
    row = ARCHITECTURES[name]
    module = inspect.getmodule(row.config)
    assert module is not None
    assert module.__name__ == f"models.{name}"
    assert module.__doc__ is not None
    assert "http" in module.__doc__
    assert "Shapes: B batch" in module.__doc__
    statements = re.split(r"\n(?=    \w+: )", inspect.getsource(row.config))
    settings = [statement for statement in statements if "tunable(" in statement or "choice(" in statement]
    assert len(settings) == len(row.config.model_fields)
    assert all("  # " in setting for setting in settings)


@EVERY
def test_a_search_is_never_empty(name: str) -> None:
    domains = default_space(ARCHITECTURES[name].config).values()
    assert domains
    assert all(isinstance(domain, Range | Choice) for domain in domains)


@pytest.mark.parametrize(
    ("name", "config", "input_shape", "head_width", "words"),
    [
        ("lenet", lenet5.Config(), (1, 8, 8), 10, ["unknown architecture 'lenet'", "mlp, periodic_mlp, tabm"]),
        ("mlp", lenet5.Config(), (64,), 10, ["mlp", "models.mlp.Config", "models.lenet5.Config"]),
        ("lenet5", lenet5.Config(), (64,), 10, ["lenet5", "image (C, H, W)", "(64,)"]),
        ("lenet5", lenet5.Config(), (0, 8, 8), 10, ["1 or more", "(0, 8, 8)"]),
        ("lenet5", lenet5.Config(), (1, 7, 30), 10, ["8x8", "7x30"]),
        ("lenet5", lenet5.Config(), (1, 8, 8), 0, ["1 output or more", "got 0"]),
    ],
)
def test_what_cannot_be_built_is_refused_in_a_sentence(
    name: str, config: Hyperparameters, input_shape: tuple[int, ...], head_width: int, words: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"got|unknown") as caught:
        build_network(name, config, input_shape, head_width)
    assert all(word in str(caught.value) for word in words)


def test_importing_models_prints_nothing_and_loads_no_heavy_package() -> None:
    files = sorted(path.relative_to(FOLDER.parent).with_suffix("") for path in FOLDER.rglob("*.py"))
    names = [".".join(path.parts) for path in files if path.name != "__init__"]
    program = f"""
import sys, {", ".join(names)}
loaded = {{name.partition(".")[0] for name in sys.modules}}
sys.exit(sorted(loaded & {{"pipelines", "serving", "mlflow", "sklearn", "matplotlib", "optuna", "onnx"}}) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=FOLDER.parent, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
