"""Cost of one prediction, against numbers worked out by hand."""

import pytest
import torch
from skl2onnx import to_onnx
from torch import nn

from models import ARCHITECTURES, build_network, cnn, elman, esn, gru, jordan, lenet5, lstm, mlp, pca
from models.blocks.cost import Cost, model_cost, network_cost, tree_bytes
from models.blocks.hyperparameters import make_config
from models.blocks.scikit import ScikitModel
from models.outputs.output_transform import Unscale
from models.stems import ColumnSpec, InputType, Model, build_stem


def in_float32(parameters: int, flops: int) -> Cost:
    """The cost of numbers of four bytes each."""
    return Cost(parameters, flops, 4 * parameters)


def test_an_mlp_costs_two_operations_per_weight_of_its_matrices() -> None:
    network = mlp.MLP(mlp.Config(width=32, depth=2, normalisation="layer"), (64,), 10)
    matrices = 64 * 32 + 32 * 32 + 32 * 10
    biases = 32 + 32 + 10
    normalising = 2 * (32 + 32)  # a weight and a bias per unit and layer
    assert network_cost(network, (64,)) == in_float32(matrices + biases + normalising, 2 * matrices)


def test_lenet5_at_the_width_of_the_paper_costs_what_the_paper_says() -> None:
    network = lenet5.LeNet5(lenet5.Config(width=1), (1, 28, 28), 10)
    # The paper's own counts, section II.B: C1 156 parameters, S2 12, S4 32, C5 48,120, F6 10,164.
    # C3 is 16 * (6 * 25 + 1) = 2,416 with every map connected, and the linear output 84 * 10 + 10 = 850.
    parameters = 156 + 12 + 2416 + 32 + 48120 + 10164 + 850
    maps = 28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25  # C1 and C3: pixels * maps * weights behind each
    dense = 400 * 120 + 120 * 84 + 84 * 10
    assert network_cost(network, (1, 28, 28)) == in_float32(parameters, 2 * (maps + dense))


def test_lenet5_on_an_8x8_digit() -> None:
    network = lenet5.LeNet5(lenet5.Config(width=1), (1, 8, 8), 10)
    parameters = 6 * (9 + 1) + 12 + 16 * (6 * 9 + 1) + (16 * 4 * 4 + 1) * 120 + 121 * 84 + 85 * 10  # no S4
    maps = 8 * 8 * 6 * 9 + 4 * 4 * 16 * 6 * 9
    dense = 16 * 4 * 4 * 120 + 120 * 84 + 84 * 10
    assert network_cost(network, (1, 8, 8)) == in_float32(parameters, 2 * (maps + dense))


def test_an_lstm_costs_four_gates_per_step() -> None:
    network = lstm.LSTM(lstm.Config(width=16, depth=2, bidirectional=True), (7, 5), 3)
    matrices = 2 * 4 * 16 * (5 + 16) + 2 * 4 * 16 * (33 + 16)  # two directions, four gates, inputs and hidden state
    assert network_cost(network, (7, 5)) == in_float32(matrices + 32 * 3 + 3, 2 * (7 * matrices + 32 * 3))


def test_a_gru_costs_three_gates_per_step() -> None:
    network = gru.GRU(gru.Config(width=16, depth=2), (7, 5), 3)
    matrices = 3 * 16 * (5 + 16) + 3 * 16 * (17 + 16)  # three gates, inputs and hidden state
    assert network_cost(network, (7, 5)) == in_float32(matrices + 16 * 3 + 3, 2 * (7 * matrices + 16 * 3))


def test_an_elman_network_costs_what_is_served_and_not_the_second_pass_of_training() -> None:
    network = elman.Elman(elman.Config(width=16), (7, 5), 3)
    matrices = 16 * (5 + 16)
    assert network_cost(network, (7, 5)) == in_float32(matrices + 16 * 3 + 3, 2 * (7 * matrices + 16 * 3))


def test_a_jordan_network_costs_its_output_layer_at_every_step() -> None:
    network = jordan.Jordan(jordan.Config(width=16), (7, 5), 3)
    matrices = 16 * (5 + 3) + 16 * 3
    assert network_cost(network, (7, 5)) == in_float32(matrices + 3, 2 * 7 * matrices)


def test_an_esn_costs_its_reservoir_at_every_step() -> None:
    network = esn.ESN(esn.Config(units=20), (7, 5), 3)
    parameters = 20 * 5 + 20 * 20 + 40 * 3 + 3
    assert network_cost(network, (7, 5)) == in_float32(parameters, 2 * (7 * (20 * 5 + 20 * 20) + 40 * 3))


def test_a_cnn_costs_nine_weights_per_pixel_and_pair_of_maps() -> None:
    network = cnn.CNN(cnn.Config(width=8, depth=2), (1, 28, 28), 10)
    pairs = [(1, 8, 28), (8, 8, 14), (8, 16, 14), (16, 16, 7)]  # maps read, maps written, side of what is written
    weights = sum(9 * read * written for read, written, _ in pairs)
    normalisation = 4 * (8 + 8 + 16 + 16)  # weight, bias, mean and variance of every map
    products = sum(9 * read * written * side**2 for read, written, side in pairs)
    parameters = weights + normalisation + 16 * 10 + 10
    assert network_cost(network, (1, 28, 28)) == in_float32(parameters, 2 * (products + 16 * 10))


def test_a_pca_costs_two_matrices() -> None:
    assert network_cost(pca.PCA(pca.Config(code=4), (30,), 20), (30,)) == in_float32(
        30 + 4 * 30 + 20 * 4 + 20, 2 * (4 * 30 + 20 * 4)
    )


@pytest.mark.parametrize("name", ["vae", "gan"])
def test_the_cost_of_a_generator_leaves_out_what_only_trains(name: str) -> None:
    network = build_network(
        name, make_config(ARCHITECTURES[name].config, {"latent": 4, "width": 64, "depth": 1}), (64,), 20
    )
    matrices = 4 * 64 + 64 * 20
    assert network_cost(network, (64,)) == in_float32(matrices + 64 + 20, 2 * matrices)


def fitted(name: str, **settings: object) -> ScikitModel:
    network = build_network(name, ARCHITECTURES[name].config(**settings), (2,), 3)
    assert isinstance(network, ScikitModel)
    # Class 0 left of -1, class 1 between, class 2 right of 1; the second input says nothing
    x = torch.tensor([[-3.0, 0], [-2, 0], [-0.5, 0], [0.5, 0], [2, 0], [3, 0]]).repeat(5, 1)
    network.fit(x, torch.tensor([0, 0, 1, 1, 2, 2]).repeat(5), seed=0)
    return network


def test_a_logistic_regression_costs_two_operations_per_weight() -> None:
    assert network_cost(fitted("logistic_regression"), (2,)) == in_float32(2 * 3 + 3, 2 * 2 * 3)


def test_a_decision_tree_costs_a_comparison_per_level() -> None:
    # Two splits separate three classes: 2 * (input, threshold) and 3 leaves of 3 shares
    assert network_cost(fitted("decision_tree", leaf=1), (2,)) == Cost(2 * 2 + 3 * 3, 2, tree_bytes(5, 9))


def test_gradient_boosting_costs_the_path_through_every_tree() -> None:
    network = fitted("gradient_boosting", rounds=4, depth=1, subsample=1.0)
    # 4 rounds of 3 trees, at most one split each: (2 + 2 leaves, a comparison, 2 to add) or a leaf; 3 initial values
    trees = [tree.tree_ for tree in network.estimator.estimators_.ravel()]
    splitting = sum(tree.node_count == 3 for tree in trees)
    assert len(trees) == 12
    assert splitting
    assert network_cost(network, (2,)) == Cost(
        4 * splitting + (12 - splitting) + 3,
        3 * splitting + 2 * (12 - splitting),
        tree_bytes(3 * splitting + (12 - splitting), 2 * splitting + (12 - splitting)) + 4 * 3,
    )


@pytest.mark.parametrize("name", ["gradient_boosting", "decision_tree"])
def test_the_bytes_of_trees_are_those_of_their_onnx_graph(name: str) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(600, 20, generator=generator), torch.randint(0, 4, (600,), generator=generator)
    network = build_network(name, ARCHITECTURES[name].config(), (20,), 4)
    assert isinstance(network, ScikitModel)
    network.fit(x, y, seed=0)
    graph = to_onnx(network.estimator, x[:2].numpy(), target_opset={"": 21, "ai.onnx.ml": 3})
    assert network.cost().bytes == pytest.approx(graph.ByteSize(), rel=0.05, abs=600), "besides names and a cast"


WORDS = ("", "?", "pear", "plum", "Äpfel")  # a vocabulary; 15 bytes


@pytest.mark.parametrize(
    ("input_type", "kept", "width"),
    [("vector", 5, 5), ("sequence", 5 * 32, 6 * 33)],  # a weight per word; 32 numbers per word, and one for presence
)
def test_what_a_stem_keeps_of_words_and_what_unscales_outputs_is_counted(
    input_type: InputType, kept: int, width: int
) -> None:
    stem = build_stem((ColumnSpec("text", (6,), cardinality=len(WORDS), length=6),), input_type)
    model = Model(stem, nn.Sequential(nn.Flatten(), nn.Linear(width, 2)), Unscale((2,)))
    parameters = kept + 2 * width + 2 + 4  # with a mean and a spread per output
    assert model_cost(model, WORDS) == Cost(parameters, 2 * 2 * width, 4 * parameters + 15)


@pytest.mark.parametrize("training", [True, False])
def test_counting_leaves_a_network_as_it_was(training: bool) -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4)).train(training)
    before = {key: tensor.clone() for key, tensor in network.state_dict().items()}
    assert network_cost(network, (3,)) == in_float32(3 * 4 + 4 + 4 * 4, 2 * 3 * 4)
    assert network.training is training
    assert all(torch.equal(before[key], tensor) for key, tensor in network.state_dict().items())
