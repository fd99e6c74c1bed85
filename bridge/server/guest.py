"""Who is behind a connection, or why nobody is: the interface."""

from http import HTTPStatus
from typing import Protocol

__all__ = ["Guest", "Refusal"]


class Refusal(Exception):  # noqa: N818 - an answer, not a failure
    """An HTTP answer instead of an upgrade."""

    def __init__(
        self,
        status: HTTPStatus,
        body: str,
        *,
        content_type: str = "text/plain; charset=utf-8",
        retry_after_s: int | None = None,
        why: str = "",
    ) -> None:
        super().__init__(status, body)
        self.why = why
        """One of few words, for the metrics."""
        self.status = status
        self.body = body
        self.content_type = content_type
        self.retry_after_s = retry_after_s


class Guest(Protocol):
    """What is behind an upgraded connection."""

    is_started: bool
    """Whether the stream has begun."""

    def receive(self, text: bytes) -> None:
        """Take a text message."""

    def complain(self, what: str) -> None:
        """Note what no stream sends, and go on."""

    def pause_writing(self) -> None:
        """The far end does not read."""

    def resume_writing(self) -> None:
        """The far end reads again."""

    def closed(self, *, cleanly: bool) -> None:
        """The socket is gone; `cleanly` if the far end said goodbye."""
