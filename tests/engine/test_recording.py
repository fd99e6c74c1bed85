"""One recording, as a file."""

import contextlib
import resource
import threading
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.audio.pcm import silence
from bridge.audio.tones import tone
from bridge.engine.patient_thread import PatientThread
from bridge.engine.recording import InOrder, Recording
from bridge.multiparty.vocabulary import RecordingState

HUM = tone(500, 0.02, 8000, -20.0)


def recording(folder: Path, file_format: str = "wav", channels: int = 1) -> Recording:
    return Recording("r", folder / "new", file_format, channels, 5.0)


def test_what_a_kill_leaves_can_be_read(tmp_path: Path) -> None:
    """Up to the last second, at any moment."""
    made = recording(tmp_path)
    for _ in range(149):
        made.write(HUM)

    # Not closed: so it looks when the process is gone.
    audio, rate_hz = soundfile.read(made.path, dtype="int16")
    assert rate_hz == 8000
    assert len(audio) == 2 * 8000
    assert np.array_equal(audio[:160], HUM)
    made.close(9.0)
    assert len(soundfile.read(made.path)[0]) == 149 * 160
    assert made.duration_s == pytest.approx(2.98)
    assert (made.ended_s, made.error) == (9.0, "")


@pytest.mark.parametrize("trims", [True, False])
def test_a_pause_is_cut_out_or_silent(tmp_path: Path, trims: bool) -> None:
    """As `trim_silence` says."""
    made = recording(tmp_path, channels=2)
    made.write(HUM, HUM)
    made.pause(trim=trims)
    assert made.state is RecordingState.PAUSED
    made.write(HUM, HUM)
    made.resume()
    made.write(HUM, silence(160))
    made.close(1.0)
    made.finish()

    audio, _ = soundfile.read(made.path, dtype="int16")
    pause = [] if trims else [np.zeros((160, 2), np.int16)]
    sounds = [np.stack([HUM, HUM], 1), *pause, np.stack([HUM, silence(160)], 1)]
    assert np.array_equal(audio, np.concatenate(sounds))


def test_it_is_a_wav_of_ones_own_from_the_first_moment(tmp_path: Path) -> None:
    """Whoever is killed at once leaves an empty one, and nobody else may read it."""
    made = recording(tmp_path)
    assert soundfile.info(made.path).frames == 0
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert made.path.parent.stat().st_mode & 0o777 == 0o700
    made.close(1.0)


@contextlib.contextmanager
def no_file_beyond(most_bytes: int) -> Iterator[None]:
    """As a full disk, of this process alone: writing beyond fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_full_disk_ends_it_and_leaves_what_there_is(
    tmp_path: Path, channels: int, caplog: pytest.LogCaptureFixture
) -> None:
    """As a WAV without a flaw; it is told once, and so is how long it is."""
    told: list[bool] = []
    made = recording(tmp_path, "mp3", channels=channels)
    made.on_failed = lambda: told.append(True)
    # In the middle of the third second.
    with no_file_beyond(44 + 40_000 * channels):
        for _ in range(200):
            made.write(*[HUM] * channels)
        made.close(4.0)
        made.finish()

    (left,) = made.path.parent.iterdir()
    assert left.suffix == ".wav"
    assert left.stat().st_size == 44 + 2 * 16_000 * channels
    audio, _ = soundfile.read(left, dtype="int16", always_2d=True)
    assert np.array_equal(audio[:, 0], np.tile(HUM, 100))
    assert "File too large" in made.error
    assert (made.duration_s, told) == (2.0, [True])
    assert made.state is RecordingState.NOT_RECORDING
    assert "2 s are kept" in caplog.text


def test_a_disk_too_full_for_an_mp3_keeps_the_wav(tmp_path: Path) -> None:
    """And nothing half done beside it."""
    made = recording(tmp_path, "mp3")
    for _ in range(500):
        made.write(HUM)
    made.close(1.0)
    with no_file_beyond(5000):
        made.finish()

    (left,) = made.path.parent.iterdir()
    assert left.suffix == ".wav"
    assert soundfile.info(left).frames == 80_000
    assert made.error.startswith("no MP3, the WAV is kept: ")


def test_an_mp3_is_made_at_the_end(tmp_path: Path) -> None:
    """And the WAV is gone."""
    made = recording(tmp_path, "mp3")
    for _ in range(100):
        made.write(HUM)
    made.close(1.0)
    assert not made.path.exists()
    made.finish()

    audio, rate_hz = soundfile.read(made.path)
    assert rate_hz == 8000
    assert len(audio) == pytest.approx(16000, abs=3000)
    assert [each.name for each in made.path.parent.iterdir()] == ["r.mp3"]


def test_an_empty_one_is_a_file_too(tmp_path: Path) -> None:
    """Of no length."""
    for file_format in ("wav", "mp3"):
        made = recording(tmp_path, file_format)
        made.close(1.0)
        made.finish()
        assert made.path.is_file()
        assert made.error == ""


def test_a_disk_that_fails_ends_the_recording_only(tmp_path: Path) -> None:
    """What was written stays; the error is kept."""
    made = recording(tmp_path)
    made.write(HUM)

    class Full:
        def writeframes(self, _data: bytes) -> None:
            raise OSError(28, "No space left on device")

        def close(self) -> None:
            raise OSError(28, "No space left on device")

    made._wav.close()
    made._wav = Full()  # type: ignore[assignment]
    for _ in range(200):
        made.write(HUM)
    made.close(1.0)
    made.finish()
    assert "No space left" in made.error


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """Not an exception."""
    (tmp_path / "new").write_text("a file")
    made = recording(tmp_path)
    made.write(HUM)
    made.close(1.0)
    assert made.error


def test_an_encoder_that_fails_keeps_the_wav(tmp_path: Path) -> None:
    """Somebody can still make something of it."""
    made = recording(tmp_path, "mp3")
    made.write(HUM)
    made.close(1.0)
    (tmp_path / "new" / "r.mp3.part").mkdir()
    made.finish()
    assert made.error
    assert made.path.with_suffix(".wav").is_file()


def test_a_disk_that_hangs_holds_nobody_up(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A minute waits for it; what comes then is lost, told, and silence."""
    thread = PatientThread("disk")
    hanging = threading.Event()
    thread.submit(hanging.wait, 30)
    made = Recording("r", tmp_path, "wav", 1, 5.0, in_order(thread))
    for _ in range(70 * 50):
        made.write(HUM)
    assert made.lost_samples == 10 * 8000
    assert caplog.text.count("its disk takes nothing, for 61 s now") == 1
    hanging.set()
    thread.submit(lambda: None).result(10)
    for _ in range(2 * 50):
        made.write(HUM)
    made.close(9.0)
    thread.shutdown(wait=True)

    audio, _ = soundfile.read(made.path, dtype="int16")
    second = np.tile(HUM, 50)
    whole = [np.tile(second, 60), silence(10 * 8000), np.tile(second, 2)]
    assert np.array_equal(audio, np.concatenate(whole))
    assert "10 s of it were lost, and are silence" in caplog.text
    assert (made.duration_s, made.unwritten_s, made.error) == (72.0, 0.0, "")


def test_what_is_recorded_last_is_kept_however_much_waits(tmp_path: Path) -> None:
    """Nothing comes after it that could fill the memory."""
    thread = PatientThread("disk")
    hanging = threading.Event()
    thread.submit(hanging.wait, 30)
    made = Recording("r", tmp_path, "wav", 1, 5.0, in_order(thread))
    for _ in range(60 * 50 + 10):
        made.write(HUM)
    made.close(9.0)
    assert made.unwritten_s == pytest.approx(60.2)
    hanging.set()
    thread.shutdown(wait=True)

    assert made.lost_samples == 0
    assert soundfile.info(made.path).frames == 60 * 8000 + 1600


def test_how_much_is_lost_is_said_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """However often the disk hangs: that it does when it does, and how long at the end.

    One that takes a second of audio a little slower than it is said would fill the log.
    """
    thread = PatientThread("disk")
    made = Recording("r", tmp_path, "wav", 1, 5.0, in_order(thread))
    for _ in range(3):
        hanging = threading.Event()
        thread.submit(hanging.wait, 30)
        for _ in range(62 * 50):
            made.write(HUM)
        hanging.set()
        thread.submit(lambda: None).result(10)
    made.close(9.0)
    thread.shutdown(wait=True)

    assert made.lost_samples > 3 * 8000
    assert caplog.text.count("takes nothing") == 1
    lost_s = made.lost_samples // 8000
    assert caplog.text.count("were lost") == 1
    assert f"{lost_s} s of it were lost, and are silence" in caplog.text
    assert soundfile.info(made.path).frames == made.samples == 3 * 62 * 8000


def test_what_waits_for_a_disk_keeps_nothing_else(tmp_path: Path) -> None:
    """A tick of one recording is a slice of what hundreds of rooms heard in it."""
    thread = PatientThread("disk")
    hanging = threading.Event()
    thread.submit(hanging.wait, 30)
    made = Recording("r", tmp_path, "wav", 2, 5.0, in_order(thread))
    ticks = [np.zeros((400, 160), np.int16) for _ in range(50)]
    kept = [weakref.ref(tick) for tick in ticks]
    for tick in ticks:
        made.write(tick[0], tick[1])
    del tick, ticks
    assert made.unwritten_s == 1.0
    assert [each for each in kept if each() is not None] == []

    made.close(9.0)
    hanging.set()
    thread.shutdown(wait=True)
    assert soundfile.info(made.path).frames == 8000


def in_order(thread: PatientThread) -> InOrder:
    def give(work: Callable[[], None]) -> None:
        thread.submit(work)

    return give
