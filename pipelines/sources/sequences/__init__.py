"""`kind: sequences`: many short sequences, each with a label."""
