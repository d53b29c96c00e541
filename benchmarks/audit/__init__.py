"""Audit: simulations of what the verdict claims, with the project's own functions and data of known truth."""
