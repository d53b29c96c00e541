"""The pipeline: every file here is a DVC stage, every folder a package that the stages use."""

import os

# ONNX Runtime's wheels report their use to Microsoft, from the moment they are imported, unless told not to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
