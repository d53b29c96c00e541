"""Attention weights are shares, of what the network itself takes; Grad-CAM reads maps that have places."""

from typing import Any

import pytest
import torch

from models.blocks.attention import MultiHeadAttention, presence_bias
from pipelines.explanation.attention import ATTENTION_READERS, roll_out_attention
from pipelines.explanation.grad_cam import MIN_PLACES, find_feature_maps
from tests.support.architecture_cases import make_examples, random_tensor, ready_network, usual_shape


@torch.no_grad()
def test_weights_are_those_that_the_layer_averages_with() -> None:
    torch.manual_seed(0)
    layer = MultiHeadAttention(8, 2, 0.0).eval()
    x, bias = random_tensor(3, 5, 8), presence_bias((torch.arange(5) > 1).float())[None, None, None].expand(3, 1, 1, 5)
    weights = layer.weights(x, bias)
    assert weights.shape == (3, 2, 5, 5)
    torch.testing.assert_close(weights.sum(3), torch.ones(3, 2, 5))
    assert not weights[..., :2].any()
    value = layer.project_in(x).chunk(3, 2)[2].unflatten(2, (2, 4)).transpose(1, 2)
    averaged = (weights @ value).transpose(1, 2).flatten(2)
    torch.testing.assert_close(layer.project_out(averaged), layer(x, bias))


@pytest.mark.parametrize("name", ATTENTION_READERS)
@torch.no_grad()
def test_what_is_attended_to_sums_to_one_and_is_there(name: str) -> None:
    network = ready_network(name, usual_shape(name))
    x = make_examples(usual_shape(name))
    found = ATTENTION_READERS[name](network, x)
    assert found.shape == x.shape
    shares = (found[:, 0] if x.ndim == 4 else found[:, :, 0]).flatten(1)
    assert shares.min() >= 0
    if x.ndim == 3:
        torch.testing.assert_close(shares.sum(1), torch.ones(len(x)))
        assert not (shares * (1 - x[:, :, -1])).any()
    else:  # some patches reach over the border of an image
        assert 0 < shares.sum(1).min() <= shares.sum(1).max() <= 1 + 1e-5


@torch.no_grad()
def test_a_patch_is_as_large_as_it_is_read() -> None:
    network: Any = ready_network("patch_transformer", (1, 8, 8))
    x = random_tensor(2, 1, 8, 8)
    found = ATTENTION_READERS["patch_transformer"](network, x)[:, 0]
    patches = found.unfold(1, 4, 4).unfold(2, 4, 4).flatten(3)
    assert torch.equal(patches.amin(3), patches.amax(3))
    flow = roll_out_attention(network, x)
    torch.testing.assert_close(flow.sum(2), torch.ones(2, 5))
    torch.testing.assert_close(patches.sum(3).flatten(1), flow[:, 0, 1:] / flow[:, 0, 1:].sum(1, keepdim=True))


@pytest.mark.parametrize("name", ["lenet5", "cnn", "alexnet", "vgg", "googlenet", "resnet", "densenet", "convnext"])
def test_feature_maps_of_every_convolutional_network_have_places(name: str) -> None:
    network = ready_network(name, (1, 16, 24))
    x = random_tensor(2, 1, 16, 24)
    layer = find_feature_maps(network, x)
    shapes: list[torch.Size] = []
    layer.register_forward_hook(lambda module, given, maps: shapes.append(maps.shape))
    network(x)
    (shape,) = shapes
    assert len(shape) == 4
    assert shape[2] * shape[3] >= MIN_PLACES
