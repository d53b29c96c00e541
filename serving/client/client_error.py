"""Client errors: why there is no reply."""


class ClientError(RuntimeError):
    """There is no reply; the message says why. `status` is the HTTP status, None when no server answered."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
