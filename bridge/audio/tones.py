"""Tones that a telephone makes: sines, beeps, keys."""

from collections.abc import Mapping

import numpy as np

from bridge.audio.pcm import Samples, saturate, silence

__all__ = ["DTMF_HZ", "beep", "dtmf", "tone"]

DTMF_LOW_HZ = (697, 770, 852, 941)
DTMF_HIGH_HZ = (1209, 1336, 1477, 1633)
DTMF_ROWS = ("123A", "456B", "789C", "*0#D")

DTMF_HZ: Mapping[str, tuple[int, int]] = {
    key: (DTMF_LOW_HZ[row], DTMF_HIGH_HZ[column])
    for row, keys in enumerate(DTMF_ROWS)
    for column, key in enumerate(keys)
}
"""Each key's two frequencies (ITU-T Q.23)."""

RAMP_S = 0.003
"""Beeps fade in and out for this long, so that they do not click."""


def tone(
    hz: float, duration_s: float, rate_hz: int, level_dbfs: float = -10.0
) -> Samples:
    """A sine whose peak is at `level_dbfs`."""
    place = np.arange(round(duration_s * rate_hz))
    amplitude = 32768.0 * 10.0 ** (level_dbfs / 20.0)
    return saturate(amplitude * np.sin(2 * np.pi * hz / rate_hz * place))


def beep(count: int, rate_hz: int, hz: float = 440.0) -> Samples:
    """So many beeps of 0.2 s, 0.1 s apart, as when somebody enters a call."""
    sound = tone(hz, 0.2, rate_hz, -16.0).astype(np.float32)
    ramp = np.linspace(0.0, 1.0, round(RAMP_S * rate_hz), dtype=np.float32)
    sound[: len(ramp)] *= ramp
    sound[-len(ramp) :] *= ramp[::-1]
    gap = silence(round(0.1 * rate_hz))
    parts = [part for _ in range(count) for part in (saturate(sound), gap)]
    return np.concatenate(parts[:-1]) if parts else silence(0)


def dtmf(
    keys: str, rate_hz: int, *, tone_s: float = 0.1, gap_s: float = 0.1
) -> Samples:
    """The sound of keys pressed one after another, each with a gap behind it.

    Raises:
        ValueError: If a key is none of `0-9 * # A-D`.
    """
    parts = [silence(0)]
    for key in keys:
        if key not in DTMF_HZ:
            raise ValueError(f"no key {key!r}: allowed are 0-9, *, #, A-D")
        low, high = (tone(hz, tone_s, rate_hz, -12.0) for hz in DTMF_HZ[key])
        parts += [low + high, silence(round(gap_s * rate_hz))]
    return np.concatenate(parts)
