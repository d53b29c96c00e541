"""`kind: images`: a folder per class, or a CSV list of files."""
