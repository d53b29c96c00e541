"""Split conformal prediction: how wide an interval must be to hold the truth as often as it says.

Predictions for examples that were not trained on show how far predictions are from the truth. If new examples come from
the same source, an interval that reaches as far as 90 % of those distances (and a little further, because the next
example is one more) holds the truth with a probability of 90 % or more, whatever the model and the data.

Vovk, Gammerman & Shafer, "Algorithmic Learning in a Random World", 2005; Lei, G'Sell, Rinaldo, Tibshirani & Wasserman,
"Distribution-Free Predictive Inference for Regression", JASA 113, 2018. https://doi.org/10.1080/01621459.2017.1307116
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipelines.tasks.task import Metric

COVERAGE_ERROR = Metric(
    "coverage_error",
    "Distance from the promised coverage",
    "lower",
    "How far the share of true values inside the interval is from what it promises, in either direction: 0.05 is "
    "five in a hundred too few, or too many.",
)


def conformal_quantile(distances: NDArray[Any], coverage: float) -> NDArray[np.float64]:
    """Conformal quantile: the k-th smallest distance, k = ceil((N + 1) * coverage).

    Args:
        distances: from prediction to truth, (N, ...); below 0 where the truth lies inside a predicted interval.
        coverage: the probability that is promised.

    Returns:
        (...); the largest distance where N is too small for the promise (below 9 for 90 %).
    """
    rows = len(distances)
    assert rows, "a radius needs examples to measure"
    place = min(rows, math.ceil((rows + 1) * coverage - 1e-9))  # without the last bits of a product such as 10 * 0.9
    quantile: NDArray[np.float64] = np.partition(np.asarray(distances, dtype=np.float64), place - 1, axis=0)[place - 1]
    return quantile
