"""Data sources: one kind of source per folder, each with its settings and its loader; kinds.py is their table."""
