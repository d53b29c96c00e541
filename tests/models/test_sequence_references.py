"""Networks over sequences against reference layers with the same weights, and against published sizes."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models import ARCHITECTURES, lstm, patch_transformer, rnn, rocket, tcn, transformer
from models.blocks.attention import EncoderLayer
from models.blocks.hyperparameters import make_config
from tests.support.architecture_cases import make_examples, new_network, number_targets, random_tensor, ready_network

ROWS, STEPS, FEATURES, WIDTH = 5, 9, 4, 16
REFERENCE_LAYERS: dict[str, tuple[type[nn.RNNBase], bool]] = {  # and whether it reads from either end
    "rnn": (nn.RNN, False),
    "elman": (nn.RNN, False),
    "gru": (nn.GRU, False),
    "birnn": (nn.RNN, True),
    "bilstm": (nn.LSTM, True),
}


def full_sequences() -> Tensor:
    return torch.cat([random_tensor(ROWS, STEPS, FEATURES - 1), torch.ones(ROWS, STEPS, 1)], 2)


def count_parameters(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize("name", REFERENCE_LAYERS)
def test_recurrent_networks_are_pytorch_layers_with_biases(name: str) -> None:
    """The weights of the mark of presence are the reference's biases."""
    layer_type, bidirectional = REFERENCE_LAYERS[name]
    settings = make_config(ARCHITECTURES[name].config, {"width": WIDTH})
    network: Any = ready_network(name, (STEPS, FEATURES), config=settings)
    reference = layer_type(FEATURES - 1, WIDTH, batch_first=True, bidirectional=bidirectional)
    own = network.units if name == "elman" else network.states.layers[0]
    with torch.no_grad():
        for key, weights in reference.named_parameters():
            source = own.get_parameter(key.replace("bias_ih", "weight_ih").replace("bias_hh", "weight_hh"))
            if key.startswith("weight_ih"):
                weights.copy_(source[:, :-1])
            elif key.startswith("bias_ih"):
                weights.copy_(source[:, -1])
            elif key.startswith("bias_hh"):
                weights.zero_()
            else:
                weights.copy_(source)
    x = full_sequences()
    states, last = reference(x[:, :, :-1])
    torch.testing.assert_close(network.states(x), states, rtol=0, atol=1e-6)
    hidden = last[0] if isinstance(last, tuple) else last  # (D, B, U)
    torch.testing.assert_close(network(x), network.head(torch.cat(list(hidden), 1)), rtol=0, atol=1e-6)


def test_the_gradient_of_an_elman_network_is_that_of_a_loop_over_copies() -> None:
    network: Any = ready_network("elman", (STEPS, FEATURES))
    x, weights = full_sequences(), network.units.all_weights[0]
    expected, context = [], torch.zeros(ROWS, network.units.hidden_size)
    for step in range(STEPS):
        expected.append(torch.tanh(x[:, step] @ weights[0].T + context @ weights[1].T))
        context = expected[-1].detach()
    wanted = torch.autograd.grad(torch.stack(expected, 1).pow(3).sum(), weights)
    torch.testing.assert_close(torch.autograd.grad(network.states(x).pow(3).sum(), weights), wanted)
    with torch.no_grad():
        torch.testing.assert_close(network.states(x), torch.stack(expected, 1))


@pytest.mark.parametrize("normalise_first", [True, False])
def test_an_encoder_layer_is_that_of_pytorch(normalise_first: bool) -> None:
    torch.manual_seed(0)
    own = EncoderLayer(WIDTH, 4, 0.0, activation=F.relu, normalise_first=normalise_first)
    reference = nn.TransformerEncoderLayer(
        WIDTH, 4, 4 * WIDTH, 0.0, batch_first=True, norm_first=normalise_first, activation="relu"
    )
    pairs = {
        "self_attn.in_proj_": own.attention.project_in,
        "self_attn.out_proj.": own.attention.project_out,
        "linear1.": own.widen,
        "linear2.": own.narrow,
        "norm1.": own.attention_norm,
        "norm2.": own.feedforward_norm,
    }
    state = {f"{key}{end}": getattr(part, end) for key, part in pairs.items() for end in ("weight", "bias")}
    reference.load_state_dict(state)
    x, present = random_tensor(ROWS, STEPS, WIDTH), make_examples((STEPS, FEATURES), ROWS)[:, :, -1]
    bias = (present - 1)[:, None, None, :] * 1e4
    expected = reference(x, src_key_padding_mask=present == 0)
    torch.testing.assert_close((own(x, bias) - expected) * present[:, :, None], torch.zeros_like(x), rtol=0, atol=1e-5)
    assert count_parameters(own) == count_parameters(reference)


def test_a_transformer_at_the_size_of_the_paper_has_the_parameters_of_the_paper() -> None:
    """Table 3 of Vaswani et al. 2017, base: 6 layers of width 512, 8 heads, 2,048 units; 18.9M in the encoder."""
    config = transformer.Config(heads=8, head_size=64, depth=6, normalisation="after")
    with torch.device("meta"):
        network = transformer.Transformer(config, (STEPS, FEATURES), 10)
        reference = nn.TransformerEncoder(nn.TransformerEncoderLayer(512, 8, 2048), 6, enable_nested_tensor=False)
    own = count_parameters(network.layers)
    assert own == count_parameters(reference) == 6 * (4 * 512**2 + 4 * 512 + 2 * 512 * 2048 + 2048 + 512 + 4 * 512)


def test_a_patch_transformer_at_the_size_of_the_paper_has_its_parameters() -> None:
    """ViT-B/16 with 1,000 classes: 86,567,656, as torchvision's page on vit_b_16 says; Table 1 of the paper: 86M."""
    config = patch_transformer.Config(patch=16, heads=12, head_size=64, depth=12)
    with torch.device("meta"):
        network = patch_transformer.PatchTransformer(config, (3, 224, 224), 1000)
    assert count_parameters(network) == 86_567_656


def test_a_tcn_at_the_size_of_the_paper_has_about_its_parameters() -> None:
    """Table 1 of Bai et al. 2018, sequential MNIST: 70K; their code's settings are 8 levels of 25, kernels of 7."""
    network = tcn.TCN(tcn.Config(width=25, depth=8, kernel=7), (784, 2), 10)
    of_presence = 25 * 7 + 25  # weights that read the mark of presence, which the paper's network lacks
    block = 2 * (25 * 25 * 7 + 25 + 25)  # direction, length and bias of two convolutions
    first = (25 * 7 + 25 + 25) + (25 * 25 * 7 + 25 + 25) + (25 + 25)  # one variable, and a shortcut
    assert count_parameters(network) - of_presence == first + 7 * block + 25 * 10 + 10 == 66_910


def test_parallel_filters_are_those_of_the_paper() -> None:
    """Kim 2014, section 3.1: 100 filters each of 3, 4 and 5 words of 300 numbers."""
    network: Any = tcn.TCN(tcn.Config(form="parallel", width=100), (50, 301), 2)
    weights = sum(one.weight[:, :-1].numel() + one.bias.numel() for one in network.filters.convolutions)
    assert weights == 100 * 300 * (3 + 4 + 5) + 3 * 100
    assert network.head.in_features == 300


def test_a_gru_has_three_quarters_of_the_weights_of_an_lstm() -> None:
    one_way = lstm.Config(bidirectional=False)
    gru, other = new_network("gru", (STEPS, FEATURES)), new_network("lstm", (STEPS, FEATURES), config=one_way)
    head = 64 * 4 + 4
    assert 4 * (count_parameters(gru) - head) == 3 * (count_parameters(other) - head)


@pytest.mark.parametrize(("causal", "padding"), [(True, (4, 0)), (False, (2, 2))])
def test_a_dilated_convolution_is_a_weight_normalised_one_of_pytorch(causal: bool, padding: tuple[int, int]) -> None:
    torch.manual_seed(0)
    own = tcn.DilatedConvolution(3, 6, kernel=3, dilation=2, causal=causal)
    own.length.data *= 1.5
    own.bias.data += random_tensor(6)
    reference = nn.utils.parametrizations.weight_norm(nn.Conv1d(3, 6, 3, dilation=2))
    reference.load_state_dict(
        {
            "bias": own.bias,
            "parametrizations.weight.original0": own.length,
            "parametrizations.weight.original1": own.direction,
        }
    )
    x = random_tensor(ROWS, 3, STEPS)
    torch.testing.assert_close(own(x), reference(F.pad(x, padding)))


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_an_rnn_follows_the_gradient_through_all_steps(activation: str) -> None:
    network: Any = ready_network("rnn", (STEPS, FEATURES), config=rnn.Config(activation=activation, width=3, depth=2))
    network, x = network.double(), full_sequences()[:2].double().requires_grad_()
    assert torch.autograd.gradcheck(network.states, (x,))


def test_a_rocket_counts_and_takes_the_largest_of_what_its_kernels_answer() -> None:
    steps = 20
    network: Any = ready_network("rocket", (steps, 3), config=rocket.Config(kernels=30))
    x = torch.cat([random_tensor(2, steps, 2), torch.ones(2, steps, 1)], 2)
    features, column = network.features(x), 0
    for index, kind in enumerate(network.kinds):
        weights, thresholds = network.get_buffer(f"weights_{index}"), network.get_buffer(f"threshold_{index}").flatten()
        reach_of_kind, count = (kind.length - 1) * kind.dilation // 2, weights.shape[1]
        series = np.pad(x[0, :, :2].double().numpy(), [(reach_of_kind * kind.padded,) * 2, (0, 0)])
        kernel = weights[:, 0].reshape(kind.length, 2).double().numpy()
        answers = [
            sum(kernel[step] @ series[start + step * kind.dilation] for step in range(kind.length))
            + thresholds[0].item()
            for start in range(len(series) - 2 * reach_of_kind)
        ]
        np.testing.assert_allclose(features[0, column], np.mean(np.array(answers) > 0), atol=1e-12)
        np.testing.assert_allclose(features[0, column + count], np.max(answers), atol=1e-6)
        column += 2 * count
    assert column == features.shape[1] == 2 * 30
    assert {kind.length for kind in network.kinds} == {7, 9, 11}
    assert max((kind.length - 1) * kind.dilation for kind in network.kinds) < steps


def test_the_readout_of_a_rocket_is_the_ridge_regression_of_scikit_learn() -> None:
    from sklearn.linear_model import RidgeCV

    x = make_examples((12, 4), 60)
    y = number_targets(x)
    network: Any = new_network("rocket", (12, 4), config=rocket.Config(kernels=20))
    network.fit(x, y, 0)
    features = (network.features(x) - network.feature_mean) / network.feature_scale
    reference = RidgeCV(alphas=rocket.PENALTIES).fit(features.numpy(), y.double().numpy())
    np.testing.assert_allclose(network.readout, reference.coef_, atol=1e-5)
    np.testing.assert_allclose(network(x), reference.predict(features.numpy()), atol=1e-5)
