"""WAV and MP3 files, read and written by libsndfile."""

from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from bridge.audio.pcm import Samples, saturate
from bridge.audio.resampling import resample
from bridge.errors import ConfigError

__all__ = ["read", "write"]


MOST_SAMPLES = 60_000_000
"""Of all channels, where there is a limit: ten minutes of stereo at 48 kHz."""


def read(source: Path | BinaryIO, rate_hz: int, most_s: float | None = None) -> Samples:
    """Read a whole audio file as mono at a rate; channels are averaged.

    Args:
        source: A path, or an open binary file.
        rate_hz: The rate wanted, whatever the file's own.
        most_s: How much of it is read; None: all. A few kilobytes can be hours of
            silence, so what comes from others has a limit.

    Raises:
        ConfigError: If it cannot be read or is no audio that libsndfile knows.
    """
    try:
        # Integers, not floats: 16-bit files come through bit for bit.
        with soundfile.SoundFile(source) as file:
            file_hz = file.samplerate
            frames = -1
            if most_s is not None:
                frames = min(round(most_s * file_hz), MOST_SAMPLES // file.channels)
            audio = file.read(frames, dtype="int16", always_2d=True)
    except (OSError, soundfile.LibsndfileError) as error:
        name = getattr(source, "name", source)
        raise ConfigError(f"cannot read audio from {name}: {error}") from error
    mono = audio[:, 0] if audio.shape[1] == 1 else saturate(audio.mean(axis=1))
    return resample(np.ascontiguousarray(mono), file_hz, rate_hz)


def write(path: Path, samples: Samples, rate_hz: int) -> None:
    """Write a file; the name's ending says the format (`.wav`, `.mp3`, ...).

    Args:
        path: Where to; an existing file is replaced.
        samples: Shape `(n,)`, or `(n, channels)`.
        rate_hz: Of the samples.

    Raises:
        ConfigError: If the place cannot be written or the ending is not known.
    """
    try:
        soundfile.write(path, samples, rate_hz)
    except (OSError, TypeError, ValueError, soundfile.LibsndfileError) as error:
        raise ConfigError(f"cannot write audio to {path}: {error}") from error
