"""Server: TorchServe started, watched and stopped; as a command: `python -m serving.server --help`."""
