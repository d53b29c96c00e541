"""TorchServe: started, watched and stopped: `python -m serving.server`."""
