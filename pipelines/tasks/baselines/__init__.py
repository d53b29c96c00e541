"""Baseline predictions: what a network has to beat."""
