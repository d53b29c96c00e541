"""Simulations of the verdict with a known truth, on the project's own functions."""
