"""Budgets of so many epochs, whatever the number of steps."""

from pipelines.training.budget import Budget, BudgetSettings


def epochs(count: int, share: float = 1.0) -> Budget:
    """A training of `count` epochs that stops after a share of them."""
    return Budget(BudgetSettings(epochs=count, min_steps=1), share)
