"""report.html: contents read from the artifacts, and rendering."""
