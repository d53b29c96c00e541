"""Proposals: what a file or a folder probably holds, and the lines of params.yaml that would enter it."""
