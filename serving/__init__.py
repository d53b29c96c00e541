"""Serving: predictions over HTTP by TorchServe; imports nothing of models/ or pipelines/."""

import os

# ONNX Runtime's wheels report their use to Microsoft, from the moment they are imported, unless this is set.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
