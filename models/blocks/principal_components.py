"""Principal components of centred rows."""

import torch
import torch.nn.functional as F
from torch import Tensor


def principal_components(x: Tensor, component_count: int) -> tuple[Tensor, Tensor]:
    """Directions of largest variance, and the variances.

    Args:
        x: centred rows, (N, F), float64.
        component_count: K; where the rows span fewer directions, the rest are zeros.

    Returns:
        Directions of length 1, the one with the largest variance first, each with its largest number above 0, (K, F),
        and the variances along them, (K,).
    """
    rows, features = x.shape
    if features <= rows:
        variances, vectors = torch.linalg.eigh(x.T @ x / rows)  # ascending; (F, F)
        directions = vectors.T
    else:  # the same from the smaller side: v is an eigenvector of x x', so x' v is one of x' x
        variances, vectors = torch.linalg.eigh(x @ x.T / rows)
        directions = vectors.T @ x
        directions = directions / directions.norm(dim=1, keepdim=True).clamp(min=1e-12)
    directions, variances = directions.flip(0)[:component_count], variances.flip(0)[:component_count].clamp(min=0)
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    directions = torch.where(largest < 0, -directions, directions)
    missing = component_count - len(directions)
    return F.pad(directions, (0, 0, 0, missing)), F.pad(variances, (0, missing))
