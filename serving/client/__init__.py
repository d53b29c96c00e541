"""HTTP client of the served models; also a command: `python -m serving.client --help`."""

from serving.client.client import Client
from serving.client.client_error import ClientError

__all__ = ["Client", "ClientError"]
