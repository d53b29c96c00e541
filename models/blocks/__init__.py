"""What networks are made of, and what they learn by: parts that several architectures share."""
