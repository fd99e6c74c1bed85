"""Captures made up for tests."""

from collections.abc import Sequence

from bridge.audio.codecs import L16
from bridge.audio.pcm import Samples, silence
from bridge.audio.tones import tone
from bridge.capture import Capture, Header, Record, SocketEvent
from bridge.capture.format import message
from bridge.replay import Story
from bridge.stream import codec, messages
from bridge.stream.messages import Message

STREAM_ID = "33333333-3333-4333-8333-333333333333"

START = messages.Start(
    sequence_number=1,
    start=messages.StartBody(
        stream_id=STREAM_ID,
        call_id="c",
        account_id="MA",
        media_format=messages.MediaFormat("audio/x-l16", 8000),
    ),
)


def got(t: float, text: Message) -> Record:
    """A message of the far end."""
    return message(t, codec.dump(text), is_received=True)


def sent(t: float, text: Message) -> Record:
    """A message of ours."""
    return message(t, codec.dump(text), is_received=False)


def said(t: float, samples: Samples, chunk: int | None = None) -> Record:
    """Audio of the far end."""
    body = messages.MediaBody(payload=L16.encode(samples), track="inbound", chunk=chunk)
    return got(t, messages.Media(stream_id=STREAM_ID, media=body))


def spoke(t: float, samples: Samples) -> Record:
    """Audio of ours."""
    body = messages.PlayAudioBody(L16.encode(samples), "audio/x-l16", 8000)
    return sent(t, messages.PlayAudio(media=body))


def speech(from_s: float, length_s: float, hz: int = 440) -> list[Record]:
    """The far end says a tone, frame by frame."""
    samples = tone(hz, length_s, 8000)
    return frames(from_s, samples)


def frames(from_s: float, samples: Samples) -> list[Record]:
    """The far end says something, frame by frame."""
    return [
        said(round(from_s + at / 8000, 3), samples[at : at + 160])
        for at in range(0, len(samples), 160)
    ]


def quiet(from_s: float, length_s: float) -> list[Record]:
    """The far end says nothing, frame by frame."""
    return frames(from_s, silence(round(length_s * 8000)))


def played(t: float, name: str) -> Record:
    """An acknowledgement."""
    return got(t, messages.PlayedStream(name=name, stream_id=STREAM_ID))


def ended(t: float, code: int | None = None) -> Record:
    """The end."""
    return Record(t, event=SocketEvent.ENDED, code=code)


def closed(t: float) -> list[Record]:
    """The far end closes."""
    return [Record(t, event=SocketEvent.CLOSED, code=1000), ended(t)]


def capture(*records: Record | Sequence[Record]) -> Capture:
    """A capture of one call, in the order of its times."""
    flat = [got(0.0, START)]
    for each in records:
        flat.extend([each] if isinstance(each, Record) else each)
    return Capture(Header(bot="made", bot_rate_hz=16000), sorted(flat, key=_time))


def story(*records: Record | Sequence[Record]) -> Story:
    """The same, understood."""
    return Story(capture(*records))


def _time(record: Record) -> float:
    return record.t
