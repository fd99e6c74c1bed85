"""Keys found in the sound of a line (ITU-T Q.24's tolerances).

Every 12.8 ms a window of 25.6 ms is correlated with the eight frequencies (the
Goertzel transform as one matrix product). A key is reported once, when two windows
in a row hold it, so a tone of 40 ms is enough; speech hardly ever puts 60 % of its
power on one pair of these frequencies.
"""

import numpy as np
from numpy.typing import NDArray

from bridge.audio.pcm import Samples
from bridge.audio.tones import DTMF_HIGH_HZ, DTMF_LOW_HZ, DTMF_ROWS

__all__ = ["DtmfDetector"]

WINDOW_S = 0.0256
LEAST_POWER = (32768.0 * 10 ** (-42.0 / 20.0)) ** 2
LEAST_SHARE = 0.6
"""Of the window's power that the pair must have."""
MOST_TWIST = 10 ** (9.0 / 10.0)
"""How much stronger than its partner one of the pair may be (9 dB)."""
LEAST_LEAD = 10 ** (6.0 / 10.0)
"""How much stronger than the rest of its group each must be (6 dB)."""


class DtmfDetector:
    """Finds keys in a stream of samples, in chunks of any length."""

    def __init__(self, rate_hz: int = 8000) -> None:
        self._window_samples = round(WINDOW_S * rate_hz) // 2 * 2
        self._window = np.hanning(self._window_samples)
        place = np.arange(self._window_samples)[:, None]
        hz = np.array(DTMF_LOW_HZ + DTMF_HIGH_HZ)
        wave = np.exp(-2j * np.pi * hz / rate_hz * place)
        self._waves = self._window[:, None] * wave
        self._rest: NDArray[np.float64] = np.zeros(0)
        self._last = ""
        self._reported = ""

    def push(self, samples: Samples) -> str:
        """Take the next samples; return the keys that were recognised in them."""
        heard = np.concatenate((self._rest, samples), dtype=np.float64)
        hop = self._window_samples // 2
        keys = ""
        start = 0
        while start + self._window_samples <= len(heard):
            keys += self._step(self._key(heard[start : start + self._window_samples]))
            start += hop
        self._rest = heard[start:]
        return keys

    def _step(self, key: str) -> str:
        """Report a key when its second window comes; two others end it."""
        steady = key == self._last
        self._last = key
        if not steady or key == self._reported:
            return ""
        self._reported = key
        return key

    def _key(self, window: NDArray[np.float64]) -> str:
        """The key that fills this window, or an empty string."""
        weighted = window * self._window
        power = float(np.dot(weighted, weighted) / np.dot(self._window, self._window))
        if power < LEAST_POWER:
            return ""
        spectrum = np.abs(window @ self._waves) ** 2 * 2 / self._window.sum() ** 2
        low, high = spectrum[:4], spectrum[4:]
        row, column = int(low.argmax()), int(high.argmax())
        pair = float(low[row] + high[column])
        if pair < LEAST_SHARE * power:
            return ""
        if max(low[row], high[column]) > MOST_TWIST * min(low[row], high[column]):
            return ""
        for group, best in ((low, row), (high, column)):
            if group[best] < LEAST_LEAD * np.delete(group, best).max():
                return ""
        return DTMF_ROWS[row][column]
