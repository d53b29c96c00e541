"""The large image networks at their papers' size, weight for weight, and what is left out of them on smaller images.

Everything is built on the meta device, which keeps shapes and no numbers.
"""

from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import nn

from models import ARCHITECTURES, build_network, dcgan, googlenet
from models.blocks.hyperparameters import make_config
from models.blocks.scaling import kept_strides

PAPER_IMAGE = (3, 224, 224)
CLASSIFIERS = ["alexnet", "vgg", "googlenet", "resnet", "densenet", "convnext"]


def meta_network(name: str, image: tuple[int, ...] = PAPER_IMAGE, outputs: int = 1000, **settings: object) -> nn.Module:
    with torch.device("meta"):
        return build_network(name, make_config(ARCHITECTURES[name].config, settings), image, outputs).eval()


def parameter_count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(
    ("name", "settings", "published"),
    [
        # The weights that models/bvlc_alexnet/deploy.prototxt of github.com/BVLC/caffe declares, a replication of the
        # paper's two-GPU network with its groups. The often quoted 61,100,840 are torchvision's (same page as below),
        # of a later network with other maps ("One weird trick", Krizhevsky 2014).
        ("alexnet", {}, 60_965_224),
        # num_params of pytorch.org/vision/stable/models/generated/torchvision.models.<name>.html, by the names vgg11 to
        # vgg19, resnet18 to resnet152, densenet121 to densenet201 and convnext_tiny, convnext_small, convnext_large;
        # it also stands in torchvision/models/*.py. The papers give millions: VGG table 2 (133, 133, 138, 144),
        # ConvNeXt table 1 (29, 50, 198).
        ("vgg", {"depth": 11, "normalisation": "none"}, 132_863_336),
        ("vgg", {"depth": 13, "normalisation": "none"}, 133_047_848),
        ("vgg", {"depth": 16, "normalisation": "none"}, 138_357_544),
        ("vgg", {"depth": 19, "normalisation": "none"}, 143_667_240),
        ("resnet", {"depth": 18}, 11_689_512),
        ("resnet", {"depth": 34}, 21_797_672),
        ("resnet", {"depth": 50}, 25_557_032),
        ("resnet", {"depth": 101}, 44_549_160),
        ("resnet", {"depth": 152}, 60_192_808),
        ("densenet", {"depth": 121}, 7_978_856),
        ("densenet", {"depth": 169}, 14_149_480),
        ("densenet", {"depth": 201}, 20_013_928),
        ("convnext", {"depth": 18}, 28_589_128),
        ("convnext", {"depth": 36}, 50_223_688),
        ("convnext", {"depth": 36, "width": 2.0}, 197_767_336),
        # The weights that models/bvlc_googlenet of github.com/BVLC/caffe declares: 6,998,552 in deploy.prototxt, and
        # with the auxiliary heads of train_val.prototxt 13,378,280. The paper's table 1, which rounds and leaves out
        # biases, adds up to 6.8 million.
        ("googlenet", {"normalisation": "none"}, 13_378_280),
    ],
    ids=str,
)
def test_at_the_papers_size_the_weights_are_as_many_as_published(
    name: str, settings: dict[str, object], published: int
) -> None:
    assert parameter_count(meta_network(name, **{"width": 1.0, **settings})) == published


def test_googlenet_without_auxiliary_heads_is_what_is_counted_as_served() -> None:
    network = meta_network("googlenet", width=1.0, normalisation="none")
    assert isinstance(network, googlenet.GoogLeNet)
    assert network.cost().parameters == parameter_count(network.trunk) == 6_998_552


def test_googlenet_with_batch_normalisation_is_torchvisions_but_for_its_small_filters() -> None:
    """torchvision's has 3x3 filters where the paper has 5x5, as github.com/pytorch/vision/issues/906 says.

    6,624,904 is num_params of its page; with both auxiliary heads, as it is built for training, it has 13,004,888.
    """
    network: Any = meta_network("googlenet", width=1.0)
    fives = sum(weight.numel() for weight in network.parameters() if weight.shape[2:] == (5, 5))
    slip = fives - fives * 9 // 25
    assert (parameter_count(network.trunk) - slip, parameter_count(network) - slip) == (6_624_904, 13_004_888)


def test_dcgan_at_the_papers_size_has_the_maps_of_its_figure_1() -> None:
    network = meta_network("dcgan", (100,), 3 * 64 * 64, width=1.0, latent=100)
    assert isinstance(network, dcgan.DCGAN)
    maps = [1024, 512, 256, 128, 3]
    enlarging = sum(25 * read * written for read, written in pairwise(maps))
    normalising = 2 * sum(maps[:4])
    assert parameter_count(network.generator) == 100 * 4 * 4 * 1024 + enlarging + normalising + 3
    drawn = network.generator(torch.zeros(2, 100, device="meta"))
    assert drawn.shape == (2, 3, 64, 64)
    assert network.discriminator(drawn).shape == (2, 1)


@pytest.mark.parametrize(
    ("side", "kept"),
    [(8, (1, 1, 1, 1, 2)), (28, (1, 1, 1, 2, 2)), (32, (1, 1, 2, 2, 2)), (64, (1, 2, 2, 2, 2))]
    + [(side, (2, 2, 2, 2, 2)) for side in (128, 224, 500)],
)
def test_the_earliest_halvings_are_left_out_until_the_last_maps_keep_4_pixels(side: int, kept: tuple[int, ...]) -> None:
    assert kept_strides("resnet", side, 2 * side, (2,) * 5) == kept
    halvings = sum(stride > 1 for stride in kept)
    assert side // 2**halvings >= 4
    assert halvings == 5 or side // 2 ** (halvings + 1) < 4, "no more than has to be"


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("image", [(1, 8, 8), (3, 9, 31), (1, 16, 16), (3, 33, 64), (3, 65, 130), PAPER_IMAGE], ids=str)
def test_images_of_8_to_224_pixels_are_read(name: str, image: tuple[int, ...]) -> None:
    network = meta_network(name, image, 10)
    assert network(torch.zeros(2, *image, device="meta")).shape == (2, 10)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_smaller_images_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} reads images of 8x8 pixels or more, got 7x30"):
        meta_network(name, (1, 7, 30))


@pytest.mark.parametrize("side", [8, 9, 28, 50, 64, 100])
@pytest.mark.parametrize("channels", [1, 3])
def test_dcgan_draws_square_images_of_any_size(side: int, channels: int) -> None:
    network = meta_network("dcgan", (64,), channels * side**2)
    assert network(torch.zeros(2, 64, device="meta")).shape == (2, channels * side**2)


@pytest.mark.parametrize("outputs", [49, 3 * 49, 8 * 12, 2 * 64])
def test_dcgan_refuses_images_that_are_not_square(outputs: int) -> None:
    with pytest.raises(
        ValueError, match=f"dcgan draws square images .*, got {outputs} numbers .*: set the source's size"
    ):
        meta_network("dcgan", (64,), outputs)


@pytest.mark.parametrize(("name", "depth"), [("vgg", 12), ("resnet", 20), ("densenet", 100), ("convnext", 7)])
def test_a_depth_that_no_table_has_is_refused(name: str, depth: int) -> None:
    with pytest.raises(ValueError, match=rf"depth must be one of \d+(, \d+)+, found {depth}"):
        make_config(ARCHITECTURES[name].config, {"depth": depth})
