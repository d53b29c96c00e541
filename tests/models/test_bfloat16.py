"""Networks under bfloat16 autocast, as a GPU trains them, on the CPU: every gradient finite, outputs close."""

import pytest
import torch

from models import ARCHITECTURES
from tests.support.architecture_cases import loss_of, make_examples, new_network, output_shape, usual_shape

BY_GRADIENT = [name for name, row in ARCHITECTURES.items() if row.learner == "gradient"]
MAX_DIFFERENCE = 0.1  # of outputs, in their own standard deviations; bfloat16 keeps 8 bits


@pytest.mark.filterwarnings("ignore:TF32 acceleration on top of oneDNN:UserWarning")
@pytest.mark.parametrize("name", BY_GRADIENT)
def test_a_network_survives_bfloat16(name: str) -> None:
    network = new_network(name, usual_shape(name)).eval()
    x = make_examples(usual_shape(name))
    with torch.no_grad():
        expected = network(x)
    # Without oneDNN, which has no LSTM in bfloat16 on processors that lack it
    with torch.backends.mkldnn.flags(enabled=False), torch.autocast("cpu", dtype=torch.bfloat16):
        loss_of(name, network, usual_shape(name)).backward()
        outputs = network(x).detach().float()
    assert outputs.shape == (len(x), *output_shape(name, usual_shape(name)))
    assert (outputs - expected).square().mean().sqrt() < MAX_DIFFERENCE * expected.std()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in network.parameters())
