"""scikit-learn's handwritten digits: plain, noisy, and pasted on its two photographs.

What is added is made here with a fixed seed: every machine with the same packages makes the same bytes.
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema

DIGITS_CITATION = (
    "E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits (test part), UCI Machine Learning "
    "Repository, 1998, https://doi.org/10.24432/C50P49"
)
PHOTOGRAPHS_CITATION = (
    "china.jpg (https://www.flickr.com/photos/danielbuechele/6061409035) and flower.jpg "
    "(https://www.flickr.com/photos/vultilion/6056698931)"
)
SEED = 3
PATCH_PIXELS = 32  # pixels, height and width
PATCHES_PER_PHOTOGRAPH = 200  # of each photograph
REGION_PATCHES = 4  # patches, height and width, of a region of a photograph
DIGIT_PIXELS = 16  # pixels: 8x8, twice as large
MIN_CORNER_DISTANCE_PIXELS = (
    12  # pixels between the corners of two digits; their outermost pixels are hardly ever inked
)
CONTRAST_LEVELS = (50, 110)  # grey levels by which ink is lighter or darker than what it is pasted on
MAX_TINT_LEVELS = 25  # grey levels by which a channel of the ink may differ
MIN_INK_SHARE = 0.5  # share of ink from which a pixel belongs to the digit
NOISE_STD_LEVELS = 60  # grey levels, standard deviation
SALT_AND_PEPPER_SHARE = 0.04  # share of the pixels that are white or black whatever they were


def digits() -> Dataset:
    """Handwritten digits as images of 8x8 grey levels.

    1,797 digits written by 13 people on forms, scanned by NIST at 32x32 black or white; a pixel counts the
    ink of a block of 4x4, hence 0 to 16. It is the test part of the set at UCI; the other 3,823 digits, by
    30 other people, are not in scikit-learn. Who wrote which digit is not recorded.

    Alpaydin & Kaynak, "Optical Recognition of Handwritten Digits", UCI Machine Learning Repository, 1998.
    https://doi.org/10.24432/C50P49
    Licence: CC BY 4.0, as stated by UCI.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)  # (N, 8, 8), 0..16 -> 0..255
    schema = Schema(
        inputs=(Field(name="image", kind="image", dtype="uint8", shape=(8, 8), range=(0, 255), unit="grey level"),),
        target=Field(
            name="digit", kind="category", dtype="int64", shape=(), categories=tuple(str(n) for n in range(10))
        ),
        title="Handwritten digits, 8x8 grey levels",
        origin=f"{DIGITS_CITATION}, as bundled with scikit-learn",
        licence="CC BY 4.0",
    )
    notes = (
        "Grey levels were scaled from 0..16 to 0..255 (rounded to whole numbers). Ink is bright (255) and paper is "
        "dark (0): a photograph of ink on white paper must be inverted before it is asked about.",
        "The digits were written by 13 people and the data does not say by whom. Digits of one person are therefore in "
        "several parts, and the scores say how well these people are read, not a stranger.",
    )
    return Dataset(schema, Part((images,), bunch.target.astype(np.int64)), notes)


def noisy_digits() -> Dataset:
    """What did a handwritten digit look like before it was covered with noise?

    The 1,797 digits of `digits`, as the target, and what is left of them under noise, as the input.
    """
    clean = digits()
    image = clean.part.inputs[0]
    generator = np.random.default_rng(SEED)
    noisy = np.rint((image + generator.normal(0, NOISE_STD_LEVELS, image.shape)).clip(0, 255)).astype(np.uint8)
    replaced = generator.random(image.shape) < SALT_AND_PEPPER_SHARE
    noisy[replaced] = generator.choice(np.array([0, 255], dtype=np.uint8), size=int(replaced.sum()))
    field = clean.schema.inputs[0]
    schema = clean.schema.model_copy(
        update={
            "inputs": (field.model_copy(update={"name": "noisy"}),),
            "target": field.model_copy(update={"name": "clean"}),
            "title": "Handwritten digits under noise, 8x8 grey levels",
        }
    )
    notes = (
        *clean.notes,
        f"The noise was made here: to each pixel a number from a normal distribution with a standard deviation of "
        f"{NOISE_STD_LEVELS} grey levels was added, and {SALT_AND_PEPPER_SHARE:.0%} of the pixels were made black or "
        "white.",
    )
    return Dataset(schema, Part((noisy,), image), notes, keys={"digit": clean.part.target})


def digits_on_photographs() -> Dataset:
    """Which pixels of a piece of a photograph belong to a handwritten digit?

    400 patches of 32x32 pixels, 200 of each of scikit-learn's two photographs, a temple and a flower, none
    overlapping another. On each stand one or two of scikit-learn's handwritten digits, twice as large, lighter or
    darker than what is under them. No digit is used twice.

    Digits: see `digits`. Photographs: https://www.flickr.com/photos/danielbuechele/6061409035 and
    https://www.flickr.com/photos/vultilion/6056698931
    Licence: CC BY 2.0, attributed to danielbuechele, as sklearn/datasets/images/README.txt states of both.
    """
    from sklearn.datasets import load_digits, load_sample_images

    generator = np.random.default_rng(SEED)
    inks = np.kron(load_digits().images / 16, np.ones((DIGIT_PIXELS // 8, DIGIT_PIXELS // 8)))  # (1797, 16, 16), 0..1
    inks = inks[generator.permutation(len(inks))]
    bunch = load_sample_images()
    images, masks, photographs, regions, used = [], [], [], [], 0
    for filename, photograph in zip(bunch.filenames, bunch.images, strict=True):
        name = str(filename).rsplit("/")[-1].removesuffix(".jpg")
        for row, column in _choose_patches(photograph.shape, generator):
            patch = photograph[row * PATCH_PIXELS :, column * PATCH_PIXELS :][:PATCH_PIXELS, :PATCH_PIXELS].astype(
                np.float64
            )
            count = int(generator.integers(1, 3))
            image, mask = paste_digits(patch, inks[used : used + count], generator)
            used += count
            images.append(image)
            masks.append(mask)
            photographs.append(name)
            regions.append(f"{name} {row // REGION_PATCHES} {column // REGION_PATCHES}")
    keys = {"photograph": np.array(photographs), "region": np.array(regions)}
    return Dataset(
        _photographs_schema(), Part((np.stack(images),), np.stack(masks)), _photographs_notes(used), keys=keys
    )


def paste_digits(
    patch: NDArray[np.float64], inks: NDArray[np.float64], generator: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Put one or two digits on a patch, at places and in tones that the generator draws.

    Args:
        patch: (H, W, 3), grey levels.
        inks: (D, h, w), the share of ink of each pixel of D digits, 0 to 1.

    Returns:
        the picture (H, W, 3), and its mask (H, W): 1 where a pixel is a digit's, else 0.
    """
    image, mask = patch.copy(), np.zeros(patch.shape[:2], dtype=np.uint8)
    for ink, (top, left) in zip(inks, _draw_corners(len(inks), generator), strict=True):
        region = (slice(top, top + DIGIT_PIXELS), slice(left, left + DIGIT_PIXELS))
        background = patch[region].mean(axis=(0, 1))  # (3,)
        step = generator.uniform(*CONTRAST_LEVELS)
        in_range = (background.mean() + step < 250, background.mean() - step > 5)  # for lighter ink, for darker ink
        lighter = in_range[0] and (not in_range[1] or generator.random() < 0.5)
        tone = background + (step if lighter else -step) + generator.uniform(-MAX_TINT_LEVELS, MAX_TINT_LEVELS, size=3)
        image[region] += ink[..., None] * (tone - image[region])
        mask[region] |= ink >= MIN_INK_SHARE
    return np.rint(image.clip(0, 255)).astype(np.uint8), mask


def _choose_patches(shape: tuple[int, ...], generator: np.random.Generator) -> NDArray[np.int64]:
    """Choose the patches of a photograph (H, W, 3); (n, 2), their rows and columns in a grid of patches."""
    rows, columns = shape[0] // PATCH_PIXELS, shape[1] // PATCH_PIXELS
    chosen = np.sort(generator.choice(rows * columns, size=PATCHES_PER_PHOTOGRAPH, replace=False))
    return np.stack(np.divmod(chosen, columns), axis=1)


def _draw_corners(count: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Draw where digits stand until no two of them touch; (count, 2), top and left."""
    while True:
        corners = generator.integers(0, PATCH_PIXELS - DIGIT_PIXELS + 1, size=(count, 2))
        if count == 1 or np.abs(corners[0] - corners[1]).max() >= MIN_CORNER_DISTANCE_PIXELS:
            return corners


def _photographs_schema() -> Schema:
    return Schema(
        inputs=(
            Field(
                name="image",
                kind="image",
                dtype="uint8",
                shape=(PATCH_PIXELS, PATCH_PIXELS, 3),
                range=(0, 255),
                unit="grey level",
            ),
        ),
        target=Field(
            name="mask",
            kind="mask",
            dtype="uint8",
            shape=(PATCH_PIXELS, PATCH_PIXELS),
            categories=("background", "digit"),
        ),
        title="Handwritten digits on photographs, 32x32 pixels in colour",
        origin=(
            f"made here of {DIGITS_CITATION}, and of the photographs {PHOTOGRAPHS_CITATION}, all as bundled with "
            "scikit-learn"
        ),
        licence="digits: CC BY 4.0; photographs: CC BY 2.0, attributed to danielbuechele",
    )


def _photographs_notes(digit_count: int) -> tuple[str, ...]:
    return (
        f"{2 * PATCHES_PER_PHOTOGRAPH} patches of two photographs, which do not overlap, with {digit_count} "
        f"handwritten digits, none of them used twice. A pixel belongs to a digit from {MIN_INK_SHARE:.0%} ink on.",
        f"Ink is lighter or darker than what is under it by {CONTRAST_LEVELS[0]} to {CONTRAST_LEVELS[1]} grey levels, "
        "so no single threshold finds it.",
        "Patches of one photograph share its light and its things: splitting by the group `region`, a square of "
        f"{REGION_PATCHES} by {REGION_PATCHES} patches, is a harder test than splitting at random; `photograph` names "
        "the whole one.",
    )
