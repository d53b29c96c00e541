"""What runs inside a TorchServe worker; this folder is what travels in the archive."""
