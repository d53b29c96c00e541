"""The pipeline: every file here is a DVC stage, every folder a package that the stages use."""

import os

from pipelines.runtime.instruction_set import pin_instruction_set

# ONNX Runtime's wheels report their use to Microsoft, from the moment they are imported, unless told not to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
pin_instruction_set()  # here, as this is imported before any library that computes
