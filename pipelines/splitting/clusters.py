"""Clusters: which examples belong together within a part.

Examples of one group belong together where the split goes by groups, and so do copies of one example. Windows of a
series are ordered in time; those whose futures overlap cannot be counted as examples at all.

N examples, of which M are in the part.
"""

import numpy as np
from numpy.typing import NDArray

from pipelines.data.dataset import Dataset
from pipelines.data.dependence import ALONE, Dependence
from pipelines.splitting.request import SplitRequest, shuffled_groups

GROUP_STRATEGIES = ("group", "group_in_time")
MAX_TWIN_SHARE = 0.5  # of the examples; where more have a twin, equal inputs are cells of a table and no copies


def cluster_examples(request: SplitRequest) -> NDArray[np.int64]:
    """The number of the cluster that each example belongs to, (N,): its group, its twins, or all that these link."""
    twins = request.sets
    alone = np.arange(len(twins))
    if np.mean(np.bincount(twins)[twins] > 1) > MAX_TWIN_SHARE:
        twins = alone
    if request.settings.by not in GROUP_STRATEGIES:
        return twins
    groups, _ = shuffled_groups(request)
    return _link(np.asarray(groups, dtype=np.int64), twins)


def find_dependence(data: Dataset, clusters: NDArray[np.int64], rows: NDArray[np.int64]) -> Dependence:
    """How the examples of a part depend on each other.

    Args:
        data: N examples.
        clusters: what `cluster_examples` found, (N,).
        rows: the examples in the part, (M,).
    """
    target = data.schema.target
    if target.kind == "steps" and "origin" in data.keys:
        origins = np.asarray(data.keys["origin"])[rows].astype(np.int64)
        overlap = (np.diff(np.sort(origins)) < target.shape[0]).any()
        return Dependence("overlapping" if overlap else "series", origins)
    names, numbers = np.unique(clusters[rows], return_inverse=True)
    return ALONE if len(names) == len(rows) else Dependence("clusters", numbers.astype(np.int64))


def _link(groups: NDArray[np.int64], twins: NDArray[np.int64]) -> NDArray[np.int64]:
    """Groups that share a twin become one: (N,), (N,) -> (N,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    offset = int(groups.max()) + 1
    nodes = offset + int(twins.max()) + 1
    links = coo_array((np.ones(len(groups)), (groups, twins + offset)), shape=(nodes, nodes))
    _, component = connected_components(links, directed=False)
    return np.asarray(component[groups], dtype=np.int64)
