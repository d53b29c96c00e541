"""Networks fitted in closed form: the same bits twice, refused targets, PCA and Gaussian by their definition."""

from typing import Any

import numpy as np
import pytest
import torch

from models import gaussian, pca
from models.blocks import principal_components
from tests.support.architecture_cases import (
    HEAD_WIDTH,
    make_examples,
    new_network,
    random_tensor,
    ready_network,
    usual_shape,
)

CLOSED_FORM = pytest.mark.parametrize("name", ["esn", "rocket", "pca", "gaussian", "gaussian_mixture"])


@CLOSED_FORM
def test_fitting_twice_gives_the_same_bits(name: str) -> None:
    first, second = (ready_network(name, usual_shape(name)).state_dict() for _ in range(2))
    assert all(torch.equal(tensor, second[key]) for key, tensor in first.items())


@CLOSED_FORM
@pytest.mark.parametrize("shape", [(0, HEAD_WIDTH), (5, HEAD_WIDTH + 1)])
def test_targets_of_another_shape_are_refused(name: str, shape: tuple[int, int]) -> None:
    network: Any = new_network(name, usual_shape(name))
    with pytest.raises(ValueError, match=rf"{name} .* \(\d+, {shape[1]}\)"):
        network.fit(make_examples(usual_shape(name), shape[0]), torch.zeros(shape), 0)


@pytest.mark.parametrize("rows", [200, 20])
def test_principal_components_are_those_of_scikit_learn(rows: int) -> None:
    from sklearn.decomposition import PCA

    x = random_tensor(rows, 64) @ random_tensor(64, 64, seed=1)
    network = pca.PCA(pca.Config(code=8), (64,), 64)
    network.fit(x, x, 0)
    reference = PCA(8, svd_solver="full").fit(x.double().numpy())
    reconstruction = reference.inverse_transform(reference.transform(x.double().numpy()))
    np.testing.assert_allclose(network(x), reconstruction, atol=2e-4)
    np.testing.assert_allclose(np.abs(network.directions.numpy() @ reference.components_.T), np.eye(8), atol=1e-4)
    torch.testing.assert_close(network.decoder, network.directions.T, rtol=0, atol=1e-4)


def test_pca_with_another_target_is_principal_component_regression() -> None:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline

    x, y = random_tensor(100, 10), random_tensor(100, 4, seed=1)
    network = pca.PCA(pca.Config(code=3), (10,), 4)
    network.fit(x, y, 0)
    reference = make_pipeline(PCA(3, svd_solver="full"), LinearRegression()).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(network(x), reference.predict(x.numpy()), atol=1e-5)


@pytest.mark.parametrize("rows", [1, 3, 100])
def test_pca_of_rank_deficient_data_stays_finite(rows: int) -> None:
    x = random_tensor(rows, 2) @ random_tensor(2, 8, seed=1)
    network = pca.PCA(pca.Config(code=6), (8,), 8)
    network.fit(x, x, 0)
    torch.testing.assert_close(network(x), x, rtol=0, atol=1e-4)
    assert network(100 * random_tensor(5, 8)).isfinite().all()


def test_principal_components_have_a_fixed_sign() -> None:
    directions, variances = principal_components.principal_components(random_tensor(50, 6).double(), 6)
    assert (directions.max(1).values >= -directions.min(1).values).all()
    assert (variances.diff() <= 0).all()


def test_a_gaussian_has_the_mean_and_covariance_of_the_examples() -> None:
    y = 0.2 * (random_tensor(2000, 6) @ random_tensor(6, 6, seed=1)).tanh()
    network = gaussian.Gaussian(gaussian.Config(latent=6), (64,), 6)
    network.fit(torch.zeros(2000, 64), y, 0)
    torch.testing.assert_close(network.directions.T @ network.directions, torch.cov(y.T, correction=0))
    torch.testing.assert_close(network.mean, y.mean(0))
