"""How examples are stored: their columns, their parts, and what a source hands over before they are split."""
