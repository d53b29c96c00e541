"""What every source that reads files shares: paths, downloads, cells, encodings, labels."""
