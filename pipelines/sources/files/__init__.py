"""Shared readers of sources: locations, downloads, CSV cells, dates, encodings, labels."""
