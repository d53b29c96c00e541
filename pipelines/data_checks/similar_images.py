"""Similar images: pairs that differ by a few grey levels everywhere, found among many without comparing all pairs.

A thumbnail of every image is put into cells of a random grid, several times with other grids (locality-sensitive
hashing: https://doi.org/10.1145/997817.997857); images that share a cell are compared: thumbnails
first, whole images then.
N images, D pixels of a thumbnail.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import chunks

THUMBNAIL_SIDE = 8  # pixels
GRIDS = 6
GRID_DIRECTIONS = 5
CELL_SIDE = 0.03  # of the range of grey levels
COMPARED_NEIGHBOURS = 3  # images of a cell that each image is compared with
THUMBNAIL_DIFFERENCE = 0.01  # of the range: root mean square, at most
IMAGE_DIFFERENCE = 0.03  # of the range: root mean square over all pixels, at most; a coarse JPEG changes about that
MIN_CONTRAST = 0.05  # of the range: standard deviation inside a thumbnail; flat images are all alike
UNLIKE_OTHERS = 0.2  # the difference of a pair, as a share of what is usual between an image and the most similar other
MAX_COMPARED_PAIRS = 20_000
USUAL_SAMPLE = 512  # images, whose most similar others show what is usual
WEIGHTS = (0.299, 0.587, 0.114)  # red, green and blue in a grey level (ITU-R BT.601)

Floats = NDArray[np.float32]


def similar_image_pairs(images: NDArray[Any], value_range: float) -> NDArray[np.int64]:
    """Pairs of row numbers (M, 2) of images (N, H, W[, C]) that differ little and are not equal."""
    thumbnails = _thumbnails(images) / np.float32(value_range)  # (N, D)
    textured = np.flatnonzero(thumbnails.std(axis=1) >= MIN_CONTRAST)
    if len(textured) < 2:
        return np.empty((0, 2), dtype=np.int64)
    pairs = np.unique(np.concatenate(list(_cell_mates(thumbnails[textured]))), axis=0)
    pairs = textured[pairs]
    difference = _root_mean_square(thumbnails[pairs[:, 0]] - thumbnails[pairs[:, 1]])
    limit = min(THUMBNAIL_DIFFERENCE, UNLIKE_OTHERS * _usual_difference(thumbnails[textured]))
    near = np.flatnonzero(difference <= limit)
    near = near[np.argsort(difference[near], kind="stable")][:MAX_COMPARED_PAIRS]
    kept = [pair for pair in pairs[np.sort(near)] if _is_similar(images[pair[0]], images[pair[1]], value_range)]
    return np.array(kept, dtype=np.int64).reshape(-1, 2)


def _thumbnails(images: NDArray[Any]) -> Floats:
    """Means of blocks of the grey levels, (N, D); images smaller than a thumbnail as they are."""
    height, width = images.shape[1:3]
    rows = np.linspace(0, height, min(height, THUMBNAIL_SIDE) + 1).astype(int)
    columns = np.linspace(0, width, min(width, THUMBNAIL_SIDE) + 1).astype(int)
    areas = np.outer(np.diff(rows), np.diff(columns)).astype(np.float32)
    result = np.empty((len(images), areas.size), dtype=np.float32)
    for part in chunks(images):
        grey = np.asarray(images[part], dtype=np.float32)
        if grey.ndim == 4:
            grey = grey @ np.array(WEIGHTS, np.float32) if grey.shape[3] == len(WEIGHTS) else grey.mean(axis=3)
        sums = np.add.reduceat(np.add.reduceat(grey, rows[:-1], axis=1), columns[:-1], axis=2)
        result[part] = (sums / areas).reshape(len(grey), -1)
    return result


def _cell_mates(thumbnails: Floats) -> Iterator[NDArray[np.int64]]:
    """Pairs (M, 2), the smaller number first, of images in one cell of a grid, for several grids."""
    generator = np.random.default_rng(0)
    size = thumbnails.shape[1]
    shapes = thumbnails - thumbnails.mean(axis=1, keepdims=True)  # a picture made lighter keeps its cell
    for _ in range(GRIDS):
        directions = generator.normal(size=(size, GRID_DIRECTIONS)).astype(np.float32) / np.float32(np.sqrt(size))
        offset = generator.random(GRID_DIRECTIONS).astype(np.float32)
        cells = np.floor(shapes @ directions / np.float32(CELL_SIDE) + offset).astype(np.int64)
        key = cells @ generator.integers(1, 2**40, GRID_DIRECTIONS)  # two cells with one key cost a comparison, no more
        order = np.argsort(key, kind="stable")
        for ahead in range(1, COMPARED_NEIGHBOURS + 1):
            same = np.flatnonzero(key[order[ahead:]] == key[order[:-ahead]])
            yield np.sort(np.stack([order[same], order[same + ahead]], axis=1), axis=1)


def _usual_difference(thumbnails: Floats) -> float:
    """The median difference between an image and the most similar other, among some of them."""
    some = thumbnails[:: max(1, len(thumbnails) // USUAL_SAMPLE)][:USUAL_SAMPLE]
    squares = np.square(some).sum(axis=1)
    distance = np.maximum(squares[:, None] + squares[None, :] - 2 * some @ some.T, 0) / thumbnails.shape[1]
    np.fill_diagonal(distance, np.inf)
    return float(np.sqrt(np.median(distance.min(axis=1))))


def _is_similar(left: NDArray[Any], right: NDArray[Any], value_range: float) -> bool:
    difference = left.astype(np.float32) - right.astype(np.float32)
    share = float(np.sqrt(np.square(difference).mean())) / value_range
    return 0 < share <= IMAGE_DIFFERENCE


def _root_mean_square(values: Floats) -> Floats:
    """Over the pixels of every row (M, D): (M,)."""
    return np.asarray(np.sqrt(np.square(values).mean(axis=1)), dtype=np.float32)
