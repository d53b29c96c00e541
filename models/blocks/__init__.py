"""What architectures share: layers, activations, losses, optimizers, hyperparameters."""
