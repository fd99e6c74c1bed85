"""Targets without a loop: bytes in, a value or the one error that is promised out."""

from bridge.errors import PeerError, StreamError
from bridge.multiparty import callbacks, xml
from bridge.stream import codec
from bridge.stream.content_type import ContentType
from bridge.stream.headers import parse_extra_headers
from bridge.stream.messages import Message, Side, Unknown
from bridge.stream.protocol import StreamProtocol

__all__ = [
    "fuzz_callback",
    "fuzz_codec",
    "fuzz_content_type",
    "fuzz_headers",
    "fuzz_protocol",
    "fuzz_xml",
]

SIDES = (Side.PLATFORM, Side.BRIDGE)


def fuzz_codec(data: bytes) -> None:
    """A message parses or is a StreamError, never any other; what parses is written so
    that it parses again."""
    for side in SIDES:
        for text in (data, data.decode(errors="surrogateescape")):
            try:
                message = codec.parse(text, side)
            except StreamError as error:
                str(error)
                continue
            if not isinstance(message, Unknown):
                again = codec.parse(codec.dump(message), side)
                assert type(again) is type(message)


def fuzz_protocol(data: bytes) -> None:
    """A line of messages moves the state or is a StreamError, which leaves it."""
    for side in SIDES:
        protocol = StreamProtocol(side)
        for line in data.split(b"\n"):
            before = protocol.state, protocol.start
            try:
                message = protocol.receive(line)
            except StreamError:
                assert (protocol.state, protocol.start) == before
            else:
                assert isinstance(message, Message | Unknown)


def fuzz_headers(data: bytes) -> None:
    """Extra headers are always words by name, never an error."""
    for text in (data.decode("latin-1"), data.decode(errors="surrogateescape")):
        headers = parse_extra_headers(text)
        words = [*headers, *headers.values()]
        assert all(type(word) is str for word in words)


def fuzz_content_type(data: bytes) -> None:
    """A content type is read, and written so that it reads the same, or is a
    StreamError."""
    try:
        read = ContentType.parse(data.decode(errors="surrogateescape"))
    except StreamError:
        return
    assert ContentType.parse(str(read)) == read


def fuzz_xml(data: bytes) -> None:
    """A document is elements or a PeerError, never any other."""
    try:
        elements = xml.parse(data, "c")
    except PeerError as error:
        str(error)
        return
    assert isinstance(elements, list)


def fuzz_callback(data: bytes) -> None:
    """Parameters are a callback or a PeerError; a callback's parameters are the same
    callback again."""
    pairs = [line.partition("=") for line in data.decode(errors="replace").split("\n")]
    params = {name: value for name, _, value in pairs}
    try:
        callback = callbacks.parse(params)
    except PeerError as error:
        str(error)
        return
    again = callbacks.parse(callback.params())
    assert type(again) is type(callback)
    hash(callback.key)
