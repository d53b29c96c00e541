"""`kind: arrays`: .npy, .npz and idx files."""
