"""Settings: params.yaml as typed values, paths of artifacts, and what follows from both: jobs, tasks, models."""
