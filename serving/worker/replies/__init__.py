"""Reply formats: outputs of the graph to JSON, one task per file and their table."""
