"""What the resamplers do to a voice: pass band, aliases and images, delay, cost."""

import timeit

import numpy as np

from bridge.audio.pcm import frame_samples
from bridge.audio.resampling import Polyphase, prototype

PAIRS = ((8000, 16000), (16000, 8000), (8000, 24000), (24000, 8000), (16000, 24000))
POINTS = 1 << 16


def main() -> None:
    """Print one row for each pair of rates."""
    print("resampling      pass band 300-3400 Hz   stop band   delay   20 ms of audio")
    for from_hz, to_hz in PAIRS:
        common = int(np.gcd(from_hz, to_hz))
        up, down = to_hz // common, from_hz // common
        response = np.abs(np.fft.rfft(prototype(up, down).astype(float), POINTS))
        response_db = 20 * np.log10(response + 1e-12)
        hz = np.arange(len(response)) * from_hz * up / POINTS
        # What the slower rate cannot say lies above; mirrored, below 3.4 kHz.
        slower_hz = min(from_hz, to_hz)
        passed = response_db[(hz >= 300) & (hz <= 3400)]
        stopped = response_db[hz >= slower_hz - 0.425 * slower_hz]
        stream = Polyphase(up, down)
        frame = np.zeros(frame_samples(from_hz), np.int16)
        cost_s = min(timeit.repeat(lambda: stream.process(frame), number=2000)) / 2000  # noqa: B023
        print(
            f"{from_hz:5} -> {to_hz:5}   {passed.min():+.2f} to {passed.max():+.2f} dB"
            f"       {stopped.max():6.1f} dB   {stream.delay_samples / to_hz * 1000:.2f} ms"
            f"   {cost_s * 1e6:.1f} us"
        )


if __name__ == "__main__":
    main()
