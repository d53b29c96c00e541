"""The first trials of a search, spread evenly over its space.

Optuna's sampler knows nothing until some trials are over, and would draw each of the first ones for itself. Few such
draws leave wide gaps: three of them are in one half of a range in a quarter of all searches. These are points of a
scrambled Sobol sequence (Owen, 1998, Scrambling Sobol' and Niederreiter-Xing Points; scipy.stats.qmc): in every range,
the first two lie in different halves and the first four in different quarters.
"""

import math

from models.blocks.hyperparameters import Choice, Range, SettingValue, Space


def spread_points(domains: Space, count: int, seed: int) -> list[dict[str, SettingValue]]:
    """So many points of a search space; the first ones are the same for any number of them.

    Args:
        domains: what is searched.
        seed: of the scrambling.
    """
    if not domains or count < 1:
        return []
    from scipy.stats import qmc  # here, because it takes half a second, and only searches draw

    sequence = qmc.Sobol(len(domains), scramble=True, rng=seed)
    shares = sequence.random_base2(math.ceil(math.log2(count)))[:count]  # points x domains; it is asked for powers of 2
    return [
        {name: _value_at(share, domain) for (name, domain), share in zip(domains.items(), point, strict=True)}
        for point in shares.tolist()
    ]


def _value_at(share: float, domain: Range | Choice) -> SettingValue:
    """The value below which so large a share of the domain lies; the share is less than 1."""
    if isinstance(domain, Choice):
        return domain.options[int(share * len(domain.options))]
    # every whole number has a step of 1 around it
    low, high = (domain.low - 0.5, domain.high + 0.5) if domain.integer else (domain.low, domain.high)
    value = low * (high / low) ** share if domain.log else low + share * (high - low)
    return type(domain.low)(min(max(round(value) if domain.integer else value, domain.low), domain.high))
