"""What can go wrong, sorted by who has to act.

* `BridgeError`
    * `ConfigError`: the operator; an option is missing or wrong
    * `MisuseError`: us; our own code called something out of turn
    * `PeerError`: the other side; end this call, keep serving the rest
        * `StreamError`: it broke the media stream protocol
        * `ServiceError`: a recognizer, brain or voice elsewhere did not do its work
    * `ControlError`: the REST API said no, or did not answer
        * `RefusedError`: asking again will not help
        * `UnavailableError`: asking again may help
"""

__all__ = [
    "BridgeError",
    "ConfigError",
    "ControlError",
    "MisuseError",
    "PeerError",
    "RefusedError",
    "ServiceError",
    "StreamError",
    "UnavailableError",
]


class BridgeError(Exception):
    """Anything this package raises on purpose."""


class ConfigError(BridgeError):
    """An option is missing or wrong; the operator has to change it."""


class MisuseError(BridgeError):
    """Our own code, or a bot, called something out of turn."""


class PeerError(BridgeError):
    """The other side did something it must not do."""


class StreamError(PeerError):
    """The far side broke the media stream protocol.

    The message was not taken, and the stream stands where it stood.

    Args:
        what: What was wrong, as a sentence without a full stop.
        excerpt: The start of the offending text, for the log.
        stream_id: The stream the message named, where it could be read.

    `ends_stream` is set where the stream cannot go on after it.
    """

    def __init__(self, what: str, excerpt: str = "", stream_id: str = "") -> None:
        super().__init__(what, excerpt, stream_id)
        self.what = what
        self.excerpt = excerpt
        self.stream_id = stream_id
        self.ends_stream = False

    def __str__(self) -> str:
        return f"{self.what}: {self.excerpt}" if self.excerpt else self.what


class ServiceError(PeerError):
    """A service that a bot uses failed: a recognizer, a brain, a voice, a bot.

    Args:
        service: Which, in words.
        detail: What it or the network said.
    """

    def __init__(self, service: str, detail: str) -> None:
        super().__init__(service, detail)
        self.service = service
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.service}: {self.detail}"


class ControlError(BridgeError):
    """The REST API refused an operation, or could not be reached.

    Args:
        operation: What was asked, in words (`"mute member"`).
        status: The HTTP status, or None where no answer came.
        detail: What the API or the network said.
    """

    def __init__(self, operation: str, status: int | None, detail: str) -> None:
        super().__init__(operation, status, detail)
        self.operation = operation
        self.status = status
        self.detail = detail

    def __str__(self) -> str:
        answer = "no answer" if self.status is None else f"HTTP {self.status}"
        return f"{self.operation}: {answer}: {self.detail}"


class RefusedError(ControlError):
    """The API said no, and asking again will not help."""


class UnavailableError(ControlError):
    """The API could not answer now; asking again may help.

    `retry_s` is how long it wishes to be left alone, where it said so.
    """

    retry_s: float | None = None
