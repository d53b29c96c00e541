"""The champion as files that answer without this project's code, and the proof that they answer the same."""
