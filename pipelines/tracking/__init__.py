"""Tracking: MLflow as a view of the artifacts, which can be lost and made again."""
