"""What a generator starts from: drawn from a seed, or given.

The rows for `{"number": n, "seed": s}` are numpy.random.Generator(numpy.random.PCG64(s)).standard_normal((n, Z),
dtype=numpy.float32), so anybody can draw the same. Shapes: Z numbers of one sample.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.worker.numbers import floats, shortest
from serving.worker.request_error import Refusal, names, shown
from serving.worker.signature import Field

MOST = 256  # samples for one seed
SEED = 0  # for who names none
LARGEST = 2**63 - 1  # of a seed


def noise(value: Any, field: Field, where: str) -> NDArray[Any]:
    """Draw `number` rows from `seed`, float32 (number, Z), or read a list of Z numbers, float32 (Z,)."""
    (width,) = field.shape
    if isinstance(value, dict):
        number, seed = asked(value, where)
        generator = np.random.Generator(np.random.PCG64(seed))
        return generator.standard_normal((number, width), dtype=np.float32)
    if not isinstance(value, list) or len(value) != width:
        raise Refusal(400, f'{where}: expected {{"number": 8, "seed": 3}} or a list of {width}, found {shown(value)}')

    def refuse(place: int) -> Refusal:
        return Refusal(400, f"{where}[{place}]: expected a number, found {shown(value[place])}")

    if None in value:
        raise refuse(value.index(None))
    return floats(value, refuse)


def asked(value: dict[str, Any], where: str) -> tuple[int, int]:
    """How many samples and from which seed: 1 and 0 where they are not given."""
    if unknown := [name for name in value if name not in ("number", "seed")]:
        raise Refusal(400, f'{where}: expected only "number" and "seed", found the unknown field {names(unknown)}')
    return (
        _whole(value.get("number", 1), 1, MOST, f"{where}.number"),
        _whole(value.get("seed", SEED), 0, LARGEST, f"{where}.seed"),
    )


def _whole(value: Any, low: int, high: int, where: str) -> int:
    if type(value) is int and low <= value <= high:
        return value
    raise Refusal(400, f"{where}: expected a whole number from {low} to {high}, found {shown(value)}")


def noise_written(array: NDArray[Any], field: Field) -> list[float]:
    """The JSON that `noise` reads as this row."""
    numbers: list[float] = shortest(array)
    return numbers
