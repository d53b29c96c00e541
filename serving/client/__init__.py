"""A client for the served models, in the standard library alone: `python -m serving.client`."""
