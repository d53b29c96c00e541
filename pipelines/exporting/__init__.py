"""Export of the champion as files that need no code of this project, with a check of parity."""
