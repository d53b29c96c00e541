"""Networks for images, sequences, masks, codes and samples: what each of them promises beyond having a shape."""

import io
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from models import (
    autoencoder,
    cnn,
    conv_autoencoder,
    esn,
    gan,
    gaussian,
    lstm,
    pca,
    periodic_mlp,
    unet,
    vae,
)
from models.blocks import principal_components
from models.blocks.cost import Cost, network_cost
from models.blocks.hyperparameters import Choice, Hyperparameters, default_space
from models.blocks.optimizers import OPTIMIZERS
from pipelines.exporting.graphs import onnx_bytes, onnx_graph, torchscript_bytes

OUTPUTS = 3


class Row(NamedTuple):
    module: Any
    network: Callable[..., nn.Module]
    sizes: list[tuple[int, ...]]  # shapes of one example; the second is the one that most tests take
    outputs: int = OUTPUTS


IMAGES = [(1, 8, 8), (3, 9, 17), (1, 28, 28)]
SEQUENCES = [(1, 1), (12, 4), (30, 2)]
TABLE = {
    "cnn": Row(cnn, cnn.CNN, IMAGES),
    "lstm": Row(lstm, lstm.LSTM, SEQUENCES),
    "esn": Row(esn, esn.ESN, SEQUENCES),
    "unet": Row(unet, unet.UNet, IMAGES),
    "autoencoder": Row(autoencoder, autoencoder.Autoencoder, [(1,), (64,)]),
    "conv_autoencoder": Row(conv_autoencoder, conv_autoencoder.ConvAutoencoder, IMAGES),
    "periodic_mlp": Row(periodic_mlp, periodic_mlp.PeriodicMLP, [(1,), (64,)]),
    "pca": Row(pca, pca.PCA, [(1,), (64,)]),
    "vae": Row(vae, vae.VAE, [(1,), (64,)], outputs=20),
    "gan": Row(gan, gan.GAN, [(1,), (64,)], outputs=20),
    "gaussian": Row(gaussian, gaussian.Gaussian, [(1,), (64,)], outputs=20),
}
SOLVED = ("esn", "pca", "gaussian")
DRAWING_MAPS = ("unet", "conv_autoencoder")
GENERATORS = ("vae", "gan", "gaussian")
BUILT = [(name, size) for name, row in TABLE.items() for size in row.sizes]

EVERY = pytest.mark.parametrize("name", TABLE)
EVERY_SIZE = pytest.mark.parametrize(("name", "inputs"), BUILT, ids=str)
# What PyTorch says about itself while it exports an LSTM or loads a script; nobody can act on it
QUIET = pytest.mark.filterwarnings(
    "ignore:`torch.jit.load:DeprecationWarning",
    "ignore:_check_is_size will be removed:FutureWarning",
    "ignore:The tensor attributes .*_flat_weights:UserWarning",
    "ignore::torch.jit.TracerWarning:torch.nn.modules.rnn",
)
BY_SOLVING = pytest.mark.parametrize("name", SOLVED)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def examples(inputs: tuple[int, ...], rows: int = 24) -> Tensor:
    x = drawn(rows, *inputs)
    if len(inputs) == 2:  # sequences of several lengths, the last feature saying where they begin
        start = torch.arange(rows)[:, None] % inputs[0]
        present = (torch.arange(inputs[0]) >= start).float()[:, :, None]  # (B, T, 1)
        x = torch.cat([x[:, :, :-1] * present, present], 2)
    return x


def fresh(name: str, inputs: tuple[int, ...], seed: int = 0, config: Hyperparameters | None = None) -> nn.Module:
    row = TABLE[name]
    torch.manual_seed(seed)
    return row.network(config or row.module.Config(), inputs, row.outputs)


def ready(name: str, inputs: tuple[int, ...], seed: int = 0, config: Hyperparameters | None = None) -> Any:
    """A network that can answer: solved already, if it is solved at all."""
    network: Any = fresh(name, inputs, seed, config)
    if name in SOLVED:
        rows = 48
        network.fit(examples(inputs, rows), drawn(rows, TABLE[name].outputs).clamp(-1, 1), seed)
    return network.eval()


def shape_of_answer(name: str, inputs: tuple[int, ...]) -> tuple[int, ...]:
    return (TABLE[name].outputs, *(inputs[1:] if name in DRAWING_MAPS else ()))


def loss(name: str, network: Any, x: Tensor) -> Tensor:
    """Something that every parameter has a part in."""
    if name == "vae":
        return network.elbo(torch.tanh(drawn(len(x), 20)))
    if name == "gan":
        return network.discriminator_loss(torch.tanh(drawn(len(x), 20)), x) + network.generator_loss(x)
    return network(x).square().mean()


@EVERY_SIZE
@pytest.mark.parametrize("rows", [1, 2, 7])
def test_every_row_gets_an_answer_of_the_stated_shape(name, inputs, rows):
    answer = ready(name, inputs)(examples(inputs, rows))
    assert answer.shape == (rows, *shape_of_answer(name, inputs))
    assert answer.dtype == torch.float32
    assert answer.isfinite().all()


@EVERY_SIZE
def test_a_row_is_answered_from_itself_alone(name, inputs):
    network, x = ready(name, inputs), examples(inputs)
    whole = network(x)
    for row in (0, 5, 23):
        torch.testing.assert_close(network(x[row : row + 1]), whole[row : row + 1], rtol=0, atol=1e-6)


@EVERY
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(name):
    inputs = TABLE[name].sizes[1]
    first, second, other = (fresh(name, inputs, seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())
    if name not in ("pca", "gaussian"):  # which start from nothing
        assert any(not torch.equal(tensor, other[key]) for key, tensor in first.items())


@EVERY
def test_what_was_learned_can_be_read_back_into_a_fresh_network(name):
    inputs = TABLE[name].sizes[1]
    one, other, x = ready(name, inputs), fresh(name, inputs, seed=9).eval(), examples(inputs)
    other.load_state_dict(one.state_dict())
    assert torch.equal(one(x), other(x))


def check_exported(name: str, inputs: tuple[int, ...], config: Hyperparameters | None = None) -> None:
    network, x = ready(name, inputs, config=config), examples(inputs, 5)
    session = onnxruntime.InferenceSession(onnx_bytes(onnx_graph(Wrapped(network).eval(), (x[:3],), ["x"], "y")))
    script = torch.jit.load(io.BytesIO(torchscript_bytes(network, (x[:3],))))
    for rows in (1, 2, 5):
        eager = network(x[:rows])
        torch.testing.assert_close(script(x[:rows]), eager, rtol=0, atol=1e-6)
        (answer,) = session.run(None, {"x": x[:rows].numpy()})
        torch.testing.assert_close(torch.from_numpy(answer), eager, rtol=0, atol=1e-5)


class Wrapped(nn.Module):
    """As the exporter meets a network: behind any number of columns."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, *columns: Tensor) -> Tensor:
        return self.network(*columns)


SHORTENED = {"esn": esn.Config(units=20)}


@EVERY
@QUIET
def test_the_exported_graphs_answer_as_the_network_does(name):
    check_exported(name, TABLE[name].sizes[1], SHORTENED.get(name))


@QUIET
def test_a_deep_lstm_that_reads_both_ways_answers_the_same_when_exported():
    check_exported("lstm", (12, 4), lstm.Config(depth=2, width=16, bidirectional=True, pooling="last"))


def corners(config: type[Hyperparameters]) -> list[Hyperparameters]:
    """All settings at one end of their ranges, all at the other, and every option of a choice."""
    extents = default_space(config)
    ends = [
        {
            key: extent.options[end] if isinstance(extent, Choice) else (extent.low, extent.high)[end]
            for key, extent in extents.items()
        }
        for end in (0, -1)
    ]
    options = [{key: one} for key, extent in extents.items() if isinstance(extent, Choice) for one in extent.options]
    return [config.model_validate(point) for point in ends + options]


@EVERY
def test_the_corners_of_the_search_space_are_networks(name):
    inputs = TABLE[name].sizes[1]
    for config in corners(TABLE[name].module.Config):
        network = fresh(name, inputs, config=config)
        assert network.eval()(examples(inputs, 2)).shape == (2, *shape_of_answer(name, inputs)), config


@pytest.mark.parametrize("name", [name for name in TABLE if name not in SOLVED])
def test_every_parameter_learns(name):
    inputs = TABLE[name].sizes[1]
    for config in corners(TABLE[name].module.Config):
        network = fresh(name, inputs, config=config).eval()
        loss(name, network, examples(inputs)).backward()
        idle = [key for key, weight in network.named_parameters() if weight.grad is None or not weight.grad.any()]
        assert not idle, config


# Sequences


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("esn", esn.Config(units=50)),
        ("lstm", lstm.Config(pooling="mean")),
        ("lstm", lstm.Config(pooling="last")),
        ("lstm", lstm.Config(pooling="last", bidirectional=True, depth=2, width=16)),
        ("lstm", lstm.Config(pooling="mean", bidirectional=True, depth=3, width=16)),
    ],
)
@settings(max_examples=6, deadline=None, derandomize=True)
@given(steps=st.integers(1, 9), padding=st.integers(1, 30))
def test_padding_in_front_does_not_change_the_answer(name, config, steps, padding):
    network = ready(name, (9, 4), config=config)
    x = torch.cat([drawn(5, steps, 3, seed=steps), torch.ones(5, steps, 1)], 2)
    padded = F.pad(x, (0, 0, padding, 0))
    torch.testing.assert_close(network(padded), network(x), rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["lstm", "esn"])
def test_the_order_of_steps_matters(name):
    network = ready(name, (12, 4))
    x = torch.cat([drawn(5, 12, 3), torch.ones(5, 12, 1)], 2)
    assert not torch.allclose(network(x), network(x.flip(1)), atol=1e-3)


def test_the_last_word_of_an_lstm_is_what_pytorch_calls_its_hidden_state():
    network = ready("lstm", (12, 4), config=lstm.Config(pooling="last", bidirectional=True, width=16))
    x = torch.cat([drawn(5, 12, 3), torch.ones(5, 12, 1)], 2)
    _, (hidden, _) = network.layers[0](x)  # (D, B, U)
    torch.testing.assert_close(network(x), network.head(torch.cat([hidden[0], hidden[1]], 1)))


def test_a_forget_gate_is_open_at_the_start():
    weights = fresh("lstm", (12, 4)).layers[0].weight_ih_l0
    assert weights[64:128, -1].eq(1).all()
    assert weights[:64, -1].eq(0).all()


@pytest.mark.parametrize("units", [1, 10, 100])
def test_a_reservoir_has_the_spectral_radius_asked_for(units):
    reservoir = fresh("esn", (12, 4), config=esn.Config(units=units, spectral_radius=0.7)).reservoir
    radius = np.abs(np.linalg.eigvals(reservoir.double().numpy())).max()
    np.testing.assert_allclose(radius, 0.7, rtol=1e-3)
    assert (reservoir != 0).sum(1).max() <= 10


def test_the_readout_of_an_esn_is_the_ridge_regression_of_scikit_learn():
    from sklearn.linear_model import Ridge

    network = ready("esn", (12, 4), config=esn.Config(units=30, penalty=1e-3))
    x, y = examples((12, 4), 48), drawn(48, OUTPUTS).clamp(-1, 1)
    reference = Ridge(alpha=48 * 1e-3).fit(network.states(x).double().numpy(), y.double().numpy())
    np.testing.assert_allclose(network.readout, reference.coef_, atol=1e-5)
    np.testing.assert_allclose(network.bias, reference.intercept_, atol=1e-5)


def test_esn_sharpness_minimises_the_leave_one_out_loss():
    x, y = examples((12, 4), 40), torch.arange(40) % OUTPUTS
    x[:, -1, 0] += 2.0 * y  # something to see
    config = esn.Config(units=10, penalty=1e-2)
    network = ready("esn", (12, 4), config=config)
    network.fit(x, y, seed=0)
    scores = torch.empty(40, OUTPUTS)
    for row in range(40):  # the penalty is per example: 39 examples with 40 / 39 of it are left with the same sum
        others = torch.arange(40) != row
        left = ready("esn", (12, 4), config=esn.Config(units=10, penalty=1e-2 * 40 / 39))
        left.fit(x[others], F.one_hot(y[others], OUTPUTS).float(), seed=0)
        scores[row] = left(x[row : row + 1])[0]
    losses = [F.cross_entropy(factor * scores, y).item() for factor in esn.LOGIT_SCALES]
    plain = ready("esn", (12, 4), config=config)
    plain.fit(x, F.one_hot(y, OUTPUTS).float(), seed=0)
    best = esn.LOGIT_SCALES[int(np.argmin(losses))]
    torch.testing.assert_close(network.readout, plain.readout * best)


# Closed form


@BY_SOLVING
def test_solving_twice_gives_the_same_bits_in_any_chunks(name, monkeypatch):
    inputs = TABLE[name].sizes[1]
    first, second = ready(name, inputs), ready(name, inputs)
    assert all(torch.equal(tensor, second.state_dict()[key]) for key, tensor in first.state_dict().items())
    if name == "esn":
        monkeypatch.setattr(esn, "CHUNK_EXAMPLES", 7)
        torch.testing.assert_close(ready(name, inputs)(examples(inputs)), first(examples(inputs)), rtol=0, atol=1e-4)


@BY_SOLVING
def test_solving_refuses_what_it_cannot_answer_with(name):
    inputs = TABLE[name].sizes[1]
    for y in (torch.zeros(0, TABLE[name].outputs), torch.zeros(5, TABLE[name].outputs + 1)):
        with pytest.raises(ValueError, match=rf"{name} .* \(\d+, {TABLE[name].outputs + y.shape[0] // 5}\)"):
            fresh(name, inputs).fit(examples(inputs, len(y)), y, 0)


@pytest.mark.parametrize("rows", [200, 20])
def test_principal_components_are_those_of_scikit_learn(rows):
    from sklearn.decomposition import PCA

    x = drawn(rows, 64) @ drawn(64, 64, seed=1)
    network = pca.PCA(pca.Config(code=8), (64,), 64)
    network.fit(x, x, 0)
    reference = PCA(8, svd_solver="full").fit(x.double().numpy())
    drawn_by_it = reference.inverse_transform(reference.transform(x.double().numpy()))
    np.testing.assert_allclose(network(x), drawn_by_it, atol=2e-4)
    np.testing.assert_allclose(np.abs(network.directions.numpy() @ reference.components_.T), np.eye(8), atol=1e-4)
    torch.testing.assert_close(network.decoder, network.directions.T, rtol=0, atol=1e-4)


def test_pca_with_another_target_is_principal_component_regression():
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    x, y = drawn(100, 10), drawn(100, 4, seed=1)
    network = pca.PCA(pca.Config(code=3), (10,), 4)
    network.fit(x, y, 0)
    reference = make_pipeline(PCA(3, svd_solver="full"), LinearRegression()).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(network(x), reference.predict(x.numpy()), atol=1e-5)


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_pca_of_rank_deficient_data_stays_finite(rows):
    x = drawn(rows, 2) @ drawn(2, 8, seed=1)
    network = pca.PCA(pca.Config(code=6), (8,), 8)
    network.fit(x, x, 0)
    torch.testing.assert_close(network(x), x, rtol=0, atol=1e-4)
    assert network(100 * drawn(5, 8)).isfinite().all()


def test_principal_components_have_a_fixed_sign():
    found, variances = principal_components.principal_components(drawn(50, 6).double(), 6)
    assert (found.max(1).values >= -found.min(1).values).all()
    assert (variances.diff() <= 0).all()


def test_a_gaussian_draws_with_the_mean_and_covariance_of_the_examples():
    y = 0.2 * (drawn(2000, 6) @ drawn(6, 6, seed=1)).tanh()
    network = gaussian.Gaussian(gaussian.Config(latent=6), (64,), 6)
    network.fit(torch.zeros(2000, 64), y, 0)
    torch.testing.assert_close(network.directions.T @ network.directions, torch.cov(y.T, correction=0))
    torch.testing.assert_close(network.mean, y.mean(0))


# Maps and codes


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 17), (30, 11), (13, 13)])
@pytest.mark.parametrize("depth", [1, 3, 4])
def test_a_unet_answers_every_pixel_of_any_image(height, width, depth):
    network = ready("unet", (1, height, width), config=unet.Config(width=6, depth=depth))
    assert network(drawn(2, 1, height, width)).shape == (2, OUTPUTS, height, width)


def test_unet_receptive_field_is_bounded():
    """Two 3x3 filters per level: with one level below, 4 + 2 * 4 pixels, and 2 more for the grid of that level."""
    network = ready("unet", (1, 48, 48), config=unet.Config(width=6, depth=1))
    x = drawn(1, 1, 48, 48)
    changed = x.clone()
    changed[..., 24, 24] += 5
    rows, columns = (network(changed) - network(x))[0].abs().sum(0).nonzero().T
    assert max((rows - 24).abs().max(), (columns - 24).abs().max()) <= 14


@pytest.mark.parametrize(
    ("name", "config"), [("autoencoder", autoencoder.Config(code=40)), ("pca", pca.Config(code=40))]
)
def test_code_size_is_at_most_the_input_width(name, config):
    assert fresh(name, (5,), config=config).code_size == 5
    assert fresh(name, (64,), config=config).code_size == 40


@pytest.mark.parametrize("name", ["cnn", "unet", "conv_autoencoder"])
def test_too_small_an_image_is_refused(name):
    with pytest.raises(ValueError, match=rf"{name} reads images of 8x8 pixels or more, got 7x30"):
        fresh(name, (1, 7, 30))


# Generators


@pytest.mark.parametrize("name", GENERATORS)
def test_generator_output_is_bounded_by_1_and_uses_only_its_latent_noise(name):
    network = ready(name, (64,))
    z = 5 * drawn(50, 64)
    assert network(z).abs().max() <= 1
    z[:, network.latent :] = 0
    assert torch.equal(network(z), ready(name, (64,))(z))
    assert network(z).std(0).min() > 0


def test_vae_elbo_equals_torch_distributions():
    from torch.distributions import Independent, Normal, kl_divergence

    network = fresh("vae", (64,))
    x = torch.tanh(drawn(7, 20))
    torch.manual_seed(1)
    found = network.elbo(x)
    mean, log_variance = network.encoder(x).chunk(2, 1)
    posterior = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    torch.manual_seed(1)
    z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
    spread = (network.log_variance.exp() + vae.MIN_OUTPUT_VARIANCE).sqrt()
    likelihood = Independent(Normal(network.generator(z), spread), 1).log_prob(x)
    prior = Independent(Normal(torch.zeros_like(mean), torch.ones_like(mean)), 1)
    torch.testing.assert_close(found, (kl_divergence(posterior, prior) - likelihood).mean() / 20)


def test_gan_losses_of_an_undecided_discriminator_are_log_2():
    network = fresh("gan", (64,), config=gan.Config(penalty=0.0))
    nn.init.zeros_(network.discriminator[-1].weight)
    nn.init.zeros_(network.discriminator[-1].bias)
    assert network.discriminator_loss(drawn(9, 20).tanh(), drawn(9, 64)).item() == pytest.approx(2 * np.log(2))
    assert network.generator_loss(drawn(9, 64)).item() == pytest.approx(np.log(2))


def test_discriminator_loss_includes_the_gradient_penalty():
    free, paying = (fresh("gan", (64,), config=gan.Config(penalty=penalty)) for penalty in (0.0, 3.0))
    x, z = drawn(9, 20).tanh(), drawn(9, 64)
    slope = torch.func.vmap(torch.func.grad(lambda row: free.discriminator(row).squeeze()))(x)
    price = 1.5 * slope.square().sum(1).mean()
    torch.testing.assert_close(paying.discriminator_loss(x, z), free.discriminator_loss(x, z) + price)


def test_discriminator_loss_gives_the_generator_no_gradient():
    network = fresh("gan", (64,))
    network.discriminator_loss(drawn(9, 20).tanh(), drawn(9, 64)).backward()
    assert all(weight.grad is None for weight in network.generator.parameters())


# What it costs


def test_an_lstm_costs_four_gates_per_step():
    network = lstm.LSTM(lstm.Config(width=16, depth=2, bidirectional=True), (7, 5), 3)
    matrices = 2 * 4 * 16 * (5 + 16) + 2 * 4 * 16 * (33 + 16)  # two directions, four gates, what is read and remembered
    assert network_cost(network, (7, 5)) == Cost(matrices + 32 * 3 + 3, 2 * (7 * matrices + 32 * 3))


def test_an_esn_costs_its_reservoir_at_every_step():
    network = esn.ESN(esn.Config(units=20), (7, 5), 3)
    assert network_cost(network, (7, 5)) == Cost(20 * 5 + 20 * 20 + 40 * 3 + 3, 2 * (7 * (20 * 5 + 20 * 20) + 40 * 3))


def test_a_cnn_costs_nine_operations_per_map_pixel_and_pair_of_maps():
    network = cnn.CNN(cnn.Config(width=8, depth=2), (1, 28, 28), 10)
    pairs = [(1, 8, 28), (8, 8, 14), (8, 16, 14), (16, 16, 7)]  # maps read, maps written, side of what is written
    weights = sum(9 * read * written for read, written, _ in pairs)
    normalising = 2 * (8 + 8 + 16 + 16)
    work = sum(9 * read * written * side**2 for read, written, side in pairs)
    assert network_cost(network, (1, 28, 28)) == Cost(weights + normalising + 16 * 10 + 10, 2 * (work + 16 * 10))


def test_a_pca_costs_two_matrices():
    assert network_cost(pca.PCA(pca.Config(code=4), (30,), 20), (30,)) == Cost(
        30 + 4 * 30 + 20 * 4 + 20, 2 * (4 * 30 + 20 * 4)
    )


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_gan_cost_counts_the_generator_only(name):
    config = TABLE[name].module.Config(latent=4, width=64, depth=1)
    matrices = 4 * 64 + 64 * 20
    assert network_cost(fresh(name, (64,), config=config), (64,)) == Cost(matrices + 64 + 20, 2 * matrices)


# A little learning, on real digits


def digits() -> tuple[Tensor, Tensor]:
    from sklearn.datasets import load_digits

    images, numbers = load_digits(return_X_y=True)
    some = np.random.default_rng(0).permutation(len(images))[:600]  # of many writers
    images, numbers = images[some], numbers[some]
    return torch.from_numpy(images.astype(np.float32)) / 8 - 1, torch.from_numpy(numbers)


def as_read(x: Tensor, name: str) -> Tensor:
    if name in ("cnn", "unet", "conv_autoencoder"):
        return x.reshape(-1, 1, 8, 8)
    if name in ("lstm", "esn"):  # row by row
        return torch.cat([x.reshape(-1, 8, 8), torch.ones(len(x), 8, 1)], 2)
    return x


def descend(network: nn.Module, steps: int, of: Callable[[Tensor], Tensor], rows: int = 400) -> None:
    downhill = OPTIMIZERS["adamw"](network.parameters(), 5e-3, 0.0)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    network.train()
    for _ in range(steps):
        value = of(torch.randint(rows, (64,), generator=generator))
        downhill.zero_grad()
        value.backward()
        downhill.step()
    network.eval()


@pytest.mark.parametrize("name", ["cnn", "lstm", "esn"])
def test_it_classifies_digits(name):
    x, y = digits()
    x = as_read(x, name)
    torch.manual_seed(0)
    network: Any = TABLE[name].network(TABLE[name].module.Config(), tuple(x.shape[1:]), 10)
    if name == "esn":
        network.fit(x[:400], y[:400], 0)
    else:
        descend(network, 100, lambda rows: F.cross_entropy(network(x[rows]), y[rows]))
    assert (network(x[400:]).argmax(1) == y[400:]).float().mean() > 0.88
    assert F.cross_entropy(network(x[400:]), y[400:]) < 0.4  # log 10 = 2.3 would be a shrug


@pytest.mark.parametrize("name", ["autoencoder", "conv_autoencoder", "pca", "unet"])
def test_it_draws_digits_better_than_their_mean(name):
    x = as_read(digits()[0], name)
    outputs = 1 if x.ndim == 4 else 64
    torch.manual_seed(0)
    network: Any = TABLE[name].network(TABLE[name].module.Config(), tuple(x.shape[1:]), outputs)
    if name == "pca":
        network.fit(x[:400], x[:400], 0)
    else:
        descend(network, 150, lambda rows: F.mse_loss(network(x[rows]), x[rows]))
    assert F.mse_loss(network(x[400:]), x[400:]) < 0.35 * F.mse_loss(x[:400].mean(0).expand(200, *x.shape[1:]), x[400:])


@pytest.mark.parametrize("name", GENERATORS)
def test_gan_training_moves_samples_towards_digits(name):
    x, _ = digits()
    torch.manual_seed(0)
    network: Any = TABLE[name].network(TABLE[name].module.Config(), (64,), 64)
    z = drawn(200, 64)

    def apart() -> float:
        samples = network.eval()(z).detach()
        nearest = torch.cdist(samples, x[400:]).min(1).values.mean()  # samples look like digits
        return float(nearest + torch.cdist(x[400:], samples).min(1).values.mean())  # and digits like samples

    start = apart()
    if name == "gaussian":
        network.fit(z, x[:400], 0)
    elif name == "vae":
        descend(network, 150, lambda rows: network.elbo(x[rows]))
    else:
        noise = torch.Generator().manual_seed(1)
        sides = {
            key: OPTIMIZERS["adamw"](getattr(network, key).parameters(), 3e-3, 0.0)
            for key in ("discriminator", "generator")
        }
        for _ in range(300):
            rows = torch.randint(400, (64,), generator=noise)
            z_now = torch.randn(64, 64, generator=noise)
            for side, optimizer in sides.items():
                value = (
                    network.generator_loss(z_now) if side == "generator" else network.discriminator_loss(x[rows], z_now)
                )
                optimizer.zero_grad()
                value.backward()
                optimizer.step()
    assert apart() < 0.75 * start
