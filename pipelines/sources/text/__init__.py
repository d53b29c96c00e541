"""`kind: text`: texts with labels, from a CSV file or a folder per class."""
