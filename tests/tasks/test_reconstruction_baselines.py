"""Baselines of what reconstructs: what they answer, and that they are hard to beat where they should be."""

import numpy as np
import torch
from sklearn import datasets
from sklearn.decomposition import PCA

from pipelines.data.parts import Part
from pipelines.data.schema import Field
from pipelines.tasks import score
from pipelines.tasks.anomaly_detection import AnomalyDetection, AnomalyDetectionSettings
from tests.support.reconstructions import (
    DENOISING,
    EVERY_FORM,
    IMAGES,
    ODD_ROWS,
    Reconstructing,
    numbers,
    part,
    predicted,
    schema,
)


@EVERY_FORM
def test_every_baseline_answers_as_a_network_does(which: Reconstructing) -> None:
    train, some = part(which, 60), part(which, 20, seed=3)
    true_values = which.reference(some)
    for name, predictions in which.baselines(train, some).items():
        assert name.endswith("(baseline)")
        assert predictions.dtype == np.float32
        assert predictions.shape == predicted(which, some).shape
        calibration = which.calibrate(predictions, true_values)
        assert all(np.isfinite(value) for value in score(which, predictions, true_values, calibration).values())


def test_the_mean_has_the_score_that_the_graph_would_give_it() -> None:
    train, some = part(ODD_ROWS, 60), part(ODD_ROWS, 20, seed=3)
    predictions = ODD_ROWS.baselines(train, some)["mean (baseline)"]
    graph = ODD_ROWS.output_transform(train)(torch.zeros(20, 4), *(torch.from_numpy(column) for column in some.inputs))
    assert np.allclose(graph.numpy(), predictions, rtol=1e-5)
    pictures, shown = part(IMAGES, 60), part(IMAGES, 20, seed=3)
    predictions = IMAGES.baselines(pictures, shown)["mean (baseline)"]
    assert np.allclose(predictions[0, 1:], pictures.inputs[0].mean(axis=0).ravel(), rtol=1e-6)


def digits() -> tuple[np.ndarray, np.ndarray]:
    pixels, codes = datasets.load_digits(return_X_y=True)
    return (pixels * 255 / 16).astype(np.uint8).reshape(-1, 8, 8), codes


def test_blurring_noisy_digits_helps_and_the_noise_itself_does_not() -> None:
    clean, _ = digits()
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 80, clean.shape), 0, 255).astype(np.uint8)
    train, some = Part((noisy[:600],), clean[:600]), Part((noisy[600:900],), clean[600:900])
    predictions = DENOISING.baselines(train, some)
    scores = {name: score(DENOISING, one, DENOISING.reference(some), {}) for name, one in predictions.items()}
    assert list(scores) == ["noisy as it is (baseline)", "gaussian filter (baseline)"]
    assert scores["gaussian filter (baseline)"]["psnr"] > scores["noisy as it is (baseline)"]["psnr"] + 0.5
    assert (predictions["noisy as it is (baseline)"][:, 0] == 0).all()


def test_malignant_cells_stand_out_from_benign_ones() -> None:
    table = datasets.load_breast_cancer()
    columns = numbers(table.data.shape[1])
    diagnosis = Field(name="d", kind="category", dtype="int64", shape=(), categories=("malignant", "benign"))
    which = AnomalyDetection(schema(columns, diagnosis), AnomalyDetectionSettings(normal="benign"))
    values = table.data.astype(np.float32)
    train, some = (
        Part(tuple(np.ascontiguousarray(column) for column in values[rows].T), table.target[rows].astype(np.int64))
        for rows in (slice(0, 400), slice(400, None))
    )
    true_values = which.reference(some)
    predictions = which.baselines(train, some)
    assert {
        name: score(which, one, true_values, which.calibrate(one, true_values))["auroc"] > 0.9
        for name, one in predictions.items()
    } == {
        "mean (baseline)": True,
        "isolation forest (baseline)": True,
    }
    again = which.baselines(train, some)
    assert all(np.array_equal(again[name], one) for name, one in predictions.items())
    # what a handful of principal components cannot draw is anomalous as well
    transform = which.output_transform(train)
    normal, unseen = (
        transform.inverse(torch.from_numpy(which.target(one).values)).double().numpy() for one in (train, some)
    )
    pca = PCA(6).fit(normal[which.train_mask(train)])
    outputs = torch.from_numpy(pca.inverse_transform(pca.transform(unseen))).float()
    drawn = transform(outputs, *(torch.from_numpy(column) for column in some.inputs)).numpy()
    assert score(which, drawn, true_values, which.calibrate(drawn, true_values))["auroc"] > 0.9
