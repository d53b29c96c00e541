"""How it is learned: the learners, search, checkpoints."""
