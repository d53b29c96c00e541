"""Requests to model inputs: one kind of field per file."""
