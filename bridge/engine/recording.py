"""A recording: a WAV that can be read at any moment, on the sample clock.

The header is renewed with every second that is written, so what a killed process
or a full disk leaves is a WAV like any other. MP3 is made of it at the end.

A disk may hang, and every call with it if it was written to between two ticks. So
what touches the file is work for somebody else, in order; what he does not take in
time is lost, and silence in the file.
"""

import contextlib
import functools
import logging
import struct
import wave
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
import soundfile

from bridge import private_files
from bridge.audio.pcm import Samples, quiet
from bridge.engine.legs import RATE_HZ
from bridge.multiparty.vocabulary import RecordingState

__all__ = ["InOrder", "Recording", "salvaged", "to_mp3"]

_LOG = logging.getLogger(__name__)

InOrder: TypeAlias = Callable[[Callable[[], None]], None]
"""Does work, now or later, each after what was given before."""

MOST_UNWRITTEN_SAMPLES = 60 * RATE_HZ
"""A minute, 1 MB for each channel: of one recording, while its disk takes nothing."""

FLUSH_SAMPLES = RATE_HZ
"""One second: what a kill may cost."""

BLOCK_SAMPLES = 60 * RATE_HZ

HEADER_BYTES = 44


class Recording:
    """One file being recorded, of one or two channels at 8 kHz.

    Args:
        recording_id: Its unique name.
        folder: Where it goes; created if need be.
        file_format: `wav` or `mp3`.
        channels: Of the file.
        now_s: When it begins.
        in_order: Does what touches the file; at once, unless given.
    """

    def __init__(  # noqa: PLR0913 - each is another fact
        self,
        recording_id: str,
        folder: Path,
        file_format: str,
        channels: int,
        now_s: float,
        in_order: InOrder = lambda work: work(),
    ) -> None:
        self.recording_id = recording_id
        self.file_format = file_format
        self.state = RecordingState.RECORDING
        self.on_failed: Callable[[], None] = lambda: None
        """Told when it cannot go on, by whoever does the work."""
        self.started_s = now_s
        self.ended_s: float | None = None
        self.error = ""
        self.samples = 0
        """How long it is, pauses that were cut out not counted."""
        self.lost_samples = 0
        """How much of it is silence because the disk took nothing."""
        self._in_order = in_order
        self._live_path = folder / f"{recording_id}.wav"
        self._channels = channels
        self._kept = 0
        """How much of it is in the file; whoever does the work counts."""
        self._handed_over = 0
        """How much is, or is going to be; the tick counts."""
        self._gap = 0
        """How much was lost since the disk took something."""
        self._trims_pause = True
        self._parts: list[tuple[Samples, ...]] = []
        self._waiting = 0
        self._file: BinaryIO | None = None
        in_order(self._open)

    def _open(self) -> None:
        try:
            private_files.make_folder(self._live_path.parent)
            # It stays open from tick to tick; `close` closes it.
            self._file = open(  # noqa: SIM115
                self._live_path, "wb", opener=private_files.opener
            )
            self._wav = wave.open(self._file, "wb")  # noqa: SIM115
            self._wav.setparams((self._channels, 2, RATE_HZ, 0, "NONE", ""))
            # It is a WAV from the first moment on.
            self._wav.writeframes(b"")
            self._file.flush()
        except OSError as error:
            self._fail(error)

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return self.samples / RATE_HZ

    @property
    def unwritten_s(self) -> float:
        """How much of it is not in the file yet."""
        return max(0, self.samples - self._kept) / RATE_HZ

    @property
    def path(self) -> Path:
        """Where the finished file is."""
        return self._live_path.with_suffix(f".{self.file_format}")

    def pause(self, *, trim: bool) -> None:
        """Stop for a while.

        Args:
            trim: Whether the pause is cut out; else it is silence.
        """
        self.state = RecordingState.PAUSED
        self._trims_pause = trim

    def resume(self) -> None:
        """Go on."""
        self.state = RecordingState.RECORDING

    def write(self, *channels: Samples) -> None:
        """Record one tick; a disk that fails ends the recording, not the call."""
        if self.error or self.ended_s is not None:
            return
        if self.state is RecordingState.PAUSED:
            if self._trims_pause:
                return
            channels = tuple(quiet(len(channel)) for channel in channels)
        self._parts.append(channels)
        self._waiting += len(channels[0])
        self.samples += len(channels[0])
        if self._waiting >= FLUSH_SAMPLES:
            self._hand_over()

    def close(self, now_s: float) -> None:
        """Write the rest; the WAV is whole when that is done."""
        self.state = RecordingState.NOT_RECORDING
        self.ended_s = now_s
        self._hand_over(is_last=True)
        self._in_order(self._shut)

    def _shut(self) -> None:
        if self._file is not None:
            try:
                self._wav.close()
                self._file.close()
            except OSError as error:
                self._fail(error)
            self._file = None
        if self.error:
            self.samples = self._kept
        elif self.lost_samples:
            _LOG.error(
                "recording %s: %.0f s of it were lost, and are silence",
                self._live_path,
                self.lost_samples / RATE_HZ,
            )

    def finish(self) -> None:
        """Make the file that was asked for; takes long, call it in a thread."""
        if self.error or self.file_format == "wav":
            return
        try:
            to_mp3(self._live_path)
        except (OSError, RuntimeError) as error:
            self.error = f"no MP3, the WAV is kept: {error}"
            _LOG.error("recording %s: %s", self.recording_id, self.error)

    def _hand_over(self, *, is_last: bool = False) -> None:
        """Have written what there is, unless too much waits for that already.

        The last is always taken: nothing comes after it.
        """
        parts, count = self._parts, self._waiting
        self._parts, self._waiting = [], 0
        if self._handed_over - self._kept >= MOST_UNWRITTEN_SAMPLES and not is_last:
            self._lose(count)
            return
        gap, self._gap = self._gap, 0
        self._handed_over += gap + count
        self._in_order(functools.partial(self._append, gap, _block(parts)))

    def _lose(self, count: int) -> None:
        if not self.lost_samples:
            _LOG.error(
                "recording %s: its disk takes nothing, for %.0f s now; "
                "what is said is lost until it does",
                self._live_path,
                self.unwritten_s,
            )
        self._gap += count
        self.lost_samples += count

    def _append(self, gap: int, block: Samples | None) -> None:
        for begin in range(0, gap, BLOCK_SAMPLES):
            count = min(gap - begin, BLOCK_SAMPLES)
            self._write_frames(np.zeros((count, self._channels), "<i2"))
        if block is not None:
            self._write_frames(block)

    def _write_frames(self, block: Samples) -> None:
        if self._file is None:
            return
        try:
            # It patches the length in the header, each time.
            self._wav.writeframes(block.tobytes())
            self._file.flush()
        except OSError as error:
            self._fail(error)
        else:
            self._kept += len(block)

    def _fail(self, error: OSError) -> None:
        self.error = str(error)
        file, self._file = self._file, None
        if file is not None:
            for opened in (self._wav, file):
                with contextlib.suppress(OSError, ValueError, wave.Error):
                    opened.close()
            with contextlib.suppress(OSError):
                self._mend()
        kept_s = self._kept / RATE_HZ
        _LOG.error(
            "recording %s stopped: %s; %.0f s are kept", self._live_path, error, kept_s
        )
        self.on_failed()

    def _mend(self) -> None:
        """Cut off what was written by half, and say in the header what is left."""
        kept_bytes = self._kept * self._channels * 2
        with self._live_path.open("r+b") as file:
            file.truncate(HEADER_BYTES + kept_bytes)
            for place, number in ((4, 36 + kept_bytes), (40, kept_bytes)):
                file.seek(place)
                file.write(struct.pack("<I", number))


def _block(parts: list[tuple[Samples, ...]]) -> Samples | None:
    """Frames as a WAV has them, shape `(samples, channels)`; None if there are none.

    A copy: the parts are slices of what all rooms heard in a tick, and would keep all
    of that as long as a disk hangs.
    """
    if not parts:
        return None
    channels = [np.concatenate(each) for each in zip(*parts, strict=True)]
    return np.stack(channels, axis=1).astype("<i2")


def to_mp3(path: Path) -> None:
    """Turn a WAV into an MP3 beside it, and remove the WAV.

    Raises:
        OSError: If the place cannot be written, or has no room. The WAV stays.
        RuntimeError: If the encoder fails. The WAV stays.
    """
    target = path.with_suffix(".mp3")
    partial = path.with_suffix(".mp3.part")
    private_files.make(partial)
    try:
        _encode(path, partial)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    partial.rename(target)
    path.unlink()


def salvaged(live: Path, file_format: str) -> dict[str, object]:
    """What becomes of a recording that was cut off, as a part of its row."""
    try:
        duration_s = soundfile.info(live).duration
    except (OSError, RuntimeError) as error:
        _LOG.error("recording %s was cut off and is lost: %s", live.stem, error)
        return {"error": f"lost when the engine was killed: {error}"}
    _LOG.warning(
        "recording %s was cut off; %.0f s of it are kept", live.stem, duration_s
    )
    if file_format == "mp3":
        try:
            to_mp3(live)
        except (OSError, RuntimeError) as error:
            _LOG.error("recording %s: no MP3: %s", live.stem, error)
            return {"duration": duration_s, "error": f"no MP3: {error}"}
    return {"duration": duration_s}


def _encode(path: Path, target: Path) -> None:
    with (
        soundfile.SoundFile(path) as wav,
        soundfile.SoundFile(
            target, "w", wav.samplerate, wav.channels, "MPEG_LAYER_III", format="MP3"
        ) as mp3,
    ):
        wanted = wav.frames
        for block in wav.blocks(BLOCK_SAMPLES, dtype="int16"):
            try:
                mp3.write(block)
            except AssertionError as error:
                # soundfile's way to say that less was written.
                raise OSError("no room for the MP3") from error
    # What its last, buffered part met is not said: a full disk cuts it off silently.
    if wanted and soundfile.info(target).frames < wanted:
        raise OSError("no room for the MP3")
