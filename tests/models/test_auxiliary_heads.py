"""Auxiliary heads and normalisation of the 2010s' networks: what they add, against numbers worked out apart."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from models.blocks.auxiliary_heads import loss_of_all_heads
from models.blocks.layers import LocalResponseNorm
from pipelines.data.schema import Field, Schema
from pipelines.tasks.classification import Classification
from pipelines.tasks.regression import Regression, RegressionSettings
from pipelines.tasks.task import Target
from tests.support.architecture_cases import HEAD_WIDTH, make_examples, new_network, random_tensor, usual_shape


def googlenet() -> Any:
    return new_network("googlenet", usual_shape("googlenet")).eval()


def test_the_training_loss_adds_a_share_of_each_auxiliary_heads_loss() -> None:
    network, x = googlenet(), make_examples(usual_shape("googlenet"), 6)
    y = torch.arange(6) % HEAD_WIDTH
    found = loss_of_all_heads(network, (x,), lambda logits: F.cross_entropy(logits, y))
    served, *auxiliary = network.all_outputs(x)
    assert torch.equal(served, network(x))
    assert len(auxiliary) == 2
    expected = F.cross_entropy(served, y) + 0.3 * sum(F.cross_entropy(logits, y) for logits in auxiliary)
    torch.testing.assert_close(found, expected)


def test_a_network_without_auxiliary_heads_has_the_plain_loss() -> None:
    x = random_tensor(5, 3)
    network = nn.Linear(3, 1)
    assert torch.equal(loss_of_all_heads(network, (x,), torch.sum), network(x).sum())


FIELDS = {
    "category": Field(name="y", kind="category", dtype="int64", shape=(), categories=tuple("abcd")),
    "number": Field(name="y", kind="number", dtype="float32", shape=()),
}


@pytest.mark.parametrize("kind", FIELDS)
def test_classes_and_numbers_are_learned_by_all_heads(kind: str) -> None:
    image = Field(name="image", kind="image", dtype="uint8", shape=(9, 17, 3))
    schema = Schema(inputs=(image,), target=FIELDS[kind], title="", origin="", licence="")
    network, x = googlenet(), make_examples(usual_shape("googlenet"), 6)
    if kind == "category":
        loss = Classification(schema).loss(network, (x,), Target(torch.arange(6) % HEAD_WIDTH))
    else:
        loss = Regression(schema, RegressionSettings()).loss(network, (x,), Target(random_tensor(6, HEAD_WIDTH)))
    loss.backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in network.auxiliary_heads.parameters())


def test_local_response_normalisation_is_torchs_with_the_papers_alpha() -> None:
    maps = 30 * random_tensor(2, 8, 3, 5)
    expected = nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)(maps)
    torch.testing.assert_close(LocalResponseNorm()(maps), expected)
    assert (expected - maps).abs().max() > 1, "it changes something"
