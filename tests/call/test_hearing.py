"""Frames on their way in: what becomes of each, and what is told of it."""

from collections.abc import Iterator

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio.codecs import L16
from bridge.call.events import Audio, Coached, Gap, Member
from bridge.call.hearing import Hearing
from bridge.call.inbound import Inbound
from bridge.metrics import Metrics
from bridge.stream.codec import dump
from bridge.stream.content_type import DEFAULT_CONTENT_TYPE
from bridge.stream.messages import Dtmf, DtmfBody, Media, MediaBody


def framed(text: bytes) -> bytes:
    """In a WebSocket frame, under a mask that changes nothing."""
    return b"\x81\xfe" + len(text).to_bytes(2, "big") + bytes(4) + text


class Setting:
    """A hearing bot at 16 kHz, and what it is told."""

    def __init__(self, limit_s: float = 5.0) -> None:
        self.metrics = Metrics()
        self.inbound = Inbound(16000, limit_s)
        self.hearing = Hearing(DEFAULT_CONTENT_TYPE, 16000, self.inbound, self.metrics)
        self.gaps: list[str] = []
        self.dropped = 0
        self.hearing.on_gap = self.gaps.append
        self.hearing.on_dropped = self._count
        self.inbound.take()

    def _count(self) -> None:
        self.dropped += 1

    def hear(self, number: int, track: str | None = "inbound") -> None:
        payload = L16.encode(np.full(160, number, np.int16))
        body = MediaBody(payload, track, str(1000 + 20 * number), number)
        message = Media(sequence_number=number + 1, media=body)
        text = dump(message)
        if not self.hearing.hear_next(text):
            self.hearing.hear(message, text)

    def undergo(self, number: int, fate: str, way: str) -> None:
        """Let a frame come, or not: parsed in any case, or only where it has to be, or
        taken out of its WebSocket frame where it can be."""
        sound = np.arange(160, dtype=np.int16) * number
        late_ms = 500 if fate == "is late" else 0
        body = MediaBody(
            L16.encode(sound), "inbound", str(20 * number + late_ms), number
        )
        message: Media | Dtmf = Media(sequence_number=number, media=body)
        if fate == "key":
            message = Dtmf(sequence_number=number, dtmf=DtmfBody("1"))
        for _ in range({"is lost": 0, "comes twice": 2}.get(fate, 1)):
            text = dump(message)
            if fate == "is odd":
                text = text.replace(b":", b": ")
            if way == "foreseen" and self.hearing.hear_next(text):
                continue
            if way == "framed" and self.hearing.hear_framed(framed(text)):
                continue
            if isinstance(message, Media):
                self.hearing.hear(message, text)
            else:
                self.hearing.observe(message)

    def taken(self) -> Iterator[object]:
        while (event := self.inbound.take()) is not None:
            yield event


def test_frames_become_audio_at_the_bots_rate() -> None:
    """Each has its place."""
    setting = Setting()
    for number in (1, 2, 3):
        setting.hear(number)

    heard = [each for each in setting.taken() if isinstance(each, Audio)]

    assert [len(each.samples) for each in heard] == [320] * 3
    assert [each.start_samples for each in heard] == [0, 320, 640]
    assert setting.hearing.received_samples == 960
    assert setting.metrics.frames_received == 3
    assert setting.gaps == []


def test_our_own_track_is_not_heard() -> None:
    """Some are said to echo it."""
    setting = Setting()
    setting.hear(1, "outbound")
    setting.hear(1, None)

    assert len(list(setting.taken())) == 1
    assert setting.metrics.frames_received == 1


def test_a_gap_comes_before_what_follows_it() -> None:
    """With its length; what is repeated is not heard twice."""
    setting = Setting()
    for number in (1, 2, 5, 5, 6):
        setting.hear(number)

    events = list(setting.taken())

    assert [type(each) for each in events] == [Audio, Audio, Gap, Audio, Audio]
    assert events[2] == Gap(0.04, "lost on the way")
    assert set(setting.gaps) == {
        "audio missing",
        "messages missing",
        "audio repeated",
    }


def test_another_socket_counts_anew() -> None:
    """Its numbers say nothing of what the one before lost."""
    setting = Setting()
    setting.hear(1)
    setting.hearing.begin_anew()
    setting.hear(50)

    assert setting.gaps == []


def test_a_coach_is_told_apart() -> None:
    """While one speaks, nobody else does."""
    setting = Setting()
    setting.hearing.coach = Member("m", "supervisor")
    setting.hear(1)

    (event,) = setting.taken()

    assert isinstance(event, Coached)
    assert event.member.member_id == "m"


def test_what_is_dropped_is_told() -> None:
    """A bot that does not listen loses the oldest."""
    setting = Setting(limit_s=0.04)
    for number in range(1, 6):
        setting.hear(number)

    assert setting.dropped == 3
    assert setting.inbound.dropped_samples == 3 * 320


FATES = st.sampled_from(["comes", "is lost", "comes twice", "is late", "is odd", "key"])


@given(fates=st.lists(FATES, min_size=3, max_size=40))
def test_what_is_foreseen_is_heard_as_if_it_were_parsed(fates: list[str]) -> None:
    """Whatever befalls the stream: the same events, gaps and counts, in order."""
    ways = {way: Setting() for way in ("parsed", "foreseen", "framed")}
    for number, fate in enumerate(fates, 1):
        for way, setting in ways.items():
            setting.undergo(number, fate, way)

    parsing = ways.pop("parsed")
    events = list(map(told, parsing.taken()))
    for foreseeing in ways.values():
        assert foreseeing.metrics.frames_received == parsing.metrics.frames_received
        assert foreseeing.metrics.gaps == parsing.metrics.gaps
        assert foreseeing.gaps == parsing.gaps
        assert list(map(told, foreseeing.taken())) == events


def told(event: object) -> object:
    """Arrays as what can be compared."""
    if isinstance(event, Audio):
        return event.samples.tobytes(), event.start_samples
    return event
