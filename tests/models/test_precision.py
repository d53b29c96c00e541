"""What a GPU's training asks of every network, tried on the CPU: bfloat16 and channels last."""

from collections.abc import Iterator

import pytest
import torch

from models import ARCHITECTURES
from tests.support.architecture_cases import loss_of, make_examples, new_network, usual_shape

TRAINED = [name for name, row in ARCHITECTURES.items() if row.learner != "closed_form"]
OF_IMAGES = [name for name in TRAINED if ARCHITECTURES[name].input_type == "image"]


@pytest.fixture
def _without_onednn() -> Iterator[None]:
    """Intel's library has no LSTM in bfloat16 for every CPU; PyTorch's own arithmetic has."""
    with torch.backends.mkldnn.flags(enabled=False):
        yield


@pytest.mark.filterwarnings("ignore:TF32 acceleration")  # of a GPU: the flags of oneDNN warn of it as they are set
@pytest.mark.usefixtures("_without_onednn")
@pytest.mark.parametrize("name", TRAINED)
def test_bfloat16_changes_little_and_every_gradient_stays_finite(name: str) -> None:
    network, x = new_network(name, usual_shape(name)).eval(), make_examples(usual_shape(name))
    with torch.no_grad():
        exact = network(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rounded = network(x).float()
    # bfloat16 keeps 8 bits, 1 part in 256, of every number on the way
    assert (rounded - exact).square().mean().sqrt() < 0.1 * exact.square().mean().sqrt()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = loss_of(name, network.train(), usual_shape(name))
    loss.backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())


@pytest.mark.parametrize("name", OF_IMAGES)
def test_channels_last_predicts_the_same(name: str) -> None:
    network, x = new_network(name, usual_shape(name)).eval(), make_examples(usual_shape(name), 4)
    expected = network(x)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # PyTorch's stubs forget it
    torch.testing.assert_close(network(x.contiguous(memory_format=torch.channels_last)), expected, rtol=1e-4, atol=1e-5)
