"""Request parsing: JSON, CSV, text, images and recordings to the graph's arrays; one kind of field per file."""
