"""The messages that Plivo sends, as dictionaries that a scenario can spoil."""

import base64
import uuid
from typing import Any

from bridge.conformance.sound import tone_frame
from bridge.stream.content_type import ContentType

__all__ = ["EXTRA_HEADERS", "Fields", "Messages"]

Fields = dict[str, Any]

EXTRA_HEADERS = "caller=kit,room=1"

FIRST_TIMESTAMP_MS = 1_705_312_200_000


class Messages:
    """Makes one stream's messages, and numbers them.

    Args:
        stream_id: The stream's name.
        content_type: What it carries.
    """

    def __init__(self, stream_id: str, content_type: ContentType) -> None:
        self.stream_id = stream_id
        self.content_type = content_type
        self._sequence_number = 0
        self._chunk = 0

    def any(self, event: str, **fields: Any) -> Fields:
        """Make a message of any kind."""
        self._sequence_number += 1
        return {
            "event": event,
            "sequenceNumber": self._sequence_number,
            "streamId": self.stream_id,
            **fields,
        }

    def start(self) -> Fields:
        """Make a `start`."""
        start = {
            "callId": str(uuid.uuid4()),
            "streamId": self.stream_id,
            "accountId": "MAXXXXXXXXXXXXXXXXXX",
            "tracks": ["inbound"],
            "mediaFormat": {
                "encoding": self.content_type.encoding,
                "sampleRate": self.content_type.rate_hz,
            },
        }
        message = self.any("start", start=start, extra_headers=EXTRA_HEADERS)
        # It is inside `start` only.
        del message["streamId"]
        return message

    def media(self, payload: bytes) -> Fields:
        """Make the next frame of audio."""
        self._chunk += 1
        media = {
            "track": "inbound",
            "timestamp": self._timestamp(),
            "chunk": self._chunk,
            "payload": base64.b64encode(payload).decode(),
        }
        return self.any("media", media=media, extra_headers=EXTRA_HEADERS)

    def tone(self, hz: int = 0) -> Fields:
        """Make the next frame of audio: a tone, or silence."""
        return self.media(tone_frame(hz, self.content_type))

    def key(self, digit: str) -> Fields:
        """Make a `dtmf`."""
        dtmf = {"track": "inbound", "digit": digit, "timestamp": self._timestamp()}
        return self.any("dtmf", dtmf=dtmf, extra_headers=EXTRA_HEADERS)

    def _timestamp(self) -> str:
        return str(FIRST_TIMESTAMP_MS + 20 * self._chunk)
