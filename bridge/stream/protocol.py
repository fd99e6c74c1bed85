"""One audio stream, from its first message to its last, seen from either side."""

import enum
import functools
from binascii import b2a_base64
from collections.abc import Mapping

from bridge.errors import MisuseError, StreamError
from bridge.stream import codec
from bridge.stream.content_type import DEFAULT_CONTENT_TYPE, ContentType
from bridge.stream.messages import (
    Checkpoint,
    ClearAudio,
    ClearedAudio,
    Dtmf,
    Media,
    Message,
    Numbered,
    PlayAudio,
    PlayAudioBody,
    PlayedStream,
    SendDtmf,
    Side,
    Start,
    Stop,
    Unknown,
)

__all__ = ["TRANSITIONS", "State", "StreamProtocol"]


NO_PAYLOAD = b'"payload":""'


class State(enum.Enum):
    """Where a stream stands."""

    WAITING = "waiting for start"
    STREAMING = "streaming"
    STOPPED = "stopped"


# Every legal move of both sides. Whatever is not here is the mistake of whoever sent
# it. Events nobody documented are passed over in every state.
TRANSITIONS: Mapping[tuple[State, type[Message]], State] = {
    # The platform's messages
    (State.WAITING, Start): State.STREAMING,
    (State.STREAMING, Media): State.STREAMING,
    (State.STREAMING, Dtmf): State.STREAMING,
    (State.STREAMING, PlayedStream): State.STREAMING,
    (State.STREAMING, ClearedAudio): State.STREAMING,
    # The server's messages
    (State.STREAMING, PlayAudio): State.STREAMING,
    (State.STREAMING, Checkpoint): State.STREAMING,
    (State.STREAMING, ClearAudio): State.STREAMING,
    (State.STREAMING, SendDtmf): State.STREAMING,
    # Either's
    (State.WAITING, Stop): State.STOPPED,
    (State.STREAMING, Stop): State.STOPPED,
}

# The same by state: hashing an enum for each of 50 frames a second is dear.
_MOVES: Mapping[State, Mapping[type[Message], State]] = {
    state: {move: to for (at, move), to in TRANSITIONS.items() if at is state}
    for state in State
}


class StreamProtocol:
    """What one side of a stream may send and receive, and when.

    Args:
        side: Which side we are.
        resumed: The `start` of a stream that goes on over a new socket; Plivo is
            known to reconnect without sending it again.
    """

    __slots__ = (
        *(
            "_around_audio",
            "_moves",
            "_peer",
            "_sample_bytes",
            "_sent",
            "_side",
            "content_type",
        ),
        *("start", "state", "stream_id"),
    )

    def __init__(self, side: Side, resumed: Start | None = None) -> None:
        self.state = State.WAITING
        self.start: Start | None = None
        self.stream_id = ""
        """The stream's name, empty while there is none."""
        self.content_type = DEFAULT_CONTENT_TYPE
        self._side = side
        self._peer = Side.PLATFORM if side is Side.BRIDGE else Side.BRIDGE
        self._sent = 0
        self._moves = _MOVES[self.state]
        self._sample_bytes = self.content_type.bytes_per_sample
        self._around_audio = _around_audio(self.content_type)
        if resumed is not None:
            self._begin(resumed)
            self._move_to(self._moves[Start])

    def __repr__(self) -> str:
        return f"<StreamProtocol {self._side.value} {self.state.value}>"

    def receive(self, text: bytes | str) -> Message | Unknown:
        """Take one message from the peer.

        Raises:
            StreamError: If it is malformed, not allowed now, or another stream's.
                The state is as it was, and the stream can go on.
        """
        message = codec.parse(text, self._peer)
        if isinstance(message, Unknown):
            return message
        state = self._moves.get(type(message))
        if state is None:
            raise StreamError(
                f"{_event(message)} while {self.state.value}",
                stream_id=message.stream_id or "",
            )
        named = message.stream_id
        if named != self.stream_id and named and self.stream_id:
            raise StreamError(
                f"{_event(message)} for stream {named[:64]} on stream {self.stream_id}",
                stream_id=named,
            )
        if type(message) is Media:
            if len(message.media.payload) % self._sample_bytes:
                self.content_type.whole_samples(message.media.payload)
        elif type(message) is Start:
            self._begin(message)
        if state is not self.state:
            self._move_to(state)
        return message

    def send(self, message: Message) -> bytes:
        """Write one message to the peer; the platform's are numbered here.

        Raises:
            MisuseError: If we may not send it now.
        """
        state = self._moves.get(type(message))
        if state is None:
            raise MisuseError(f"cannot send {_event(message)} while {self.state.value}")
        if type(message) is not PlayAudio:
            self._complete(message)
        if state is not self.state:
            self._move_to(state)
        return codec.dump(message)

    @property
    def around_audio(self) -> tuple[bytes, bytes]:
        """What stands before and behind the base64 of a `playAudio`."""
        return self._around_audio

    def audio(self, payload: bytes | bytearray) -> bytes:
        """Write a `playAudio`, as `send` would; of the stream's own content type.

        Raises:
            MisuseError: If we may not send it now.
        """
        if PlayAudio not in self._moves:
            raise MisuseError(f"cannot send playAudio while {self.state.value}")
        begin, end = self._around_audio
        return begin + b2a_base64(payload, newline=False) + end

    def _complete(self, message: Message) -> None:
        """Fill in what a message says of the stream that it goes over."""
        if self._side is Side.PLATFORM and isinstance(message, Numbered):
            self._sent += 1
            message.sequence_number = self._sent
            if isinstance(message, Start):
                self._begin(message)
        elif isinstance(message, Checkpoint | ClearAudio):
            # Plivo has them name their stream, and only them.
            message.stream_id = self.stream_id or None

    def _begin(self, start: Start) -> None:
        """Note what the stream carries."""
        media_format = start.start.media_format
        if media_format is not None:
            try:
                self.content_type = ContentType.parse(
                    media_format.encoding, media_format.sample_rate
                )
            except StreamError as error:
                error.ends_stream = True
                raise
        self._sample_bytes = self.content_type.bytes_per_sample
        self._around_audio = _around_audio(self.content_type)
        self.start = start
        self.stream_id = start.start.stream_id or start.stream_id or ""

    def _move_to(self, state: State) -> None:
        self.state = state
        self._moves = _MOVES[state]


@functools.cache
def _around_audio(content_type: ContentType) -> tuple[bytes, bytes]:
    """What stands before and behind the payload of a `playAudio`."""
    body = PlayAudioBody(b"", content_type.encoding, content_type.rate_hz)
    begin, end = codec.dump(PlayAudio(media=body)).split(NO_PAYLOAD)
    return begin + NO_PAYLOAD[:-1], NO_PAYLOAD[-1:] + end


def _event(message: Message) -> str:
    tag = type(message).__struct_config__.tag
    return str(tag)
