"""WAV and MP3, read and written."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from bridge.audio import files
from bridge.audio.levels import rms_dbfs
from bridge.audio.tones import tone
from bridge.errors import ConfigError


def test_a_wav_comes_back_bit_for_bit(tmp_path: Path) -> None:
    """At its own rate nothing is touched."""
    sound = tone(440, 0.1, 8000)

    files.write(tmp_path / "a.wav", sound, 8000)

    assert files.read(tmp_path / "a.wav", 8000).tolist() == sound.tolist()


def test_an_mp3_sounds_alike(tmp_path: Path) -> None:
    """Written and read by libsndfile."""
    sound = tone(440, 1.0, 16000)

    files.write(tmp_path / "a.mp3", sound, 16000)

    heard = files.read(tmp_path / "a.mp3", 16000)
    assert rms_dbfs(heard) == pytest.approx(rms_dbfs(sound), abs=1.0)


def test_channels_are_averaged_and_rates_converted(tmp_path: Path) -> None:
    """A stereo file at 48 kHz is mono at 8 kHz."""
    left, right = tone(440, 0.5, 48000), tone(440, 0.5, 48000) // 3
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], axis=1), 48000)

    heard = files.read(tmp_path / "a.wav", 8000)

    assert len(heard) == 4000
    assert rms_dbfs(heard) == pytest.approx(rms_dbfs((left + right) // 2), abs=0.2)


def test_an_open_file_can_be_read() -> None:
    """As it comes from the network."""
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(440, 0.1, 8000), 8000, format="WAV")
    buffer.seek(0)

    assert len(files.read(buffer, 8000)) == 800


def test_what_is_no_audio_is_refused(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "a.wav").write_text("not audio")

    with pytest.raises(ConfigError, match=r"cannot read audio from .*a\.wav"):
        files.read(tmp_path / "a.wav", 8000)
    with pytest.raises(ConfigError, match=r"none\.wav"):
        files.read(tmp_path / "none.wav", 8000)


@pytest.mark.parametrize("name", ["none/a.wav", "a.doc"])
def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path, name: str) -> None:
    """No folder, or no such format."""
    with pytest.raises(ConfigError, match="cannot write audio"):
        files.write(tmp_path / name, tone(440, 0.1, 8000), 8000)


def test_hours_in_a_few_kilobytes_are_not_unpacked(tmp_path: Path) -> None:
    """Nor a second of sound at a rate of one."""
    path = tmp_path / "silence.flac"
    soundfile.write(path, np.zeros(8000 * 3600, np.int16), 8000)
    assert path.stat().st_size < 1_000_000
    assert len(files.read(path, 8000, 2.0)) == 16000
    path = tmp_path / "slow.wav"
    soundfile.write(path, np.zeros(100_000, np.int16), 1)
    assert len(files.read(path, 8000, 2.0)) == 16000
    assert len(files.read(path, 1)) == 100_000
