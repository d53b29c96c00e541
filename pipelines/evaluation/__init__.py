"""Evaluation: predictions, intervals, significance, ranking and the champion."""
