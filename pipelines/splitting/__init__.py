"""Splitting into train, valid and test: strategies, duplicates, groups and time."""
