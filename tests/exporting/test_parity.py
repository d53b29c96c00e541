"""A graph whose predictions differ from the trained model's is refused, and the largest difference is named."""

import re
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from pipelines.exporting.parity import BATCH_SIZES, TOLERANCE, ParityError, check_parity, eager_runtime, output_scales

LABELS = ("ant", "bee", "cat")
DRAWN = np.random.default_rng(20)
INPUTS = (DRAWN.normal(size=(37, 4)).astype(np.float32),)


def served() -> nn.Module:
    torch.manual_seed(20)
    return nn.Sequential(nn.Linear(4, 3), nn.Softmax(dim=-1)).eval()


class Elsewhere:
    """A runtime that is off by `amount` at one row and output."""

    def __init__(self, network: nn.Module, row: int, output: int, amount: float) -> None:
        self.answer = eager_runtime(network)
        self.marked = INPUTS[0][row]
        self.output, self.amount = output, amount

    def __call__(self, columns: Sequence[np.ndarray]) -> np.ndarray:
        reply = self.answer(columns).astype(np.float64)
        reply[(columns[0] == self.marked).all(axis=1), self.output] += self.amount
        return reply


class MixesRows(nn.Module):
    """Subtracts the mean over the batch: an answer depends on who came along."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.softmax(x - x.mean(dim=0, keepdim=True), dim=-1)


def test_what_is_equal_is_written_down_for_every_runtime_and_batch_size() -> None:
    network = served()
    report = check_parity(network, {"other": eager_runtime(network)}, INPUTS, LABELS)
    assert report["rows"] == 37
    assert report["tolerance"] == TOLERANCE
    assert set(report["runtimes"]) == {"eager", "other"}
    for differences in report["runtimes"].values():
        assert list(differences) == [f"batch {batch}" for batch in BATCH_SIZES]
        assert all(set(one) == {"rows", "largest", "row", "class"} for one in differences.values())
        assert {one["rows"] for one in differences.values()} == {37}


def test_of_many_rows_some_are_tried_in_small_batches_and_a_difference_keeps_its_row() -> None:
    many = (np.arange(4000, dtype=np.float32).reshape(1000, 4),)
    network = Elevated(1.0)
    report = check_parity(network, {}, many, [])
    rows = {name: one["rows"] for name, one in report["runtimes"]["eager"].items()}
    assert rows == {"batch 1": 256, "batch 2": 256, "batch 5": 256, "batch 32": 1000}

    def off(columns: Sequence[np.ndarray]) -> np.ndarray:
        reply = eager_runtime(network)(columns)
        reply[columns[0][:, 0] == many[0][-1, 0]] += 1e6 if len(columns[0]) <= 5 else 0
        return reply

    with pytest.raises(ParityError, match="at batch size 1, row 999 of the test part"):
        check_parity(network, {"graph": off}, many, [])


@given(st.integers(0, 36), st.integers(0, 2), st.floats(2e-5, 1))
def test_a_difference_is_found_wherever_it_is(row: int, output: int, amount: float) -> None:
    network = served()
    with pytest.raises(ParityError) as refusal:
        check_parity(network, {"graph": Elsewhere(network, row, output, amount)}, INPUTS, LABELS)
    found = re.search(r"graph .* batch size (\d+), row (\d+) .* class '(\w+)', .* (\S+) away", str(refusal.value))
    assert found is not None
    assert int(found[1]) in BATCH_SIZES
    assert int(found[2]) == row
    assert found[3] == LABELS[output]
    assert float(found[4]) == pytest.approx(amount, rel=0.02, abs=1e-6)
    assert f"{TOLERANCE:g}" in str(refusal.value)


@given(st.integers(0, 36), st.integers(0, 2), st.floats(0, 0.9 * TOLERANCE))
def test_a_difference_within_the_tolerance_is_written_down_and_let_pass(row: int, output: int, amount: float) -> None:
    network = served()
    report = check_parity(network, {"graph": Elsewhere(network, row, output, amount)}, INPUTS, LABELS)
    assert report["runtimes"]["graph"]["batch 1"]["largest"] == pytest.approx(amount, abs=1e-6)


@pytest.mark.parametrize("amount", [np.nan, np.inf])
def test_an_answer_that_is_not_a_number_is_refused(amount: float) -> None:
    network = served()
    with pytest.raises(ParityError, match=r"graph .* row 5 .* class 'cat', its prediction is inf away"):
        check_parity(network, {"graph": Elsewhere(network, 5, 2, amount)}, INPUTS, LABELS)


def test_a_network_whose_answer_depends_on_the_batch_is_refused() -> None:
    with pytest.raises(ParityError, match="eager differs from the trained model: at batch size 1,"):
        check_parity(MixesRows(), {}, (INPUTS[0][:, :3],), LABELS)


def test_the_tolerance_can_be_stated() -> None:
    network = served()
    assert check_parity(network, {"graph": Elsewhere(network, 0, 0, 0.01)}, INPUTS, LABELS, tolerance=0.1)


def test_the_number_of_threads_is_as_it_was() -> None:
    threads = torch.get_num_threads()
    check_parity(served(), {}, INPUTS, LABELS)
    assert torch.get_num_threads() == threads


class Elevated(nn.Module):
    """Numbers of any shape and size: (B, 4) -> (B, 2, 3)."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return self.size * torch.stack([x[:, :3], x[:, 1:]], dim=1)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e6])
@pytest.mark.parametrize(("share", "refused"), [(0.5e-5, False), (2e-5, True)])
def test_numbers_may_differ_by_a_part_of_their_scale(size: float, share: float, refused: bool) -> None:
    network = Elevated(size)
    largest = float(np.abs(eager_runtime(network)(INPUTS)[:, 1, 2]).max())

    def off(columns: Sequence[np.ndarray]) -> np.ndarray:
        reply = eager_runtime(network)(columns).astype(np.float64)
        reply[(columns[0] == INPUTS[0][7]).all(axis=1), 1, 2] += share * largest
        return reply

    if refused:
        with pytest.raises(
            ParityError, match=r"row 7 .*, output 1, 2, its prediction is 2e-05 of that output's scale away"
        ):
            check_parity(network, {"graph": off}, INPUTS, ())
    else:
        found = check_parity(network, {"graph": off}, INPUTS, ())["runtimes"]["graph"]["batch 2"]
        assert found == {"rows": 37, "largest": pytest.approx(share, rel=1e-2), "row": 7, "class": "output 1, 2"}


def test_parity_scale_is_the_largest_absolute_value_of_each_output() -> None:
    predictions = np.array([[1000.0, 0.5], [1e-3, 2.0]])
    assert output_scales(predictions, absolute=False).tolist() == [1000, 2]
    assert output_scales(predictions, absolute=True).tolist() == [1, 1]
    assert output_scales(0 * predictions, absolute=False).tolist() == [1, 1]
    assert output_scales(np.array([[1e-9, 3e-9]]), absolute=False).tolist() == [3e-9, 3e-9]
