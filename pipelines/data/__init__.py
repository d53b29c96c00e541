"""Datasets as arrays: schema, parts, texts, arrays larger than memory."""
