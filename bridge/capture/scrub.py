"""Takes what is personal out of a capture: ids, headers, keys, and if wanted the sound.

What is left can still be replayed: messages keep their number, order and time. Each id
becomes the same other id wherever it stands; headers keep their names. What cannot be
read as a message is left out, since nobody can say what is in it.
"""

import dataclasses
import hashlib
import re
from typing import Any

import msgspec

from bridge.capture.format import Capture, Record, SocketEvent

__all__ = ["scrub"]

IDS = ("callId", "streamId", "accountId", "call_id", "stream_id", "account_id")

MASK = "xxx"

KEY = "0"
"""What each key becomes."""

SILENT_BYTES = {"audio/x-mulaw": b"\xff"}
"""What silence is written as, where it is not zeros."""


def scrub(capture: Capture, *, keep_audio: bool = True) -> Capture:
    """Mask a capture.

    Args:
        capture: As it was read.
        keep_audio: Whether what was said may be heard; otherwise it is silence.
    """
    silent = SILENT_BYTES.get(capture.header.content_type.partition(";")[0], b"\0")
    scrubber = _Scrubber(None if keep_audio else silent)
    header = msgspec.structs.replace(capture.header, path=_path(capture.header.path))
    records = [scrubber.record(each) for each in capture.records]
    return dataclasses.replace(capture, header=header, records=records)


def _path(path: str) -> str:
    """Keep `/stream`, mask what may be a secret or a customer behind it."""
    first, *rest = path.split("/")[1:] or [""]
    return "/".join(["", first, *(MASK for each in rest if each)])


class _Scrubber:
    def __init__(self, silent: bytes | None) -> None:
        self._silent = silent

    def record(self, record: Record) -> Record:
        if record.event is not None:
            # The reason of an end is a sentence of ours or of a peer: words, no ids.
            text = record.text if record.event is not SocketEvent.CLOSED else ""
            return msgspec.structs.replace(record, text=text)
        masked = self._text(record.message or b"")
        if record.is_received:
            return msgspec.structs.replace(record, received=masked, received_bytes=None)
        return msgspec.structs.replace(record, sent=masked)

    def _text(self, text: bytes) -> str:
        try:
            message = msgspec.json.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return MASK
        return msgspec.json.encode(self._mask(message)).decode()

    def _mask(self, value: Any, name: str = "") -> Any:
        if name in IDS and isinstance(value, str):
            return _other_id(value)
        if name == "extra_headers":
            return _headers(value)
        if name in ("digit", "dtmf") and isinstance(value, str | int):
            return re.sub(r"[^#]", KEY, str(value))
        if name == "payload" and self._silent is not None and isinstance(value, str):
            # Base64 of the same length: its padding tells how many bytes there were.
            size = len(value) * 3 // 4 - value.count("=")
            return msgspec.to_builtins(self._silent * size)
        if isinstance(value, dict):
            return {key: self._mask(each, key) for key, each in value.items()}
        if isinstance(value, list):
            return [self._mask(each) for each in value]
        return value


def _other_id(value: str) -> str:
    """Put each letter and digit of an id into another, the same way each time."""
    if not value:
        return value
    digits = hashlib.sha256(value.encode()).hexdigest() * (len(value) // 64 + 1)
    return "".join(
        new if old.isalnum() else old
        for old, new in zip(value, digits[: len(value)], strict=True)
    )


def _headers(value: Any) -> Any:
    """Keep the names, in whatever form they came."""
    if isinstance(value, dict):
        return dict.fromkeys(value, MASK)
    if isinstance(value, str):
        return re.sub(r"([=:]\s*\"?)[^,;\"}]*", rf"\1{MASK}", value)
    return value
