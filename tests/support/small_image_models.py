"""Small served models of images: segmentation, reconstruction and generation, by hand in ONNX's own text form."""

import numpy as np

from tests.support.small_model_signature import SmallModel, image_field, make_signature


def cells() -> SmallModel:
    """A class per pixel of 20 x 12: dark, bright below 128 and bright."""
    graph = """
    cells (uint8[B, 20, 12] image) => (float[B, 3, 20, 12] probabilities) {
        grey = Cast<to = 1> (image)
        axis = Constant<value_ints = [1]> ()
        level = Unsqueeze (grey, axis)
        full = Constant<value_float = 255.0> ()
        share = Div (level, full)
        half = Constant<value_float = 0.5> ()
        off = Sub (share, half)
        far = Abs (off)
        one = Constant<value_float = 1.0> ()
        dark = Sub (one, share)
        middle = Sub (one, far)
        scores = Concat<axis = 1> (dark, middle, share)
        probabilities = Softmax<axis = 1> (scores)
    }
    """
    labels = ["background", "rim", "cell"]
    target = {"name": "mask", "kind": "mask", "dtype": "uint8", "shape": [20, 12], "categories": labels}
    signature = make_signature(
        "segmentation", "probabilities", [3, 20, 12], image_field("image", 20, 12), labels=labels, target=target
    )
    return SmallModel(
        graph, signature, {"image": np.random.default_rng(2).integers(0, 256, (3, 20, 12)).astype(np.uint8)}
    )


def photographs() -> SmallModel:
    """A colour image of 40 x 36 half as bright, with its mean as the score."""
    graph = """
    photographs (uint8[B, 40, 36, 3] photograph) => (float[B, 4321] reconstruction) {
        level = Cast<to = 1> (photograph)
        shape = Constant<value_ints = [0, -1]> ()
        flat = Reshape (level, shape)
        half = Constant<value_float = 0.5> ()
        pixels = Mul (flat, half)
        axis = Constant<value_ints = [1]> ()
        score = ReduceMean (pixels, axis)
        reconstruction = Concat<axis = 1> (score, pixels)
    }
    """
    signature = make_signature(
        "reconstruction", "reconstruction", [4321], image_field("photograph", 40, 36, 3, mode="RGB")
    )
    golden = np.random.default_rng(3).integers(0, 256, (2, 40, 36, 3)).astype(np.uint8)
    return SmallModel(graph, signature, {"photograph": golden})


def drawn() -> SmallModel:
    """Pictures of 2 x 4 grey levels from eight numbers: 128 + 64 * z, so some leave 0 to 255."""
    graph = """
    drawn (float[B, 8] noise) => (float[B, 2, 4] samples) {
        gain = Constant<value_float = 64.0> ()
        mean = Constant<value_float = 128.0> ()
        wide = Mul (noise, gain)
        flat = Add (wide, mean)
        shape = Constant<value_ints = [0, 2, 4]> ()
        samples = Reshape (flat, shape)
    }
    """
    field = {"name": "noise", "kind": "noise", "dtype": "float32", "shape": [8]}
    signature = make_signature("generation", "samples", [2, 4], field, target=image_field("image", 2, 4))
    return SmallModel(graph, signature, {"noise": np.random.default_rng(4).standard_normal((5, 8), dtype=np.float32)})


def scenes() -> SmallModel:
    """Large pictures, to see what is refused: 512 x 512, two classes."""
    graph = """
    scenes (uint8[B, 512, 512] image) => (float[B, 2, 512, 512] probabilities) {
        grey = Cast<to = 1> (image)
        axis = Constant<value_ints = [1]> ()
        level = Unsqueeze (grey, axis)
        full = Constant<value_float = 255.0> ()
        share = Div (level, full)
        one = Constant<value_float = 1.0> ()
        dark = Sub (one, share)
        probabilities = Concat<axis = 1> (dark, share)
    }
    """
    shape = [2, 512, 512]
    signature = make_signature(
        "segmentation", "probabilities", shape, image_field("image", 512, 512), labels=["night", "day"]
    )
    levels = np.linspace(0, 255, 512 * 512).astype(np.uint8).reshape(512, 512)
    return SmallModel(graph, signature, {"image": np.stack([levels, levels.T])})
