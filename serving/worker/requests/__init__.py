"""Request parsing: JSON, CSV, text and images to the arrays that the graph reads; one kind of field per file."""
