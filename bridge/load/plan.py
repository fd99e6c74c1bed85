"""What a load run does, as one document: who calls, when, and what they put up with.

Everything that is left to chance comes from `seed`, so a plan can be run again.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    field_validator,
    model_validator,
)

from bridge.errors import StreamError
from bridge.load.caller_plan import CallerPlan, Document
from bridge.load.thresholds import Threshold
from bridge.stream.content_type import DEFAULT_CONTENT_TYPE, ContentType
from bridge.stream.headers import MAX_EXTRA_HEADERS_BYTES

__all__ = [
    "Arrivals",
    "Constant",
    "Limits",
    "Plan",
    "Poisson",
    "Ramp",
    "Steps",
]

MOST_STREAMS = 100_000

Streams = Annotated[int, Field(ge=1, le=MOST_STREAMS)]


# ------------------------------------------------------------------------- arrivals


class Constant(Document):
    """So many streams at once; who hangs up is replaced."""

    kind: Literal["constant"] = "constant"
    streams: Streams = 1
    per_s: PositiveFloat = 50.0
    """New streams a second, until all are there."""


class Ramp(Document):
    """From few streams to many, evenly over the run."""

    kind: Literal["ramp"] = "ramp"
    first: PositiveInt = 1
    last: Streams

    @model_validator(mode="after")
    def _goes_up(self) -> Self:
        if self.last < self.first:
            raise ValueError("last must not be less than first: nobody is hung up on")
        return self


class Poisson(Document):
    """Calls come at random, however many are in progress: what real callers do."""

    kind: Literal["poisson"] = "poisson"
    calls_per_s: PositiveFloat
    most: Streams = 10_000
    """Streams at once, shared evenly by the processes; a call that finds so many is
    counted as turned away."""


class Steps(Document):
    """More streams step by step, until the limits break or `last` is reached."""

    kind: Literal["steps"] = "steps"
    first: PositiveInt = 10
    step: PositiveInt = 10
    last: Streams = 1000
    hold_s: Annotated[float, Field(ge=4)] = 10.0
    """How long each step is held; its first quarter is not judged. The run lasts as
    long as its steps do, whatever `duration_s` says."""
    per_s: PositiveFloat = 50.0


Arrivals = Annotated[Constant | Ramp | Poisson | Steps, Field(discriminator="kind")]


class Limits(Document):
    """Past these a run is not to be believed: it measured its own machine."""

    late_p99_ms: PositiveFloat = 5.0
    """How late own frames may leave."""
    cpu_cores: PositiveFloat = 0.9
    """How much of its core a worker may use, in any second but few."""


class Plan(Document):
    """A whole run.

    Args:
        url: `ws://` or `wss://`, of the stream server.
    """

    url: str
    duration_s: PositiveFloat = 30.0
    seed: int = 0
    arrivals: Arrivals = Constant()
    callers: tuple[CallerPlan, ...] = (CallerPlan(),)
    content_type: str = str(DEFAULT_CONTENT_TYPE)
    headers: dict[str, str] = Field(default_factory=dict)
    """HTTP headers of the upgrade."""
    extra_headers: str = ""
    """Plivo's, as they stand in the stream's messages."""
    token: SecretStr = SecretStr("")
    """Added to the URL's query as `token`."""
    auth_token: SecretStr = SecretStr("")
    """Signs each upgrade as Plivo does (version 3)."""
    connect_timeout_s: PositiveFloat = 10.0
    mark_timeout_s: PositiveFloat = 5.0
    """A mark that is not back after so long is lost."""
    fail_if: tuple[Threshold, ...] = ()
    limits: Limits = Limits()

    @field_validator("arrivals", mode="before")
    @classmethod
    def _constant_unless_said(cls, value: Any) -> Any:
        return {"kind": "constant"} | value if isinstance(value, dict) else value

    @field_validator("url")
    @classmethod
    def _is_stream(cls, text: str) -> str:
        allowed = f"{text!r}, allowed is ws://HOST:PORT/PATH, or wss://"
        try:
            parts = urlsplit(text)
            is_url = bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError as error:
            raise ValueError(f"{allowed} ({error})") from error
        if not is_url or parts.scheme not in ("ws", "wss"):
            raise ValueError(allowed)
        return text

    @field_validator("callers")
    @classmethod
    def _are_some(cls, callers: tuple[CallerPlan, ...]) -> tuple[CallerPlan, ...]:
        if not callers:
            raise ValueError("at least one")
        return callers

    @field_validator("headers")
    @classmethod
    def _are_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            is_fine = re.fullmatch(r"[!-9;-~]+", name) and re.fullmatch(
                r"[ -~]*", value
            )
            if not is_fine:
                raise ValueError(f"{name!r}: allowed are printable ASCII characters")
        return headers

    @field_validator("content_type")
    @classmethod
    def _streamable(cls, text: str) -> str:
        try:
            return str(ContentType.parse(text))
        except StreamError as error:
            raise ValueError(str(error)) from error

    @field_validator("extra_headers")
    @classmethod
    def _short_enough(cls, text: str) -> str:
        if len(text.encode()) > MAX_EXTRA_HEADERS_BYTES:
            raise ValueError(f"longer than {MAX_EXTRA_HEADERS_BYTES} bytes")
        return text

    @property
    def lasts_s(self) -> float:
        """How long the run is: `duration_s`, or as long as all steps take."""
        match self.arrivals:
            case Steps(first=first, step=step, last=last, hold_s=hold_s):
                return (max(0, -(-(last - first) // step)) + 1) * hold_s
        return self.duration_s

    @property
    def shown_url(self) -> str:
        """The URL without what may be secret in it."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        hidden = "?..." if parts.query else ""
        return f"{parts.scheme}://{host}{parts.path}{hidden}"

    @property
    def stream_type(self) -> ContentType:
        """What the streams carry."""
        return ContentType.parse(self.content_type)

    @property
    def sounds(self) -> set[str]:
        """The names of all sounds in it."""
        return set().union(*(caller.sounds for caller in self.callers))

    def beside(self, folder: Path) -> "Plan":
        """The same plan, with its files looked for in a folder."""
        callers = [caller.beside(folder) for caller in self.callers]
        return self.model_copy(update={"callers": tuple(callers)})
