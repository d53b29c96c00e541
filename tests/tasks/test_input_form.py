"""From the network's units to images and rows as they are stored, and back."""

import numpy as np
import pytest
import torch
from torch import nn

from models.outputs.reconstruction import ImageReconstruction, RowReconstruction
from pipelines.data.statistics import grey_level_mean_and_std, mean_and_std
from pipelines.tasks.task import Target
from tests.support.reconstructions import EVERY_FORM, Reconstructing, image, part, reconstruction


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (6, 5, 3)])
@pytest.mark.parametrize("logits", [False, True])
def test_an_image_comes_back_from_the_networks_units_as_it_is_stored(shape: tuple[int, ...], logits: bool) -> None:
    images = np.random.default_rng(0).integers(1, 255, (4, *shape), dtype=np.uint8)
    transform = ImageReconstruction(shape, logits).fit(*grey_level_mean_and_std(images))
    raw_inputs = torch.from_numpy(images)
    units = transform.inverse(raw_inputs)
    assert units.shape == (4, (*shape, 1)[2], 6, 5)
    outputs = torch.logit(units) if logits else units
    for written in (outputs, outputs.flatten(1)):
        prediction = transform(written, raw_inputs).numpy()
        assert np.abs(prediction[:, 1:] - images.reshape(4, -1)).max() < 1e-3
        assert np.abs(prediction[:, 0]).max() < 1e-9
    if not logits:
        assert units.mean().item() == pytest.approx(0, abs=1e-6)
        assert units.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_reconstructed_pixels_are_clipped() -> None:
    transform = ImageReconstruction((2, 2), logits=False)
    prediction = transform(torch.tensor([[-9.0, 9.0, 0.5, 0.0]]), torch.zeros(1, 2, 2, dtype=torch.uint8))
    assert prediction[0, 1:].tolist() == [0, 255, 127.5, 0]
    assert prediction[0, 0].item() == pytest.approx((1 + 0.25) / 4)


def test_what_is_missing_counts_as_the_mean_and_is_left_out_of_the_score() -> None:
    rows = np.array([[0.0, 10.0], [2.0, np.nan], [4.0, 30.0]], dtype=np.float32)
    transform = RowReconstruction(2).fit(*mean_and_std(rows))
    assert transform.mean.tolist() == [2, 20]
    raw_inputs = torch.tensor([[2.0, np.nan], [np.nan, np.nan], [4.0, 30.0]])
    assert transform.inverse(raw_inputs)[:2].tolist() == [[0, 0], [0, 0]]
    prediction = transform(torch.tensor([[3.0, 7.0], [1.0, 1.0], [0.0, 0.0]]), *raw_inputs.T)
    spread = (8 / 3) ** 0.5
    assert prediction[:, 0].tolist() == pytest.approx([9, 0, ((2 / spread) ** 2 + 1) / 2])
    assert prediction[0, 1:].tolist() == pytest.approx([2 + 3 * spread, 20 + 7 * 10])


def test_mean_and_std_skip_missing_values_and_survive_constants() -> None:
    mean, spread = mean_and_std(np.array([[1, 5, np.nan], [3, 5, np.nan]], dtype=np.float32))
    assert mean.tolist() == [2, 5, 0]
    assert spread.tolist() == [1, 1, 1]


@pytest.mark.parametrize("loss", ["squared_error", "binary_cross_entropy"])
def test_the_loss_is_least_for_the_target(loss: str) -> None:
    which = reconstruction((image("picture"),), loss=loss)
    some = part(which)
    raw_inputs = torch.from_numpy(some.inputs[0])
    target = which.output_transform(some).inverse(raw_inputs, raw_inputs)
    best = torch.logit(target.flatten(1), eps=1e-6) if loss == "binary_cross_entropy" else target.flatten(1)
    found = [which.loss(nn.Identity(), (outputs,), Target(target)).item() for outputs in (best, best * 0.5, -best)]
    assert found == sorted(found)


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
@EVERY_FORM
def test_the_output_transform_is_reloaded_and_traced(which: Reconstructing) -> None:
    some = part(which)
    fitted, fresh = which.output_transform(some), which.output_transform(None)
    fresh.load_state_dict(fitted.state_dict())
    outputs = torch.randn(12, which.head_width("vector"), generator=torch.Generator().manual_seed(0))
    raw_inputs = [torch.from_numpy(values) for values in some.inputs]
    expected = fitted(outputs, *raw_inputs)
    assert expected.shape == (12, 1 + which.head_width("vector"))
    assert torch.equal(fresh(outputs, *raw_inputs), expected)
    traced = torch.jit.trace(fitted, (outputs[:2], *(values[:2] for values in raw_inputs)))
    assert torch.equal(traced(outputs, *raw_inputs), expected)
