"""Training: learners, loops, search, checkpoints, augmentation."""
