"""Benchmarks: side-by-side measurements, each printing a ratio; none is a test."""
