"""Image metrics are the papers' or counted by hand."""

import numpy as np
import pytest

from pipelines.tasks.metrics import image_similarity


def test_the_squared_error_of_images_is_a_share_of_the_range() -> None:
    black, white = np.zeros((1, 8, 8)), np.full((1, 8, 8), 255.0)
    assert image_similarity.mean_squared_error(black, white).tolist() == [1]
    assert image_similarity.psnr(image_similarity.mean_squared_error(black, white)).tolist() == [0]
    assert image_similarity.psnr(np.array([0.01, 0.0])).tolist() == pytest.approx([20, 100])


def by_the_paper(x: np.ndarray, y: np.ndarray, size: int) -> float:
    """SSIM window by window, as equations 12 to 15 of Wang et al. 2004 say."""
    places = np.arange(size) - size // 2
    window = np.exp(-(places[:, None] ** 2 + places**2) / (2 * 1.5**2))
    window /= window.sum()
    found = []
    for row in range(x.shape[0] - size + 1):
        for column in range(x.shape[1] - size + 1):
            a, b = (values[row : row + size, column : column + size] for values in (x, y))
            mean_a, mean_b = (window * a).sum(), (window * b).sum()
            spread_a, spread_b = (window * (a - mean_a) ** 2).sum(), (window * (b - mean_b) ** 2).sum()
            both = (window * (a - mean_a) * (b - mean_b)).sum()
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
            found.append(top / ((mean_a**2 + mean_b**2 + c1) * (spread_a + spread_b + c2)))
    return float(np.mean(found))


@pytest.mark.parametrize(("shape", "size"), [((16, 13), 11), ((8, 8), 7), ((5, 20), 5), ((1, 4), 1)])
def test_structural_similarity_is_the_papers(shape: tuple[int, int], size: int) -> None:
    one, other = np.random.default_rng(0).integers(0, 256, (2, 3, *shape)).astype(np.float64)
    expected = [by_the_paper(x, y, size) for x, y in zip(one, other, strict=True)]
    assert np.allclose(image_similarity.ssim(one, other), expected, rtol=1e-9, atol=1e-9)
    colour = image_similarity.ssim(np.stack([one, one], -1), np.stack([other, one], -1))
    assert np.allclose(colour, (np.array(expected) + 1) / 2, atol=1e-9)


def test_structural_similarity_of_flat_images_is_counted_by_hand() -> None:
    grey = np.full((1, 12, 12), 100.0)
    assert image_similarity.ssim(grey, grey + 50)[0] == pytest.approx(
        (2 * 100 * 150 + 6.5025) / (100**2 + 150**2 + 6.5025)
    )
    assert image_similarity.ssim(grey, grey)[0] == 1
