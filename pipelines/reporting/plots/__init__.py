"""Plots: curves, examples, mistakes and the augmentation preview, as PNG files."""
