"""What shortcuts are for: a residual network learns at a depth where the same layers without them do not."""

import torch

from benchmarks.image_networks import final_train_loss, new_classifier, without_shortcuts


def test_a_residual_network_of_34_layers_learns_and_the_same_layers_without_shortcuts_do_not() -> None:
    """`python -m benchmarks.image_networks` has more depths and steps."""
    settings = {"depth": 34, "width": 0.0625}
    residual, plain = (new_classifier("resnet", 0, settings) for _ in range(2))
    weights = sum(weight.numel() for weight in residual.parameters())
    without_shortcuts(plain)
    assert sum(weight.numel() for weight in plain.parameters()) > 0.98 * weights, "but for the projections"
    learned, stuck = (final_train_loss(network, 50) for network in (residual, plain))
    assert learned < 1.2
    assert stuck > 1.9  # log 10 = 2.30 is chance


def test_a_bottleneck_block_begins_as_more_than_its_shortcut() -> None:
    network = new_classifier("resnet", 0, {"depth": 50, "width": 0.0625}).eval()
    x = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(network(x), without_shortcuts(network)(x))
