"""TorchServe worker: the code that runs beside a model; all of this folder travels in the archive, and nothing else."""
