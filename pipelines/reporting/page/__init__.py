"""report.html: its contents, gathered from the artifacts, and its rendering."""
