"""Side-by-side measurements; each prints a ratio, and none is a test."""
