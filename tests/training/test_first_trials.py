"""The first trials of a search fill its space evenly, whatever is searched and however few they are."""

import math

from hypothesis import given
from hypothesis import strategies as st

from models.blocks.hyperparameters import Choice, Range, Space
from pipelines.training.first_trials import spread_points

SEEDS = st.integers(0, 2**31 - 1)
DOMAINS = st.one_of(
    st.tuples(st.floats(-1e3, 1e3), st.floats(1e-3, 1e3)).map(lambda ends: Range(ends[0], ends[0] + ends[1])),
    st.tuples(st.floats(1e-6, 1e3), st.floats(1.1, 1e6)).map(lambda ends: Range(ends[0], ends[0] * ends[1], log=True)),
    st.tuples(st.integers(-99, 99), st.integers(1, 99)).map(
        lambda ends: Range(ends[0], ends[0] + ends[1], integer=True)
    ),
    st.tuples(st.integers(1, 99), st.integers(1, 99)).map(
        lambda ends: Range(ends[0], ends[0] + ends[1], log=True, integer=True)
    ),
    st.lists(st.text(), min_size=1, max_size=9, unique=True).map(lambda options: Choice(tuple(options))),
)
SPACES = st.dictionaries(st.text(), DOMAINS, max_size=12)


@given(SPACES, st.integers(0, 40), SEEDS)
def test_every_point_is_within_its_space_and_of_its_types(domains: Space, count: int, seed: int) -> None:
    points = spread_points(domains, count, seed)
    assert len(points) == (count if domains else 0)
    for point in points:
        assert list(point) == list(domains)
        for value, domain in zip(point.values(), domains.values(), strict=True):
            if isinstance(domain, Choice):
                assert value in domain.options
            else:
                assert not isinstance(value, str)
                assert domain.low <= value <= domain.high
                assert type(value) is type(domain.low)


@given(st.integers(1, 12), st.integers(0, 5), SEEDS)
def test_so_many_points_as_a_power_of_two_lie_one_in_every_part_of_every_range(
    width: int, power: int, seed: int
) -> None:
    domains: Space = {f"linear {n}": Range(0.0, 1.0) for n in range(width)}
    domains |= {"log": Range(1e-3, 1e2, log=True)}
    count = 2**power
    points = spread_points(domains, count, seed)
    for name in domains:
        values = [float(point[name]) for point in points]
        shares = [math.log10(value / 1e-3) / 5 for value in values] if name == "log" else values
        assert sorted(int(share * count) for share in shares) == list(range(count))


@given(SPACES, st.integers(1, 20), SEEDS)
def test_fewer_points_are_the_first_ones_of_more(domains: Space, count: int, seed: int) -> None:
    assert spread_points(domains, count, seed) == spread_points(domains, 2 * count, seed)[:count]


@given(st.integers(2, 9), SEEDS)
def test_every_option_and_every_whole_number_comes_about_equally_often(count: int, seed: int) -> None:
    domains: Space = {"choice": Choice(tuple(range(count))), "whole": Range(1, count, integer=True)}
    points = spread_points(domains, 64 * count, seed)
    for name in domains:
        counts = [sum(point[name] == value for point in points) for value in {point[name] for point in points}]
        assert len(counts) == count
        assert all(abs(found - 64) <= 2 for found in counts), "so far a Sobol sequence is from even"


@given(st.lists(SEEDS, min_size=2, max_size=9, unique=True))
def test_every_search_has_points_of_its_own(seeds: list[int]) -> None:
    firsts = {spread_points({"rate": Range(1e-4, 1e-1, log=True)}, 1, seed)[0]["rate"] for seed in seeds}
    assert len(firsts) == len(seeds)
