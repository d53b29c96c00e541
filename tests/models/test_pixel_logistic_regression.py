"""Logistic regression of pixels: scikit-learn's weights, features of windows, a reproducible sample."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from models.pixel_logistic_regression import Config, PixelLogisticRegression, pixel_features, sample_pixels


def stripes(images: int = 6, side: int = 24, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Grey noise, brighter where the class is 1 and rougher where it is 2."""
    generator = torch.Generator().manual_seed(seed)
    codes = (torch.arange(side)[None, :, None] // 8 % 3).expand(images, side, side).contiguous()
    noise = torch.randn(images, side, side, generator=generator)
    return (noise * (0.3 + (codes == 2)) + 2.0 * (codes == 1))[:, None], codes


def test_it_classifies_pixels_by_brightness_and_roughness() -> None:
    x, y = stripes()
    network = PixelLogisticRegression(Config(), (1, 24, 24), 3)
    network.fit(x, y, seed=0)
    other, labels = stripes(seed=1)
    right = (network(other).argmax(1) == labels).float().mean().item()
    assert right > 0.85  # 1/3 is chance; 0.93 where this was written
    assert network.fit_warnings == ()


@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_equal_those_of_scikit_learn(classes: int) -> None:
    x, y = stripes(2)
    y = y.clamp(max=classes - 1)
    network = PixelLogisticRegression(Config(inverse_penalty=0.5), (1, 24, 24), classes)
    network.fit(x, y, seed=0)
    features = pixel_features(x).movedim(1, -1).flatten(0, 2).double().numpy()
    features = (features - features.mean(0)) / features.std(0)
    expected = LogisticRegression(C=0.5, max_iter=1000).fit(features, y.flatten().numpy()).predict_proba(features)
    found = network(x).softmax(1).movedim(1, -1).flatten(0, 2).numpy()
    assert np.abs(found - expected).max() < 1e-5


def test_features_are_means_and_deviations_of_windows() -> None:
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 4] = 9.0
    value, mean3, deviation3, mean7, _ = pixel_features(image)[0, :, 4, 4]
    assert value == 9
    assert mean3 == 1  # 9 / 9
    assert deviation3.item() == pytest.approx((8 + 8 * 1) / 9)  # |9 - 1| once and |0 - 1| for the 8 around it
    assert mean7.item() == pytest.approx(9 / 49)
    assert pixel_features(image)[0, 1, 0, 0] == 0  # outside the image there is nothing, not black
    assert pixel_features(torch.full((1, 1, 5, 5), 3.0))[0, 1].unique().tolist() == [3.0]


def test_the_same_seed_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.pixel_logistic_regression.MAX_SAMPLED_PIXELS", 500)
    x, y = stripes()
    networks = [PixelLogisticRegression(Config(), (1, 24, 24), 3) for _ in range(3)]
    for network, seed in zip(networks, (1, 1, 2), strict=True):
        network.fit(x, y, seed)
    assert torch.equal(networks[0].weight, networks[1].weight)
    assert not torch.equal(networks[0].weight, networks[2].weight)


def test_a_sample_is_the_pixels_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.pixel_logistic_regression.MAX_SAMPLED_PIXELS", 700)
    monkeypatch.setattr("models.pixel_logistic_regression.MAX_CHUNK_ELEMENTS", 2 * 24 * 24)  # two images at a time
    x = torch.arange(6 * 24 * 24).reshape(6, 1, 24, 24).float()
    y = torch.arange(6 * 24 * 24).reshape(6, 24, 24)
    features, codes = sample_pixels(x, y, seed=0)
    assert len(np.unique(codes)) == 700
    assert np.array_equal(features[:, 0], codes)


def test_a_class_that_never_occurs_is_never_predicted() -> None:
    x, y = stripes()
    network = PixelLogisticRegression(Config(), (1, 24, 24), 5)
    network.fit(x, y, seed=0)
    assert network(x).softmax(1)[:, 3:].max() < 1e-6


def test_a_single_class_is_always_predicted() -> None:
    x, y = stripes()
    network = PixelLogisticRegression(Config(), (1, 24, 24), 3)
    network.fit(x, torch.full_like(y, 2), seed=0)
    assert (network(x).softmax(1)[:, 2] > 0.999).all()


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
def test_a_fitted_model_is_reloaded_and_traced() -> None:
    x, y = stripes()
    network, fresh = (PixelLogisticRegression(Config(), (1, 24, 24), 3) for _ in range(2))
    network.fit(x, y, seed=0)
    fresh.load_state_dict(network.state_dict())
    assert torch.equal(fresh(x), network(x))
    assert torch.equal(torch.jit.trace(network, x[:2])(x), network(x))
    assert sum(parameter.numel() for parameter in network.parameters()) == 3 * 5 + 3


@pytest.mark.parametrize("y", [torch.zeros(6, 24, 24), torch.zeros(6).long(), torch.zeros(6, 24, 23).long()])
def test_anything_but_a_class_per_pixel_is_refused(y: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="it needs whole numbers"):
        PixelLogisticRegression(Config(), (1, 24, 24), 3).fit(stripes()[0], y, seed=0)
