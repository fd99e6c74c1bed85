"""Every message of Plivo's audio stream, in both directions.

Field names are the wire's, in snake case. A field that is absent is None: senders
leave out nearly everything at times, so only what a message is useless without is
required.
"""

import enum

import msgspec

__all__ = [
    "Checkpoint",
    "ClearAudio",
    "ClearedAudio",
    "Dtmf",
    "DtmfBody",
    "FromPlatform",
    "FromServer",
    "Media",
    "MediaBody",
    "MediaFormat",
    "Message",
    "PlayAudio",
    "PlayAudioBody",
    "PlayedStream",
    "SendDtmf",
    "Side",
    "Start",
    "StartBody",
    "Stop",
    "Unknown",
]


class Side(enum.Enum):
    """The two ends of a stream."""

    BRIDGE = "bridge"
    """The WebSocket server, which the bot speaks through."""
    PLATFORM = "platform"
    """Plivo, or an engine in its place: the WebSocket client."""


class Body(msgspec.Struct, rename="camel", omit_defaults=True, gc=False):
    """An object inside a message. It is a tree, so the collector need not follow it."""


class Message(Body, tag_field="event", kw_only=True):
    """A message; `event` says which."""

    stream_id: str | None = None


# ------------------------------------------------------- platform to server


class Numbered(Message, kw_only=True):
    """What the platform sends is numbered: 1 for `start`, one more each."""

    sequence_number: int | None = None


class MediaFormat(Body):
    """How the stream's audio is written."""

    encoding: str
    sample_rate: int | None = None


class StartBody(Body):
    """The facts about a stream."""

    call_id: str | None = None
    stream_id: str | None = None
    account_id: str | None = None
    tracks: list[str] | None = None
    media_format: MediaFormat | None = None


class Start(Numbered, tag="start", kw_only=True):
    """Opens the stream, once, before anything else."""

    start: StartBody
    extra_headers: object = msgspec.field(default=None, name="extra_headers")
    """Officially a string; see `headers.parse_extra_headers`."""


class MediaBody(Body):
    """One frame of audio."""

    payload: bytes
    """Raw audio in the stream's content type; base64 on the wire."""
    track: str | None = None
    timestamp: str | int | None = None
    """Milliseconds, since the epoch or since the start: sources disagree."""
    chunk: int | None = None
    """Counts the track's frames from 1."""


class Media(Numbered, tag="media", kw_only=True):
    """What is said in the call, about 20 ms of it."""

    media: MediaBody
    extra_headers: object = msgspec.field(default=None, name="extra_headers")


class DtmfBody(Body):
    """One key."""

    digit: str | int
    """One of `0-9 * # A-D`."""
    track: str | None = None
    timestamp: str | int | None = None


class Dtmf(Numbered, tag="dtmf", kw_only=True):
    """A participant pressed a key."""

    dtmf: DtmfBody
    extra_headers: object = msgspec.field(default=None, name="extra_headers")


class Name(Body):
    """A checkpoint's name where a sender nests it."""

    name: str


class PlayedStream(Numbered, tag="playedStream"):
    """All audio sent before the named checkpoint has been played."""

    name: str | None = None
    nested: Name | None = msgspec.field(default=None, name="playedStream")


class Played(Numbered, tag="played"):
    """`playedStream` as an old support article spells it."""

    name: str | None = None
    nested: Name | None = msgspec.field(default=None, name="played")


class ClearedAudio(Numbered, tag="clearedAudio"):
    """Everything queued has been dropped."""


class Stop(Numbered, tag="stop"):
    """The stream ends. Plivo may just close the socket instead."""

    reason: str | None = None


# ------------------------------------------------------- server to platform


class PlayAudioBody(Body):
    """Audio to play."""

    payload: bytes
    content_type: str | None = None
    """Without `;rate=`."""
    sample_rate: int | None = None


class PlayAudio(Message, tag="playAudio", kw_only=True):
    """Queue audio of any length for playback."""

    media: PlayAudioBody


class Checkpoint(Message, tag="checkpoint", kw_only=True):
    """Ask for a `playedStream` when all audio sent so far has been played."""

    name: str


class ClearAudio(Message, tag="clearAudio"):
    """Drop everything queued: the bot is interrupted."""


class SendDtmf(Message, tag="sendDTMF", kw_only=True):
    """Press keys on the bot's behalf."""

    dtmf: str


class Unknown(msgspec.Struct):
    """An event that is not in the protocol; to be passed over."""

    event: str
    text: str
    """The start of the message, for the log."""
    stream_id: str | None = None


FromPlatform = Start | Media | Dtmf | PlayedStream | ClearedAudio | Stop | Unknown
FromServer = PlayAudio | Checkpoint | ClearAudio | SendDtmf | Stop | Unknown
