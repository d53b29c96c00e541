"""`kind: masks`: images, and images that give a class per pixel."""
