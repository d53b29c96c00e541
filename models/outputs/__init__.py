"""Output transforms: from a network's units to the target's units, and what is served; inside the graph."""
