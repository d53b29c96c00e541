"""`kind: audio`: recordings, each a file."""
