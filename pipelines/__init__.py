"""The work: every file here is a DVC stage, every folder a room the stages call."""

import os

# ONNX Runtime's wheels report their use to Microsoft, from the moment they are imported, unless told not to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
