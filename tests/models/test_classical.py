"""Isolation forest and Gaussian mixture, against the estimators that they are taken from."""

import doctest
from typing import Any

import numpy as np
import pytest
import sklearn.ensemble
import torch
from sklearn.datasets import load_digits

from models import gaussian_mixture, isolation_forest
from tests.support.architecture_cases import random_tensor

X = random_tensor(300, 6)
DIGITS = torch.from_numpy(load_digits().data[:600] / 8 - 1).float()


def fitted_forest(**settings: Any) -> isolation_forest.IsolationForest:
    forest = isolation_forest.IsolationForest(isolation_forest.Config(trees=20, **settings), (6,), 1)
    forest.fit(X, X, seed=3)
    return forest


@pytest.mark.parametrize(("draw", "feature_share"), [(256, 1.0), (64, 0.5), (2, 1.0)])
def test_an_isolation_forest_scores_train_rows_as_scikit_learn_does(draw: int, feature_share: float) -> None:
    reference = sklearn.ensemble.IsolationForest(
        n_estimators=20, max_samples=min(draw, 300), max_features=feature_share, random_state=3
    ).fit(X.double().numpy())
    scores = fitted_forest(draw=draw, feature_share=feature_share)(X)
    assert scores.shape == (300, 1)
    np.testing.assert_allclose(scores[:, 0], -reference.score_samples(X.double().numpy()), atol=1e-5)


def test_what_is_unlike_the_rest_scores_higher() -> None:
    forest = fitted_forest()
    usual, odd = forest(X).mean(), forest(6 + X[:50]).mean()
    assert usual < 0.55 < 0.65 < odd


def test_an_isolation_forest_gives_one_score_and_takes_no_weights() -> None:
    with pytest.raises(ValueError, match="one score, got 4 outputs"):
        isolation_forest.IsolationForest(isolation_forest.Config(), (6,), 4)
    with pytest.raises(ValueError, match="set weights: none"):
        fitted_forest().fit(X, X, 3, torch.ones(300))


def fitted_mixture(**settings: Any) -> gaussian_mixture.GaussianMixture:
    mixture = gaussian_mixture.GaussianMixture(gaussian_mixture.Config(**settings), (64,), 64)
    mixture.fit(torch.zeros(600, 64), DIGITS, seed=0)
    return mixture


def test_clouds_are_chosen_by_their_weights() -> None:
    mixture = fitted_mixture(components=4, latent=8)
    u = torch.special.ndtr(mixture.edges.double())
    shares = torch.diff(u, prepend=u.new_zeros(1), append=u.new_ones(1))
    z = random_tensor(20_000, 64)
    cloud = (z[:, :1] > mixture.edges).sum(1)
    drawn = torch.bincount(cloud, minlength=4) / len(z)
    torch.testing.assert_close(drawn, shares.float(), rtol=0, atol=0.02)
    assert (shares > 0.02).all()


def test_samples_of_one_cloud_have_the_mean_and_covariance_of_the_examples() -> None:
    mixture = gaussian_mixture.GaussianMixture(gaussian_mixture.Config(components=1, latent=6), (64,), 6)
    y = 0.2 * (random_tensor(2000, 6) @ random_tensor(6, 6, seed=1)).tanh()
    mixture.fit(torch.zeros(2000, 64), y, 0)
    spread = mixture.directions.T @ mixture.roots[0]
    torch.testing.assert_close(spread @ spread.T, torch.cov(y.T, correction=0), rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(mixture.offset + mixture.means[0] @ mixture.directions, y.mean(0), rtol=0, atol=1e-5)


def test_a_mixture_of_clouds_is_likelier_than_one_cloud() -> None:
    """By the energy distance of samples from unseen digits, which is 0 between equal sources."""
    unseen, z = torch.from_numpy(load_digits().data[600:1200] / 8 - 1).float(), random_tensor(600, 64, seed=1)

    def distance(samples: torch.Tensor) -> float:
        cross = torch.cdist(samples, unseen).mean()
        return float(2 * cross - torch.cdist(samples, samples).mean() - torch.cdist(unseen, unseen).mean())

    assert distance(fitted_mixture(components=10)(z)) < 0.9 * distance(fitted_mixture(components=1)(z))


def test_a_mixture_loads_with_as_many_clouds_as_were_saved() -> None:
    mixture = fitted_mixture(components=4, latent=8)
    other = gaussian_mixture.GaussianMixture(mixture.config, (64,), 64)
    other.load_state_dict(mixture.state_dict())
    z = random_tensor(9, 64)
    assert torch.equal(other(z), mixture(z))
    assert mixture(z).abs().max() <= 1


def test_docstring_examples_hold() -> None:
    result = doctest.testmod(isolation_forest, extraglobs={"np": np})
    assert result.attempted
    assert not result.failed
