"""What was run, in MLflow: a view of the artifacts that can be lost and made again."""
