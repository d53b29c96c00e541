"""The worked examples of how examples are dealt into parts."""

import doctest
from types import ModuleType

import numpy as np
import pytest

from pipelines.data import wording
from pipelines.splitting import dealing


@pytest.mark.parametrize("module", [dealing, wording])
def test_worked_examples_hold(module: ModuleType) -> None:
    results = doctest.testmod(module, extraglobs={"np": np})
    assert results.attempted > 0
    assert results.failed == 0
