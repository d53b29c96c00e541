"""Reconstruction: what is asked of which data, and scores that are scikit-learn's, the papers' or counted by hand."""

import time
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import datasets
from sklearn import metrics as reference
from sklearn.decomposition import PCA
from torch import nn

from models.outputs.reconstruction import ImageReconstruction, RowReconstruction
from pipelines.data.parts import Part
from pipelines.data.schema import Field, Schema
from pipelines.data.statistics import grey_level_mean_and_std, mean_and_std
from pipelines.runtime.user_error import UserError
from pipelines.tasks import score
from pipelines.tasks.metrics import anomaly_detection as anomaly_metrics
from pipelines.tasks.metrics import image_similarity
from pipelines.tasks.reconstruction import Reconstruction, ReconstructionSettings

LABEL = Field(name="label", kind="category", dtype="int64", shape=(), categories=("good", "bad", "odd"))


def image(name: str, shape: tuple[int, ...] = (8, 8)) -> Field:
    return Field(name=name, kind="image", dtype="uint8", shape=shape)


def numbers(count: int) -> tuple[Field, ...]:
    return tuple(Field(name=f"x{place}", kind="number", dtype="float32", shape=()) for place in range(count))


def schema(inputs: tuple[Field, ...], target: Field) -> Schema:
    return Schema(inputs=inputs, target=target, title="Stand-in", origin="made here", licence="none")


def task(inputs: tuple[Field, ...], target: Field = LABEL, goal: str | None = None, **settings: Any) -> Reconstruction:
    return Reconstruction(schema(inputs, target), ReconstructionSettings(**settings), goal)


COMPRESSION = task((image("picture"),), compress=True)
DENOISING = task((image("noisy"),), image("clean"))
TABLE = task(numbers(4), compress=True)
ANOMALIES = task(numbers(4), normal="good")
ODD_IMAGES = task((image("picture"),), normal="good")


def agree(found: Any, expected: Any) -> bool:
    return bool(np.allclose(found, expected, rtol=1e-12, atol=1e-12, equal_nan=True))


def part(which: Reconstruction, rows: int = 12, seed: int = 0) -> Part:
    """A part of noise; of a table, some cells are missing; labels of all kinds."""
    generator = np.random.default_rng(seed)
    labels = np.resize([0, 0, 1, 2], rows).astype(np.int64)
    if which.is_image:
        pictures = [generator.integers(0, 256, (rows, *which.shape), dtype=np.uint8) for _ in range(2)]
        return Part((pictures[0],), pictures[1] if which.mode == "denoising" else labels)
    columns = generator.normal([0, 10, -5, 1000], [1, 2, 0.1, 300], size=(rows, 4)).astype(np.float32)
    columns[::5, 1] = np.nan
    return Part(tuple(np.ascontiguousarray(column) for column in columns.T), labels)


def answered(which: Reconstruction, asked: Part, seed: int = 1) -> np.ndarray:
    """Replies (N, 1 + D) half-way between the truth and something else, with the score the graph gives them."""
    generator = torch.Generator().manual_seed(seed)
    finish = which.output_transform(asked)
    columns = [torch.from_numpy(values) for values in which.raw_inputs(asked)]
    wanted = finish.inverse(torch.from_numpy(which.target(asked)), *columns).flatten(1)
    outputs = wanted * torch.rand(len(wanted), 1, generator=generator) + 0.2 * torch.randn(
        wanted.shape, generator=generator
    )
    return which.postprocess()(finish(outputs, *columns)).numpy()


USES = pytest.mark.parametrize(
    "which",
    [COMPRESSION, DENOISING, TABLE, ANOMALIES, ODD_IMAGES],
    ids=["compression", "denoising", "table", "anomalies", "odd images"],
)


# What is asked


def test_the_mode_follows_from_target_and_settings() -> None:
    assert [one.mode for one in (COMPRESSION, DENOISING, TABLE, ANOMALIES)] == [
        "compression",
        "denoising",
        "compression",
        "anomalies",
    ]
    assert [one.goals for one in (COMPRESSION, TABLE, ANOMALIES)] == [
        ("squared_error", "psnr", "ssim"),
        ("squared_error",),
        ("auroc", "squared_error"),
    ]


@pytest.mark.parametrize(
    ("inputs", "target", "settings", "goal", "sentence"),
    [
        ((image("a"),), LABEL, {}, None, "cannot tell what to draw: 'label' is of kind category. Say normal"),
        ((image("a"),), LABEL, {"normal": "fine"}, None, "must be one of the classes good, bad, odd; found 'fine'"),
        ((image("a"),), LABEL, {"normal": "good", "compress": True}, None, "keep one of the two"),
        ((image("a"),), image("b"), {"normal": "good"}, None, "'b' is of kind image, not category"),
        ((image("a"),), image("b", (8, 9)), {}, None, r"'b' is \(8, 9\), 'a' is image \(8, 8\)"),
        (numbers(2), image("b"), {}, None, "'x0' is number"),
        ((image("a"), *numbers(1)), LABEL, {"compress": True}, None, "'a' is of kind image"),
        ((*numbers(1), LABEL), LABEL, {"compress": True}, None, "'label' is of kind category"),
        ((), LABEL, {"compress": True}, None, "there are none"),
        (numbers(2), LABEL, {"compress": True, "loss": "binary_cross_entropy"}, None, "use squared_error"),
        (numbers(2), LABEL, {"compress": True}, "ssim", r"\(compression\) must be one of squared_error; found 'ssim'"),
        (numbers(2), LABEL, {"normal": "good"}, "psnr", r"\(anomalies\) must be one of auroc, squared_error"),
    ],
)
def test_what_cannot_be_reconstructed_is_refused_in_a_sentence(
    inputs: tuple[Field, ...], target: Field, settings: dict[str, Any], goal: str | None, sentence: str
) -> None:
    with pytest.raises(UserError, match=sentence):
        task(inputs, target, goal, **settings)


def test_of_anomalies_only_normal_rows_are_learned_from() -> None:
    some = part(ANOMALIES)
    rows = ANOMALIES.train_mask(some)
    assert rows.tolist() == (some.target == 0).tolist()
    wild = Part(tuple(np.where(rows, column, 1e6).astype(np.float32) for column in some.inputs), some.target)
    mean = ANOMALIES.output_transform(wild).mean
    assert torch.equal(
        mean, ANOMALIES.output_transform(Part(tuple(column[rows] for column in some.inputs), some.target[rows])).mean
    )
    assert TABLE.train_mask(some) is None
    assert ANOMALIES.reference(some)[:, 0].tolist() == (some.target != 0).tolist()


def test_head_width_equals_the_size_of_the_reconstruction() -> None:
    colour = task((image("a", (6, 5, 3)),), compress=True)
    assert (colour.head_width("vector"), colour.head_width("image")) == (90, 3)
    assert (COMPRESSION.head_width("image"), TABLE.head_width("vector")) == (1, 4)
    with pytest.raises(UserError, match="the network writes images"):
        TABLE.head_width("image")


# From the network's units and back


@pytest.mark.parametrize("shape", [(6, 5), (6, 5, 1), (6, 5, 3)])
@pytest.mark.parametrize("logits", [False, True])
def test_an_image_comes_back_from_the_networks_units_as_it_is_stored(shape: tuple[int, ...], logits: bool) -> None:
    images = np.random.default_rng(0).integers(1, 255, (4, *shape), dtype=np.uint8)
    finish = ImageReconstruction(shape, logits).fit(*grey_level_mean_and_std(images))
    asked = torch.from_numpy(images)
    units = finish.inverse(asked)
    assert units.shape == (4, (*shape, 1)[2], 6, 5)
    outputs = torch.logit(units) if logits else units
    for written in (outputs, outputs.flatten(1)):
        reply = finish(written, asked).numpy()
        assert np.abs(reply[:, 1:] - images.reshape(4, -1)).max() < 1e-3
        assert np.abs(reply[:, 0]).max() < 1e-9
    if not logits:
        assert units.mean().item() == pytest.approx(0, abs=1e-6)
        assert units.std(correction=0).item() == pytest.approx(1, abs=1e-5)


def test_reconstructed_pixels_are_clipped() -> None:
    finish = ImageReconstruction((2, 2), logits=False)
    reply = finish(torch.tensor([[-9.0, 9.0, 0.5, 0.0]]), torch.zeros(1, 2, 2, dtype=torch.uint8))
    assert reply[0, 1:].tolist() == [0, 255, 127.5, 0]
    assert reply[0, 0].item() == pytest.approx((1 + 0.25) / 4)


def test_what_is_missing_counts_as_the_mean_and_is_left_out_of_the_score() -> None:
    rows = np.array([[0.0, 10.0], [2.0, np.nan], [4.0, 30.0]], dtype=np.float32)
    finish = RowReconstruction(2).fit(*mean_and_std(rows))
    assert finish.mean.tolist() == [2, 20]
    asked = torch.tensor([[2.0, np.nan], [np.nan, np.nan], [4.0, 30.0]])
    assert finish.inverse(asked)[:2].tolist() == [[0, 0], [0, 0]]
    reply = finish(torch.tensor([[3.0, 7.0], [1.0, 1.0], [0.0, 0.0]]), *asked.T)
    spread = (8 / 3) ** 0.5
    assert reply[:, 0].tolist() == pytest.approx([9, 0, ((2 / spread) ** 2 + 1) / 2])
    assert reply[0, 1:].tolist() == pytest.approx([2 + 3 * spread, 20 + 7 * 10])


def test_mean_and_std_skip_missing_values_and_survive_constants() -> None:
    mean, spread = mean_and_std(np.array([[1, 5, np.nan], [3, 5, np.nan]], dtype=np.float32))
    assert mean.tolist() == [2, 5, 0]
    assert spread.tolist() == [1, 1, 1]


@pytest.mark.parametrize("loss", ["squared_error", "binary_cross_entropy"])
def test_the_loss_is_least_for_the_target(loss: str) -> None:
    which = task((image("picture"),), compress=True, loss=loss)
    some = part(which)
    asked = torch.from_numpy(some.inputs[0])
    target = which.output_transform(some).inverse(asked, asked)
    best = torch.logit(target.flatten(1), eps=1e-6) if loss == "binary_cross_entropy" else target.flatten(1)
    found = [which.loss(nn.Identity(), (outputs,), target).item() for outputs in (best, best * 0.5, -best)]
    assert found == sorted(found)


# Scores


@USES
@given(seed=st.integers(0, 2**32 - 1))
def test_a_resample_scores_as_the_rows_it_drew(which: Reconstruction, seed: int) -> None:
    some = part(which)
    replies, truth = answered(which, some), which.reference(some)
    decision = which.calibrate(replies, truth)
    weights = np.random.default_rng(seed).multinomial(12, np.full(12, 1 / 12), size=3)
    found = which.bootstrap_scores(replies, truth, weights, decision)
    assert list(found) == [metric.name for metric in which.metrics]
    for resample, counts in enumerate(weights):
        drawn = np.repeat(np.arange(12), counts)
        scores = score(which, replies[drawn], truth[drawn], decision)
        if which.is_image:  # of a table, the unit is the spread of the whole set, and stays it
            assert all(agree(found[name][resample], score) for name, score in scores.items())
        else:
            assert all(agree(found[name][resample], scores[name]) for name in scores if name != "squared_error")


@USES
def test_the_goal_is_the_mean_over_rows_and_better_for_the_truth(which: Reconstruction) -> None:
    some = part(which, 40)
    replies, truth = answered(which, some), which.reference(some)
    perfect = np.nan_to_num(truth.copy())
    for goal in which.goals:
        one = Reconstruction(schema(which.input_fields, some_target(which)), which.settings, goal)
        decision = one.calibrate(replies, truth)
        own = score(one, replies, truth, decision)[goal]
        assert agree(one.objective_per_row(replies, truth).mean(), own)
        assert one.goal.is_better(score(one, perfect, truth, decision)[goal], own)


def some_target(which: Reconstruction) -> Field:
    return image("clean") if which.mode == "denoising" else LABEL


@st.composite
def rankings(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    """Scores with many ties, and rows of which at least one is normal and one anomalous."""
    rows = draw(st.integers(2, 40))
    scores = draw(st.lists(st.integers(0, 8), min_size=rows, max_size=rows))
    kinds = draw(st.lists(st.booleans(), min_size=rows, max_size=rows).filter(lambda kinds: len(set(kinds)) == 2))
    return np.array(scores, dtype=np.float64), np.array(kinds)


@given(ranking=rankings(), threshold=st.integers(0, 9))
def test_the_scores_of_anomalies_are_scikit_learns(ranking: tuple[np.ndarray, np.ndarray], threshold: int) -> None:
    scores, anomalous = ranking
    found = anomaly_metrics.detection_scores(scores, anomalous, np.ones((len(scores), 1)), threshold)
    flagged = scores >= threshold
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        anomalous, flagged, average="binary", zero_division=0
    )
    expected = {
        "auroc": reference.roc_auc_score(anomalous, scores),
        "average_precision": reference.average_precision_score(anomalous, scores),
        "precision": precision,
        "recall": recall,
        "f1": f1,
    }
    assert all(agree(found[name], value) for name, value in expected.items())
    assert agree(anomaly_metrics.placements(scores, anomalous).mean(), expected["auroc"])


@given(ranking=rankings())
def test_no_threshold_has_a_better_f1_than_the_chosen_one(ranking: tuple[np.ndarray, np.ndarray]) -> None:
    scores, anomalous = ranking
    chosen = anomaly_metrics.choose_threshold(scores, anomalous)
    candidates = [reference.f1_score(anomalous, scores >= level, zero_division=0) for level in np.unique(scores)]
    assert agree(reference.f1_score(anomalous, scores >= chosen, zero_division=0), max(candidates))


def test_without_an_anomaly_the_threshold_lets_95_percent_through() -> None:
    chosen = anomaly_metrics.choose_threshold(np.arange(1001.0), np.zeros(1001, dtype=bool))
    assert chosen == 950
    assert COMPRESSION.calibrate(np.zeros((2, 65)), np.zeros((2, 65))) == {}


def test_a_part_without_anomalies_has_no_auroc_and_says_so() -> None:
    some = part(ANOMALIES)
    normal = Part(tuple(column[some.target == 0] for column in some.inputs), some.target[some.target == 0])
    replies, truth = answered(ANOMALIES, normal), ANOMALIES.reference(normal)
    with pytest.raises(UserError, match=r"of 6 rows, 6 are normal: .* or set goal: squared_error"):
        ANOMALIES.objective_per_row(replies, truth)
    other = task(numbers(4), normal="good", goal="squared_error")
    scores = score(other, replies, truth, other.calibrate(replies, truth))
    assert np.isnan(score["auroc"])
    assert agree(other.objective_per_row(replies, truth).mean(), scores["squared_error"])


def test_the_squared_error_of_images_is_a_share_of_the_range() -> None:
    black, white = np.zeros((1, 8, 8)), np.full((1, 8, 8), 255.0)
    assert image_similarity.mean_squared_error(black, white).tolist() == [1]
    assert image_similarity.psnr(image_similarity.mean_squared_error(black, white)).tolist() == [0]
    assert image_similarity.psnr(np.array([0.01, 0.0])).tolist() == pytest.approx([20, 100])


def test_the_squared_error_of_a_table_is_in_spreads_and_of_normal_rows() -> None:
    some = part(ANOMALIES, 40)
    truth = ANOMALIES.reference(some)
    normal = truth[:, 0] == 0
    mean = np.nanmean(truth[normal, 1:], axis=0, dtype=np.float64)
    replies = np.concatenate([truth[:, :1], np.tile(mean, (40, 1))], axis=1)
    replies[~normal, 1:] = 1e6  # does not matter
    wanted = truth[normal, 1:].astype(np.float64)
    expected = np.nanmean((wanted - mean) ** 2 / np.nanvar(wanted, axis=0), axis=1).mean()
    found = score(ANOMALIES, replies, truth, {"threshold": 0.5})["squared_error"]
    assert found == pytest.approx(expected)
    assert found == pytest.approx(1, abs=0.05)  # each column's error is 1; rows with a missing cell weigh the rest more


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


def test_structural_similarity_of_flat_images_is_told_by_hand() -> None:
    grey = np.full((1, 12, 12), 100.0)
    assert image_similarity.ssim(grey, grey + 50)[0] == pytest.approx(
        (2 * 100 * 150 + 6.5025) / (100**2 + 150**2 + 6.5025)
    )
    assert image_similarity.ssim(grey, grey)[0] == 1


@USES
def test_answers_that_are_not_numbers_have_no_score_and_raise_no_warning(which: Reconstruction) -> None:
    some = part(which)
    truth = which.reference(some)
    replies = np.full(truth.shape, np.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decision = which.calibrate(replies, truth)
        assert all(np.isnan(value) for value in score(which, replies, truth, decision).values())
        assert np.isnan(which.objective_per_row(replies, truth).mean())


# Baselines


@USES
def test_every_baseline_answers_in_the_form_of_a_reply(which: Reconstruction) -> None:
    train, some = part(which, 60), part(which, 20, seed=3)
    truth = which.reference(some)
    for name, replies in which.baselines(train, some).items():
        assert name.endswith("(baseline)")
        assert replies.dtype == np.float32
        assert replies.shape == truth.shape
        decision = which.calibrate(replies, truth)
        assert all(np.isfinite(value) for value in score(which, replies, truth, decision).values())


def test_the_mean_has_the_score_that_the_graph_would_give_it() -> None:
    train, some = part(ANOMALIES, 60), part(ANOMALIES, 20, seed=3)
    replies = ANOMALIES.baselines(train, some)["mean (baseline)"]
    graph = ANOMALIES.output_transform(train)(torch.zeros(20, 4), *(torch.from_numpy(column) for column in some.inputs))
    assert np.allclose(graph.numpy(), replies, rtol=1e-5)
    pictures, shown = part(COMPRESSION, 60), part(COMPRESSION, 20, seed=3)
    replies = COMPRESSION.baselines(pictures, shown)["mean (baseline)"]
    assert np.allclose(replies[0, 1:], pictures.inputs[0].mean(axis=0).ravel(), rtol=1e-6)


def digits() -> tuple[np.ndarray, np.ndarray]:
    pixels, codes = datasets.load_digits(return_X_y=True)
    return (pixels * 255 / 16).astype(np.uint8).reshape(-1, 8, 8), codes


def test_blurring_noisy_digits_helps_and_the_noise_itself_does_not() -> None:
    clean, _ = digits()
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 80, clean.shape), 0, 255).astype(np.uint8)
    train, some = Part((noisy[:600],), clean[:600]), Part((noisy[600:900],), clean[600:900])
    replies = DENOISING.baselines(train, some)
    scores = {name: score(DENOISING, one, DENOISING.reference(some), {}) for name, one in replies.items()}
    assert list(scores) == ["noisy as it is (baseline)", "gaussian filter (baseline)"]
    assert scores["gaussian filter (baseline)"]["psnr"] > scores["noisy as it is (baseline)"]["psnr"] + 0.5
    assert (replies["noisy as it is (baseline)"][:, 0] == 0).all()


def test_malignant_cells_stand_out_from_benign_ones() -> None:
    table = datasets.load_breast_cancer()
    columns = numbers(table.data.shape[1])
    diagnosis = Field(name="d", kind="category", dtype="int64", shape=(), categories=("malignant", "benign"))
    which = task(columns, diagnosis, normal="benign")
    values = table.data.astype(np.float32)
    train, some = (
        Part(tuple(np.ascontiguousarray(column) for column in values[rows].T), table.target[rows].astype(np.int64))
        for rows in (slice(0, 400), slice(400, None))
    )
    truth = which.reference(some)
    replies = which.baselines(train, some)
    assert {
        name: score(which, one, truth, which.calibrate(one, truth))["auroc"] > 0.9 for name, one in replies.items()
    } == {
        "mean (baseline)": True,
        "isolation forest (baseline)": True,
    }
    again = which.baselines(train, some)
    assert all(np.array_equal(again[name], one) for name, one in replies.items())
    # what a handful of principal components cannot draw is anomalous as well
    finish = which.output_transform(train)
    normal, asked = (finish.inverse(torch.from_numpy(which.target(one))).double().numpy() for one in (train, some))
    pca = PCA(6).fit(normal[which.train_mask(train)])
    outputs = torch.from_numpy(pca.inverse_transform(pca.transform(asked))).float()
    drawn = finish(outputs, *(torch.from_numpy(column) for column in some.inputs)).numpy()
    assert score(which, drawn, truth, which.calibrate(drawn, truth))["auroc"] > 0.9


def test_a_thousand_resamples_take_under_a_second_and_a_half() -> None:
    generator = np.random.default_rng(0)
    truth = np.concatenate([generator.integers(0, 2, (400, 1)), generator.normal(size=(400, 4))], axis=1)
    replies = truth + generator.normal(size=truth.shape)
    weights = generator.multinomial(400, np.full(400, 1 / 400), size=1000)
    started = time.perf_counter()
    ANOMALIES.bootstrap_scores(replies, truth, weights, {"threshold": 0.5})
    assert time.perf_counter() - started < 1.5  # 0.05 s where this was written


@pytest.mark.filterwarnings("ignore:`torch.jit.trace:DeprecationWarning")
@USES
def test_the_output_transform_is_reloaded_and_traced(which: Reconstruction) -> None:
    some = part(which)
    fitted, fresh = which.output_transform(some), which.output_transform(None)
    fresh.load_state_dict(fitted.state_dict())
    outputs = torch.randn(12, which.head_width("vector"), generator=torch.Generator().manual_seed(0))
    asked = [torch.from_numpy(values) for values in some.inputs]
    expected = fitted(outputs, *asked)
    assert expected.shape == (12, 1 + which.head_width("vector"))
    assert torch.equal(fresh(outputs, *asked), expected)
    traced = torch.jit.trace(fitted, (outputs[:2], *(values[:2] for values in asked)))
    assert torch.equal(traced(outputs, *asked), expected)
