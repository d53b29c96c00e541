"""Networks that answer with images, and autoencoders' codes: sizes, receptive field, images that are too small."""

from typing import Any

import pytest
import torch

from models import autoencoder, pca, unet
from models.blocks.hyperparameters import Hyperparameters
from models.blocks.layers import MAP_NORMALISATIONS
from tests.support.architecture_cases import HEAD_WIDTH, new_network, random_tensor


@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 17), (30, 11), (13, 13)])
@pytest.mark.parametrize("depth", [1, 3, 4])
def test_a_unet_predicts_every_pixel_of_any_image(height: int, width: int, depth: int) -> None:
    network = new_network("unet", (1, height, width), config=unet.Config(width=6, depth=depth)).eval()
    assert network(random_tensor(2, 1, height, width)).shape == (2, HEAD_WIDTH, height, width)


def test_unet_receptive_field_is_bounded() -> None:
    """Two 3x3 filters per level: with one level below, 4 + 2 * 4 pixels, and 2 more for the grid of that level."""
    network = new_network("unet", (1, 48, 48), config=unet.Config(width=6, depth=1)).eval()
    x = random_tensor(1, 1, 48, 48)
    changed = x.clone()
    changed[..., 24, 24] += 5
    rows, columns = (network(changed) - network(x))[0].abs().sum(0).nonzero().T
    assert max((rows - 24).abs().max(), (columns - 24).abs().max()) <= 14


@pytest.mark.parametrize(
    ("name", "config"), [("autoencoder", autoencoder.Config(code=40)), ("pca", pca.Config(code=40))]
)
def test_code_size_is_at_most_the_input_width(name: str, config: Hyperparameters) -> None:
    narrow: Any = new_network(name, (5,), config=config)
    wide: Any = new_network(name, (64,), config=config)
    assert (narrow.code_size, wide.code_size) == (5, 40)


@pytest.mark.parametrize("name", ["cnn", "lenet5", "unet", "conv_autoencoder"])
def test_too_small_an_image_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name} reads images of 8x8 pixels or more, got 7x30"):
        new_network(name, (1, 7, 30))


def test_group_normalisation_is_exact_where_a_picture_is_nearly_of_one_shade() -> None:
    torch.manual_seed(0)
    maps = 100 + 1e-2 * torch.randn(2, 8, 16, 16)
    layer = MAP_NORMALISATIONS["group"](8)
    exact = torch.nn.functional.group_norm(maps.double(), 8, eps=1e-5)
    torch.testing.assert_close(layer(maps).double(), exact, rtol=0, atol=1e-4)
    by_torch = torch.nn.functional.group_norm(maps, 8, eps=1e-5)
    assert (by_torch.double() - exact).abs().max() > 3e-4, "what is mended"
    ordinary = torch.randn(2, 8, 16, 16)
    torch.testing.assert_close(layer(ordinary), torch.nn.functional.group_norm(ordinary, 8), rtol=0, atol=1e-5)
