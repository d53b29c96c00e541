"""Predictions to replies: one task per file."""
