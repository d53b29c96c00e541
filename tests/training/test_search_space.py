"""Search spaces: the range of a learning rate follows the optimizer, and what was used can be copied."""

import pytest

from models.blocks.hyperparameters import Range
from models.blocks.optimizers import LEARNING_RATE_SCALES, OPTIMIZERS, WEIGHT_DECAY_SCALES
from pipelines.training.schedules import cosine_learning_rate
from pipelines.training.search_space import SearchSpace, build_search_space


def space_of(fix: dict[str, object] | None = None, search: dict[str, object] | None = None) -> SearchSpace:
    return build_search_space("digits-mlp", "mlp", "classification", fix or {}, search or {})


def test_every_optimizer_has_its_scales() -> None:
    for scales in (LEARNING_RATE_SCALES, WEIGHT_DECAY_SCALES):
        assert dict(scales.factors).keys() == OPTIMIZERS.keys()
        assert scales.factor("adamw") == 1, "the range is its own"


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_a_trial_draws_is_scaled_by_its_optimizer(optimizer: str) -> None:
    space = space_of()
    drawn = {**space.first_values, "optimizer": optimizer}
    tried = space.scale_drawn(drawn)
    factor = LEARNING_RATE_SCALES.factor(optimizer)
    assert tried["learning_rate"] == space.first_values["learning_rate"] * factor
    assert tried["width"] == drawn["width"]
    found = space.add_fixed(tried).learner
    assert (found.optimizer, found.learning_rate) == (optimizer, tried["learning_rate"])


def test_a_fixed_optimizer_has_its_own_range_and_default() -> None:
    space = space_of(fix={"optimizer": "sgd"})
    tried = space.scale_drawn(space.first_values)
    assert tried["learning_rate"] == space_of().first_values["learning_rate"] * LEARNING_RATE_SCALES.factor("sgd")


def test_given_values_are_taken_as_they_are() -> None:
    space = space_of(fix={"optimizer": "sgd", "weight_decay": 0.5}, search={"learning_rate": [0.25, 0.75]})
    assert space.domains["learning_rate"] == Range(0.25, 0.75, log=True)
    tried = space.scale_drawn(space.first_values)
    assert tried["learning_rate"] == 0.25, "the nearest to the default"
    assert space.add_fixed(tried).learner.weight_decay == 0.5


def test_what_a_search_found_can_be_fixed_as_it_is() -> None:
    space = space_of()
    settings = space.add_fixed(space.scale_drawn({**space.first_values, "optimizer": "rmsprop"})).to_json()
    again = space_of(fix=settings)
    assert again.domains == {}
    assert again.add_fixed({}).to_json() == settings


def test_the_learning_rate_rises_to_its_peak_and_falls_to_a_hundredth_of_it() -> None:
    rates = [cosine_learning_rate(0.5, epoch, 40) for epoch in range(41)]
    assert rates[:5] == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5])
    assert rates[4:] == sorted(rates[4:], reverse=True)
    assert rates[22] == pytest.approx(0.5 * (0.01 + 0.99 / 2)), "half way down"
    assert rates[40] == pytest.approx(0.005), "to the end of the last epoch"
    assert cosine_learning_rate(0.5, 0, 4) == 0.5, "too short for a warm-up"
