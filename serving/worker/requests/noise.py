"""Noise fields: the latent vector of a generator, drawn from a seed or given.

The rows for `{"number": n, "seed": s}` are numpy.random.Generator(numpy.random.PCG64(s)).standard_normal((n, Z),
dtype=numpy.float32), so that anybody can draw the same. Shapes: Z numbers per sample.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.numbers import parse_floats
from serving.worker.request_error import RequestError, describe_unknown, describe_value
from serving.worker.signature import Field

MAX_SAMPLES = 256  # samples in one example
DEFAULT_SEED = 0
MAX_SEED = 2**63 - 1


def parse_noise(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Parse noise: `number` rows drawn from `seed`, float32 (number, Z), or a list of Z numbers, float32 (Z,)."""
    (width,) = field.shape
    if isinstance(value, dict):
        number, seed = parse_number_and_seed(value, where)
        generator = np.random.Generator(np.random.PCG64(seed))
        return generator.standard_normal((number, width), dtype=np.float32)
    if not isinstance(value, list) or len(value) != width:
        raise RequestError(
            400, f'{where}: expected {{"number": 8, "seed": 3}} or a list of {width}, found {describe_value(value)}'
        )

    def error_at(place: int) -> RequestError:
        return RequestError(400, f"{where}[{place}]: expected a number, found {describe_value(value[place])}")

    if None in value:
        raise error_at(value.index(None))
    return parse_floats(value, error_at)


def parse_number_and_seed(value: dict[str, Any], where: str) -> tuple[int, int]:
    """Parse the number of samples and the seed; 1 and 0 where they are not given."""
    if unknown := [name for name in value if name not in ("number", "seed")]:
        raise RequestError(
            400, f'{where}: expected only "number" and "seed", found {describe_unknown("field", unknown)}'
        )
    return (
        _parse_integer(value.get("number", 1), 1, MAX_SAMPLES, f"{where}.number"),
        _parse_integer(value.get("seed", DEFAULT_SEED), 0, MAX_SEED, f"{where}.seed"),
    )


def _parse_integer(value: Any, low: int, high: int, where: str) -> int:
    if type(value) is int and low <= value <= high:
        return value
    raise RequestError(400, f"{where}: expected a whole number from {low} to {high}, found {describe_value(value)}")
