"""Data checks: what is wrong with the data and with its split, as findings for the manifest."""
