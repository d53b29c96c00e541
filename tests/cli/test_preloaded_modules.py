"""What the server imports that a run's stages are forked from: all that would else be imported in each of them."""

import subprocess
import sys

import pytest

from models import ARCHITECTURES
from pipelines.cli.competition import modules_of
from pipelines.training.trial import preloaded_modules

LEARN_AND_COUNT = """
import importlib, sys
for module in {modules}:
    importlib.import_module(module)
before = set(sys.modules)

import torch
from models import ARCHITECTURES, build_network
from models.blocks.cost import network_cost
from models.blocks.hyperparameters import Range
from models.blocks.optimizers import OPTIMIZERS
from pipelines.training.first_trials import spread_points

network = build_network("mlp", ARCHITECTURES["mlp"].config(), (4,), 2)
network_cost(network, (4,))
network(torch.ones(3, 4)).sum().backward()
OPTIMIZERS["adamw"](network.parameters(), 1e-3, 0.0).step()
spread_points({{"width": Range(1.0, 2.0, log=False, integer=False)}}, 2, 0)
print(*sorted(name for name in set(sys.modules) - before if not name.startswith("models")))
"""


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_what_trainings_import_on_first_use_is_among_them(architecture: str) -> None:
    assert set(preloaded_modules(architecture)) <= set(modules_of(()))


def test_a_search_a_step_of_an_optimizer_and_counting_operations_import_next_to_nothing_more() -> None:
    code = LEARN_AND_COUNT.format(modules=list(modules_of(())))
    learned = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    more = learned.stdout.split()
    assert len(more) < 10, more  # torch._dynamo, which both of them ask for, is 700 modules
