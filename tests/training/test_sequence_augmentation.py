"""Sequences scaled, warped in time and cropped: padding, marks and ends stay what they are."""

import pytest
import torch
from torch import Tensor

from pipelines.training.sequence_augmentation import crop_sequences, scale_sequences, warp_sequences

TRANSFORMS = (scale_sequences, warp_sequences, crop_sequences)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ramps(count: int = 200, steps: int = 21, padding: int = 5) -> Tensor:
    """Sequences that rise from 1 by 1 each step, behind so many steps of padding; (N, T, 2)."""
    rise = torch.arange(1.0 - padding, steps + 1 - padding)
    x = torch.stack([rise, torch.ones_like(rise)], 1).repeat(count, 1, 1)
    x[:, :padding] = 0
    return x


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_draw_changes_values_keeps_padding_and_repeats_by_its_generator(transform: object) -> None:
    assert callable(transform)
    x = ramps()
    drawn = transform(x, 0.4, generator())
    assert drawn.shape == x.shape
    assert not torch.equal(drawn, x)
    assert torch.equal(drawn, transform(x, 0.4, generator()))
    assert torch.equal(drawn[:, :5], x[:, :5])
    assert set(drawn[:, :, -1].unique().tolist()) == {0.0, 1.0}


def test_every_variable_is_scaled_by_a_factor_of_its_own() -> None:
    x = torch.cat([ramps(5000)[:, :, :1], ramps(5000)], 2)
    drawn = scale_sequences(x, 0.2, generator())
    factors = drawn[:, 5:, :2] / x[:, 5:, :2]
    assert torch.allclose(factors, factors[:, :1].expand_as(factors))
    assert not torch.allclose(factors[:, 0, 0], factors[:, 0, 1])
    assert factors.mean().item() == pytest.approx(1, abs=0.01)
    assert factors[:, 0].std().item() == pytest.approx(0.2, rel=0.03)


def test_time_that_is_warped_runs_forward_from_the_same_beginning_to_the_same_end() -> None:
    x = ramps()
    drawn = warp_sequences(x, 0.5, generator())[:, 5:, 0]
    assert torch.allclose(drawn[:, 0], x[:, 5, 0])
    assert torch.allclose(drawn[:, -1], x[:, -1, 0], atol=1e-4)
    speeds = drawn.diff(dim=1)
    assert speeds.min() > 1 / 3 - 1e-3  # 0.5 beside 1.5 is made to fit
    assert speeds.max() < 3 + 1e-3
    assert speeds.std() > 0.1


def test_a_gap_stays_a_gap_when_time_is_warped() -> None:
    x = ramps()
    x[:, 12:15] = 0  # values that are missing
    drawn = warp_sequences(x, 0.3, generator())
    missing = drawn[:, :, 1] == 0
    assert (drawn[:, :, 0][missing] == 0).all()
    assert (drawn[:, :, 0][~missing] >= 1).all(), "no value is an average with one that is missing"


def test_a_crop_keeps_a_stretch_of_the_sequence_at_its_end() -> None:
    x = ramps()
    drawn = crop_sequences(x, 0.5, generator())
    lengths = drawn[:, :, 1].sum(1).long()
    assert lengths.min() == 8
    assert lengths.max() == 16
    for row, length in zip(drawn, lengths.tolist(), strict=True):
        kept = row[-length:, 0]
        assert torch.equal(kept, torch.arange(kept[0].item(), kept[0].item() + length))
        assert not row[:-length].any()
    assert drawn[:, -1, 0].min() < 16, "steps are cut off behind, too"


def test_a_sequence_of_one_step_or_none_is_left_alone() -> None:
    for x in (ramps(3, 1, 0), torch.zeros(3, 4, 2), ramps(3, 6, 5)):
        for transform in (warp_sequences, crop_sequences):
            assert torch.equal(transform(x, 0.5, generator()), x)
