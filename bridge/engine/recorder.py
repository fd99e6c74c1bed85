"""Recordings with one channel per member, on the sample clock.

Each member's audio is appended to a file of its own as it is mixed, so a late joiner
only begins later and nothing drifts; at the end they are woven into one WAV.
"""

import logging
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile

from bridge.audio.pcm import Samples
from bridge.engine.legs import RATE_HZ

__all__ = ["Recorder"]

_LOG = logging.getLogger(__name__)

BLOCK_SAMPLES = 8000


class Recorder:
    """Writes what each member of a room says.

    Args:
        path: Of the WAV that `finish` makes; its folder is created.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.recorded_samples = 0
        self.has_failed = False
        self._tracks: dict[str, tuple[Path, BinaryIO]] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            self._fail(error)

    @property
    def channels(self) -> tuple[str, ...]:
        """Whose channel is which, in their order."""
        return tuple(self._tracks)

    def write(self, voices: dict[str, Samples], count: int) -> None:
        """Record one tick.

        A disk that fails ends the recording, not the call; what is written stays.

        Args:
            voices: What each member said; who is not in it was silent.
            count: Samples of the tick.
        """
        if self.has_failed:
            return
        try:
            for name, samples in voices.items():
                self._track(name).write(samples.astype("<i2").tobytes())
            for name in self._tracks.keys() - voices.keys():
                self._track(name).write(bytes(2 * count))
        except OSError as error:
            self.has_failed = True
            _LOG.error("recording %s stopped: %s", self.path, error)
            return
        self.recorded_samples += count

    def finish(self) -> Path | None:
        """Weave the channels into one WAV and remove the parts.

        Returns:
            The WAV, or None if nobody was recorded or the disk failed; then the
            parts stay.
        """
        try:
            for _part, track in self._tracks.values():
                track.close()
            if not self._tracks:
                return None
            self._weave()
            for part, _track in self._tracks.values():
                part.unlink()
        except (OSError, ValueError, soundfile.LibsndfileError) as error:
            _LOG.error("recording %s not woven: %s", self.path, error)
            return None
        return self.path

    def _fail(self, error: OSError) -> None:
        self.has_failed = True
        _LOG.error("recording %s stopped: %s", self.path, error)

    def _track(self, name: str) -> BinaryIO:
        if name not in self._tracks:
            part = self.path.with_suffix(f".{len(self._tracks)}.part")
            # It stays open from tick to tick; `finish` closes it.
            track = part.open("wb")
            track.write(bytes(2 * self.recorded_samples))
            self._tracks[name] = (part, track)
        return self._tracks[name][1]

    def _weave(self) -> None:
        parts = [
            np.memmap(part, "<i2", "r", shape=(part.stat().st_size // 2,))
            for part, _track in self._tracks.values()
            if part.stat().st_size > 1
        ]
        length = max((len(part) for part in parts), default=0)
        with soundfile.SoundFile(
            self.path, "w", RATE_HZ, len(parts), "PCM_16", format="WAV"
        ) as wav:
            for begin in range(0, length, BLOCK_SAMPLES):
                count = min(BLOCK_SAMPLES, length - begin)
                block = np.zeros((count, len(parts)), np.int16)
                for channel, part in enumerate(parts):
                    piece = part[begin : begin + count]
                    block[: len(piece), channel] = piece
                wav.write(block)
