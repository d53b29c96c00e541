"""Metrics: how good predictions are, for one set of weights or for many resamples at once."""
