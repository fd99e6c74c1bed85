"""Frames between marks are followed, however far apart the marks are."""

import math
from array import array

from bridge.audio.codecs import CODECS
from bridge.load.ear import Ear
from bridge.load.figures import Tally
from bridge.load.marks import Marks
from bridge.load.record import Record
from bridge.load.sounds import Sound
from bridge.stream.content_type import ContentType

L16 = ContentType("audio/x-l16", 8000)
SOUND = Sound.tones(L16)
DELAY_S = 0.1


class Stream:
    """An echo that comes `DELAY_S` later, of which so much is kept."""

    def __init__(self, keep_s: float) -> None:
        self.ear = Ear(CODECS[L16.encoding], 8000, keep_s)
        self.record = Record(0, "caller", Tally(), 0.0)
        self.marks = Marks(self.ear, 8000, self.record, horizon_s=keep_s - 2)
        self.marks.is_tones = True
        self.at = 0

    def go_on(self, seconds: float, *, with_mark: bool = False) -> None:
        """Say frames, and hear them; the first mark of them is looked for."""
        for _ in range(round(seconds * 50)):
            now_s, frame = self.at * 0.02, SOUND.frames[self.at % len(SOUND)]
            if with_mark and frame.mark is not None:
                self.marks.expect(frame.mark, now_s)
                with_mark = False
            came_s = array("d", [now_s + DELAY_S])
            self.ear.hear([frame.payload], came_s, came_s)
            self.marks.look(now_s)
            self.at += 1


def test_frames_are_followed_before_they_are_forgotten() -> None:
    """Behind the mark that is found is more than is kept; the other is on its way."""
    stream = Stream(keep_s=3.0)
    stream.go_on(3.0, with_mark=True)
    stream.go_on(8.0)
    while stream.marks.next_look_s == math.inf:
        stream.go_on(0.02, with_mark=True)
    stream.marks.finish(stream.at * 0.02)
    counts = stream.record.counts
    assert (counts["marks_sent"], counts["marks_pending"]) == (2, 1)
    assert counts["lost_frames"] == 0
    assert counts["followed_frames"] > 10 * 50
