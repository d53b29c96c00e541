"""Audit: simulations behind the verdict, each a claim with the value that it is accepted at."""
