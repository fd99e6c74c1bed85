"""One channel per member, on the sample clock."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.audio.pcm import Samples
from bridge.engine.recorder import Recorder


def said(value: int) -> Samples:
    return np.full(160, value, np.int16)


def test_late_joiners_and_leavers_keep_their_place(tmp_path: Path) -> None:
    """Silence stands before the one and after the other."""
    recorder = Recorder(tmp_path / "new" / "a.wav")
    recorder.write({"1": said(1)}, 160)
    recorder.write({"1": said(2), "2": said(7)}, 160)
    recorder.write({"2": said(8)}, 160)

    path = recorder.finish()

    assert path is not None
    audio, rate_hz = soundfile.read(path, dtype="int16")
    assert (rate_hz, audio.shape) == (8000, (480, 2))
    assert audio[::160].tolist() == [[1, 0], [2, 7], [0, 8]]
    assert recorder.channels == ("1", "2")
    assert [each.name for each in path.parent.iterdir()] == ["a.wav"]


def test_a_long_recording_is_woven_block_by_block(tmp_path: Path) -> None:
    """Nothing is lost between blocks."""
    recorder = Recorder(tmp_path / "a.wav")
    for number in range(120):
        recorder.write({"1": said(number)}, 160)

    path = recorder.finish()

    assert path is not None
    audio, _ = soundfile.read(path, dtype="int16")
    assert audio[::160].tolist() == list(range(120))


def test_nobody_recorded_is_no_file(tmp_path: Path) -> None:
    """Silence of nobody is nothing."""
    assert Recorder(tmp_path / "a.wav").finish() is None


def test_a_full_disk_ends_the_recording_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The call goes on; what was written stays; it is said once."""
    recorder = Recorder(tmp_path / "a.wav")
    recorder.write({"1": said(1)}, 160)
    recorder._track("1").close()
    part = tmp_path / "a.0.part"

    with Path("/dev/full").open("wb", 0) as full:
        recorder._tracks["1"] = (part, full)
        recorder.write({"1": said(2)}, 160)
        recorder.write({"1": said(3)}, 160)

    assert recorder.has_failed
    assert recorder.recorded_samples == 160
    assert caplog.text.count("stopped") == 1
    assert part.exists()


def test_parts_stay_if_they_cannot_be_woven(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing that had been recorded is lost."""
    recorder = Recorder(tmp_path / "a.wav")
    recorder.write({"1": said(1)}, 160)
    (tmp_path / "a.wav").mkdir()

    assert recorder.finish() is None
    assert "not woven" in caplog.text
    assert (tmp_path / "a.0.part").stat().st_size == 320


def test_a_disk_that_is_full_at_the_end_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is left in the file's buffer; the engine goes on."""
    recorder = Recorder(tmp_path / "a.wav")
    recorder.write({"1": said(1)}, 160)
    recorder._track("1").close()
    part = tmp_path / "a.0.part"
    full = Path("/dev/full").open("wb")  # noqa: SIM115 - `finish` closes it
    recorder._tracks["1"] = (part, full)
    recorder.write({"1": said(2)}, 160)

    assert recorder.finish() is None
    assert "not woven" in caplog.text
    assert full.closed


def test_a_part_cut_in_mid_sample_is_woven(tmp_path: Path) -> None:
    """To the last whole one."""
    recorder = Recorder(tmp_path / "a.wav")
    recorder.write({"1": said(5)}, 160)
    recorder._track("1").write(b"x")

    path = recorder.finish()

    assert path is not None
    assert len(soundfile.read(path)[0]) == 160


def test_a_folder_that_cannot_be_made_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """When the recording begins, not with an exception."""
    recorder = Recorder(Path("/proc/none/a.wav"))
    recorder.write({"1": said(5)}, 160)

    assert recorder.finish() is None
    assert "stopped" in caplog.text
