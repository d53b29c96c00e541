"""TabM is as many perceptrons as it has submodels, which share their matrices."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from models.blocks.auxiliary_heads import loss_of_all_heads
from models.blocks.cost import network_cost
from models.tabm import Config, TabM
from tests.support.architecture_cases import random_tensor

SUBMODELS, FEATURES, WIDTH, OUTPUTS = 5, 7, 12, 3
X = random_tensor(40, FEATURES)


def new_tabm(depth: int = 2, dropout: float = 0.0) -> TabM:
    torch.manual_seed(0)
    config = Config(submodels=SUBMODELS, width=WIDTH, depth=depth, dropout=dropout)
    return TabM(config, (FEATURES,), OUTPUTS)


@torch.no_grad()
def perceptron_of(network: TabM, submodel: int, x: Tensor) -> Tensor:
    """One submodel on its own: each layer's matrix with rows and columns scaled."""
    for layer in network.hidden:
        if hasattr(layer, "input_scale"):
            matrix = layer.output_scale[submodel][:, None] * layer.weight * layer.input_scale[submodel]
            x = F.linear(x, matrix, layer.bias[submodel]).relu()
    return x @ network.weight[submodel] + network.bias[submodel]


@pytest.mark.parametrize("depth", [1, 3])
def test_every_submodel_is_a_perceptron_with_rank_one_scales(depth: int) -> None:
    network = new_tabm(depth)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.3 * torch.randn_like(weight))  # as if trained: all scales differ
        outputs = network.submodel_outputs(X)
    expected = torch.stack([perceptron_of(network, submodel, X) for submodel in range(SUBMODELS)])
    torch.testing.assert_close(outputs, expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(network(X), expected.mean(0), rtol=1e-4, atol=1e-5)


def test_it_stores_the_shared_matrices_once() -> None:
    shared = FEATURES * WIDTH + WIDTH * WIDTH
    own = FEATURES + WIDTH + WIDTH + (WIDTH + WIDTH + WIDTH) + WIDTH * OUTPUTS + OUTPUTS  # scales, biases, output layer
    cost = network_cost(new_tabm(), (FEATURES,))
    assert cost.parameters == shared + SUBMODELS * own
    assert cost.flops == 2 * SUBMODELS * (shared + WIDTH * OUTPUTS)


def test_at_the_start_submodels_differ_by_signs_of_their_inputs_alone() -> None:
    network = new_tabm()
    first, second = network.hidden[0], network.hidden[3]
    assert set(first.input_scale.unique().tolist()) == {-1.0, 1.0}
    assert (second.input_scale == 1).all()
    assert all((layer.output_scale == 1).all() for layer in (first, second))
    assert all((layer.bias == layer.bias[0]).all() for layer in (first, second))


def test_the_training_loss_is_the_mean_of_the_submodels_losses() -> None:
    network, y = new_tabm(), torch.arange(40) % OUTPUTS
    found = loss_of_all_heads(network, (X,), lambda logits: F.cross_entropy(logits, y))
    losses = [F.cross_entropy(outputs, y) for outputs in network.submodel_outputs(X)]
    torch.testing.assert_close(found, torch.stack(losses).mean())
    assert found > F.cross_entropy(network(X), y), "the mean answer is better than the mean submodel"


def test_submodels_stay_different_while_they_learn() -> None:
    network, y = new_tabm(), (X[:, 0] * X[:, 1] > 0).long()
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(150):
        optimizer.zero_grad()
        loss_of_all_heads(network, (X,), lambda logits: F.cross_entropy(logits, y)).backward()
        optimizer.step()
    outputs = network.submodel_outputs(random_tensor(40, FEATURES, seed=1)).softmax(2)
    assert (network(X).argmax(1) == y).float().mean() > 0.95
    assert outputs.std(0).mean() > 0.02
