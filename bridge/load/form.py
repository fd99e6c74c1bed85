"""The form of a stream's audio messages, so that not each of them needs a parser.

A server writes all of its audio alike: what stands before the payload and behind it is
always the same. A message that was parsed and found good shows both; whatever has them,
too, differs in its payload alone.
"""

import functools

import msgspec

from bridge.stream.codec import MAX_MESSAGE_BYTES

__all__ = ["Form"]

KEY = b'"payload"'

NEVER = -1
"""So many bytes less a message cannot have become."""

OPENINGS = (KEY + b":", KEY + b": ")
"""How a head ends; whoever writes it otherwise is parsed each time."""

_base64 = msgspec.json.Decoder(bytes).decode
"""The parser's own reading of a JSON string with audio."""


class Form:
    """What stands around the payloads of a stream.

    Args:
        sample_bytes: Of the stream's audio.
    """

    __slots__ = ("_around_bytes", "_sample_bytes", "head", "tail")

    def __init__(self, sample_bytes: int) -> None:
        self._sample_bytes = sample_bytes
        self.forget()

    @property
    def is_known(self) -> bool:
        """Whether one was learned."""
        return self._around_bytes != NEVER

    def forget(self) -> None:
        """Have each message parsed, until one is learned from."""
        self.head = self.tail = b""
        self._around_bytes = NEVER

    def learn(self, text: bytes) -> None:
        """Take the form of a message of audio that was found good.

        No form is taken where what was parsed might not be what stands there: behind
        an escape, or where the key is there twice.
        """
        opening, _, rest = text.partition(KEY)
        begin = len(opening) + len(KEY) + 1 + rest.startswith(b": ")
        end = text.find(b'"', begin + 1) + 1
        head, tail = text[:begin], text[end:]
        is_plain = b"\\" not in head and b"\\" not in tail and KEY not in tail
        if is_plain and head.endswith(OPENINGS) and end > 0:
            self.head, self.tail = _shared(head), _shared(tail)
            self._around_bytes = len(head) + len(tail)
        else:
            self.forget()

    def payload_of(self, text: bytes) -> bytes | None:
        """The audio of a message of this form; None where it is to be parsed."""
        # Quicker than to ask for both, and then to cut.
        quoted = text.removeprefix(self.head).removesuffix(self.tail)
        size = len(text)
        if size - len(quoted) != self._around_bytes or size >= MAX_MESSAGE_BYTES:
            return None
        try:
            payload = _base64(quoted)
        except msgspec.MsgspecError:
            return None
        is_whole = payload and not len(payload) % self._sample_bytes
        return payload if is_whole else None


@functools.lru_cache(64)
def _shared(text: bytes) -> bytes:
    """One for all streams: what each touches fifty times a second should be near."""
    return text
