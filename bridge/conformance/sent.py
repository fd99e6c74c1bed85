"""What the server sent in the plain call, held against the reference."""

import base64
import binascii
import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from typing import Any

from bridge.conformance.findings import Basis, Finding, Outcome, Scene
from bridge.errors import StreamError
from bridge.stream import codec
from bridge.stream.content_type import ContentType
from bridge.stream.messages import Side, Unknown

__all__ = ["MOST_AHEAD_S", "SENT_SCENES", "Evidence", "sent_findings"]

MOST_AHEAD_S = 60.0
"""Plivo's documented playback queue."""

EXCERPT_CHARACTERS = 80


@dataclasses.dataclass
class Evidence:
    """One call's traffic from the server."""

    stream_id: str
    content_type: ContentType
    received: list[str | bytes]
    most_ahead_s: float

    @property
    def texts(self) -> list[str]:
        """The text messages."""
        return [each for each in self.received if isinstance(each, str)]

    @functools.cached_property
    def objects(self) -> list[dict[str, Any]]:
        """The messages that are JSON objects."""
        values = (_value(text) for text in self.texts)
        return [value for value in values if isinstance(value, dict)]

    @property
    def plays(self) -> list[dict[str, Any]]:
        """The `media` of every `playAudio` that has one."""
        found = [each for each in self.objects if each.get("event") == "playAudio"]
        return [each["media"] for each in found if isinstance(each.get("media"), dict)]

    @property
    def payloads(self) -> list[str]:
        """What should be base64."""
        return [each["payload"] for each in self.plays if "payload" in each]

    def of_events(self, *events: str) -> list[dict[str, Any]]:
        """The messages of some events."""
        return [each for each in self.objects if each.get("event") in events]


Faults = Iterator[str]
Check = Callable[[Evidence], tuple[int, Faults]]
"""How many things were looked at, and what is wrong with some of them."""


def _value(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _text_frames(seen: Evidence) -> tuple[int, Faults]:
    binary = (each for each in seen.received if isinstance(each, bytes))
    return len(seen.received), (f"binary, {len(each)} bytes" for each in binary)


def _json_objects(seen: Evidence) -> tuple[int, Faults]:
    wrong = (text for text in seen.texts if not isinstance(_value(text), dict))
    return len(seen.texts), (f"no object: {_excerpt(text)}" for text in wrong)


def _known_events(seen: Evidence) -> tuple[int, Faults]:
    def faults() -> Faults:
        for message in seen.objects:
            event = message.get("event")
            if not isinstance(event, str):
                yield f"no event: {_excerpt(message)}"
            elif isinstance(_parsed(message), Unknown):
                yield f"unknown event {event[:40]!r}"

    return len(seen.objects), faults()


def _required_fields(seen: Evidence) -> tuple[int, Faults]:
    def faults() -> Faults:
        for message in seen.objects:
            problem = _parsed(message)
            # Base64 has a check of its own.
            if isinstance(problem, str) and "base64" not in problem.lower():
                yield problem
        for media in seen.plays:
            for name in ("contentType", "sampleRate", "payload"):
                if name not in media:
                    yield f"playAudio without {name}"

    return len(seen.objects), faults()


def _content_type(seen: Evidence) -> tuple[int, Faults]:
    encoding, rate_hz = seen.content_type.encoding, seen.content_type.rate_hz
    # A rate as a string is documented elsewhere, and works.
    right = (encoding, str(rate_hz))
    said = [
        (each.get("contentType"), str(each.get("sampleRate"))) for each in seen.plays
    ]
    wrong = (f"{name!r} at {rate}" for name, rate in said if (name, rate) != right)
    return len(said), wrong


def _base64(seen: Evidence) -> tuple[int, Faults]:
    wrong = (text for text in seen.payloads if _bytes(text) is None)
    return len(seen.payloads), (f"no base64: {_excerpt(text)}" for text in wrong)


def _whole_samples(seen: Evidence) -> tuple[int, Faults]:
    size = seen.content_type.bytes_per_sample
    payloads = [payload for each in seen.payloads if (payload := _bytes(each))]
    wrong = (len(payload) for payload in payloads if len(payload) % size)
    return len(payloads), (f"payload of {count} bytes" for count in wrong)


def _small_messages(seen: Evidence) -> tuple[int, Faults]:
    sizes = [
        len(each.encode() if isinstance(each, str) else each) for each in seen.received
    ]
    wrong = (size for size in sizes if size >= codec.MAX_MESSAGE_BYTES)
    return len(sizes), (f"message of {size} bytes" for size in wrong)


def _stream_id(seen: Evidence) -> tuple[int, Faults]:
    named = seen.of_events("checkpoint", "clearAudio")
    wrong = (each for each in named if each.get("streamId") != seen.stream_id)
    return len(named), (
        f"{each['event']} for stream {_excerpt(each.get('streamId'))}" for each in wrong
    )


def _no_flood(seen: Evidence) -> tuple[int, Faults]:
    ahead_s = seen.most_ahead_s
    wrong = [f"{ahead_s:.0f} s queued"] if ahead_s > MOST_AHEAD_S else []
    return len(seen.plays), iter(wrong)


CHECKS: dict[str, tuple[Check, str]] = {
    "sent-text-frames": (_text_frames, "text messages only"),
    "sent-json-objects": (_json_objects, "JSON objects only"),
    "sent-known-events": (_known_events, "only events that Plivo knows"),
    "sent-required-fields": (_required_fields, "every field that the schema requires"),
    "sent-content-type": (
        _content_type,
        "the stream's own contentType, without ;rate=, and its sampleRate",
    ),
    "sent-base64": (_base64, "payloads in standard base64, padded"),
    "sent-whole-samples": (_whole_samples, "payloads of whole samples"),
    "sent-small-messages": (_small_messages, "messages of less than 64 KB"),
    "sent-stream-id": (_stream_id, "the stream's own id in checkpoint and clearAudio"),
    "sent-no-flood": (_no_flood, "no more than the 60 s that Plivo queues"),
}

SENT_SCENES = {
    name: Scene(name, Basis.DOCUMENTED, f"sends {what}")
    for name, (_check, what) in CHECKS.items()
}


def sent_findings(seen: Evidence) -> list[Finding]:
    """Check everything the server sent in one call."""
    return [_finding(name, check, seen) for name, (check, _what) in CHECKS.items()]


def _finding(name: str, check: Check, seen: Evidence) -> Finding:
    scene = SENT_SCENES[name]
    count, found = check(seen)
    faults = list(found)
    if faults:
        what = f"{len(faults)} faults in {count}, the first: {faults[0]}"
        return Finding.of(scene, Outcome.FAIL, what)
    if not count:
        nothing = "nothing of the kind" if seen.received else "nothing"
        return Finding.of(scene, Outcome.SKIPPED, f"the server sent {nothing}")
    note = f", {seen.most_ahead_s:.2f} s queued at most" if check is _no_flood else ""
    return Finding.of(scene, Outcome.PASS, f"{count} looked at{note}")


def _parsed(message: dict[str, Any]) -> object:
    """Read a message; what is wrong with it where it is none."""
    try:
        return codec.parse(json.dumps(message), Side.BRIDGE)
    except StreamError as error:
        return str(error)


def _bytes(payload: object) -> bytes | None:
    try:
        return base64.b64decode(str(payload), validate=True)
    except (binascii.Error, ValueError):
        return None


def _excerpt(value: object) -> str:
    return repr(value)[:EXCERPT_CHARACTERS]
