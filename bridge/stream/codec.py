"""Messages read from text and written to it."""

import re
from collections.abc import Callable, Mapping

import msgspec

from bridge.errors import StreamError
from bridge.stream.messages import (
    Checkpoint,
    ClearAudio,
    ClearedAudio,
    Dtmf,
    Media,
    Message,
    PlayAudio,
    Played,
    PlayedStream,
    SendDtmf,
    Side,
    Start,
    Stop,
    Unknown,
)

__all__ = ["MAX_MESSAGE_BYTES", "dump", "parse"]

MAX_MESSAGE_BYTES = 64 * 1024
"""Plivo's limit for one message, which must stay below it."""

EXCERPT_CHARACTERS = 120

KEYS = re.compile(r"[0-9*#A-D]+")

# `strict=False` reads numbers from strings: senders do not agree which is which.
_FROM_PLATFORM: msgspec.json.Decoder[Message] = msgspec.json.Decoder(
    Media | Dtmf | PlayedStream | Played | ClearedAudio | Start | Stop, strict=False
)
_FROM_BRIDGE: msgspec.json.Decoder[Message] = msgspec.json.Decoder(
    PlayAudio | Checkpoint | ClearAudio | SendDtmf | Stop, strict=False
)
_EVENTS: Mapping[Side, frozenset[str]] = {
    Side.PLATFORM: frozenset(
        ("media", "dtmf", "playedStream", "played", "clearedAudio", "start", "stop")
    ),
    Side.BRIDGE: frozenset(
        ("playAudio", "checkpoint", "clearAudio", "sendDTMF", "stop")
    ),
}
# Looked up once: a member of an enum costs as much as a call.
_PLATFORM = Side.PLATFORM


class _Envelope(msgspec.Struct, rename="camel"):
    event: str
    stream_id: object = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)


def parse(text: bytes | str, sender: Side) -> Message | Unknown:
    """Read one message that `sender` wrote.

    Raises:
        StreamError: If it is no message: not JSON, too long, or a field is missing
            or wrong. It says which, and nothing else is ever raised.
    """
    if len(text) >= MAX_MESSAGE_BYTES:
        raise StreamError(
            f"message of {len(text)} bytes, allowed are under {MAX_MESSAGE_BYTES}",
            _excerpt(text),
        )
    try:
        decoder = _FROM_PLATFORM if sender is _PLATFORM else _FROM_BRIDGE
        message = decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return _unknown_or_broken(text, sender, error)
    if type(message) is Media or type(message) is PlayAudio:
        return message
    return _checked(message, text)


dump: Callable[[Message], bytes] = msgspec.json.Encoder().encode
"""Write a message; what is None is left out."""


def _checked(message: Message, text: bytes | str) -> Message:
    """Look at what the types alone do not say."""
    match message:
        case Dtmf():
            message.dtmf.digit = str(message.dtmf.digit)
            if len(message.dtmf.digit) != 1 or not KEYS.fullmatch(message.dtmf.digit):
                raise StreamError("digit is none of 0-9 * # A-D", _excerpt(text))
        case SendDtmf() if not KEYS.fullmatch(message.dtmf):
            raise StreamError("dtmf is not made of 0-9 * # A-D", _excerpt(text))
        case PlayedStream() | Played():
            name = message.nested.name if message.nested else message.name
            if name is None:
                raise StreamError("playedStream without a name", _excerpt(text))
            return PlayedStream(
                name=name,
                stream_id=message.stream_id,
                sequence_number=message.sequence_number,
            )
    return message


def _unknown_or_broken(text: bytes | str, sender: Side, error: Exception) -> Unknown:
    """Tell an event nobody documented from a known one that is malformed."""
    try:
        envelope = _ENVELOPE.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise StreamError(f"unreadable message ({error})", _excerpt(text)) from error
    stream_id = envelope.stream_id if isinstance(envelope.stream_id, str) else None
    if envelope.event in _EVENTS[sender]:
        raise StreamError(
            f"malformed {envelope.event} ({error})", _excerpt(text), stream_id or ""
        ) from error
    return Unknown(envelope.event, _excerpt(text), stream_id)


def _excerpt(text: bytes | str) -> str:
    start = text[:EXCERPT_CHARACTERS]
    return start if isinstance(start, str) else start.decode(errors="replace")
