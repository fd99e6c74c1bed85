"""What plays besides the room."""

import numpy as np

from bridge.audio.pcm import silence
from bridge.engine.sounds import RINGBACK, Sound, SoundQueue, default_music
from tests.engine.setting import hears


def ramp(count: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return np.arange(1, count + 1, dtype=np.int16)


def test_a_sound_plays_once_and_is_padded() -> None:
    """Then it is over."""
    sound = Sound(ramp(5))

    assert sound.take(3).tolist() == [1, 2, 3]
    assert not sound.is_over
    assert sound.take(3).tolist() == [4, 5, 0]
    assert sound.is_over


def test_a_loop_begins_again() -> None:
    """In the middle of a tick, and as often as it takes."""
    sound = Sound(ramp(3), loops=True)

    assert sound.take(8).tolist() == [1, 2, 3, 1, 2, 3, 1, 2]
    assert sound.take(2).tolist() == [3, 1]
    assert not sound.is_over
    sound.stop()
    assert sound.is_over
    assert sound.take(2).tolist() == [0, 0]


def test_a_loop_of_nothing_is_silence() -> None:
    """It is over before it began."""
    sound = Sound(silence(0), loops=True)
    assert sound.is_over
    assert sound.take(2).tolist() == [0, 0]


def test_long_ones_wait_short_ones_do_not() -> None:
    """A queue, and beeps over it."""
    sounds = SoundQueue()
    assert not sounds.is_playing
    assert sounds.take(2).tolist() == [0, 0]
    sounds.queue(Sound(ramp(3)))
    sounds.queue(Sound(ramp(2)))
    sounds.over(Sound(np.full(2, 10, np.int16)))
    assert sounds.is_playing

    assert sounds.take(2).tolist() == [11, 12]
    assert sounds.take(2).tolist() == [3, 0]
    assert sounds.take(2).tolist() == [1, 2]
    assert not sounds.is_playing


def test_what_was_stopped_is_passed_over() -> None:
    """The next comes at once."""
    sounds = SoundQueue()
    first = Sound(ramp(100))
    sounds.queue(first)
    sounds.queue(Sound(ramp(2), mixes=False))
    first.stop()

    assert not sounds.hides_the_room
    assert sounds.take(2).tolist() == [1, 2]


def test_a_sound_may_want_to_be_heard_alone() -> None:
    """As long as it plays."""
    sounds = SoundQueue()
    sounds.queue(Sound(ramp(2), mixes=False))
    assert sounds.hides_the_room
    sounds.take(2)
    assert not sounds.hides_the_room


def test_there_is_music_and_ringing() -> None:
    """Neither silent nor loud."""
    music = default_music().take(80_000)
    assert 500 < np.abs(music.astype(np.int32)).max() < 8000
    assert hears(RINGBACK[:16000], 440)
    assert not RINGBACK[16000:].any()
    assert len(RINGBACK) == 48000
