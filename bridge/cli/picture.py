"""The timeline of a call as a picture."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bridge.audio.pcm import Samples
from bridge.errors import ConfigError

__all__ = ["draw_timeline"]

COLUMNS = 1600

COLOURS = ("#2f6f9f", "#c4622d")


def draw_timeline(
    path: Path, tracks: dict[str, Samples], rate_hz: int, caption: str
) -> None:
    """Draw each track's waveform over the same seconds.

    Args:
        path: Of the PNG.
        tracks: By name, all of one length.
        rate_hz: Of the tracks.
        caption: Stands above.

    Raises:
        ConfigError: If the extra `pictures` is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "the picture needs the extra: pip install 'mpc-bridge[pictures]'"
        ) from error
    figure = Figure(figsize=(11, 2.0 * len(tracks) + 0.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(tracks), 1, sharex=True, squeeze=False)[:, 0]
    for place, (name, samples) in enumerate(tracks.items()):
        seconds, low, high = envelope(samples, rate_hz)
        colour = COLOURS[place % len(COLOURS)]
        axes[place].fill_between(seconds, low, high, color=colour, linewidth=0.6)
        axes[place].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11)
        axes[place].set_yticks([])
        axes[place].set_ylim(-1, 1)
        axes[place].grid(axis="x", color="#dddddd")
        axes[place].spines[["top", "right", "left"]].set_visible(False)
        axes[place].set_xlim(0, max(1.0, len(samples) / rate_hz))
    axes[-1].set_xlabel("seconds into the call")
    figure.suptitle(caption, fontsize=11)
    figure.savefig(path, dpi=110)


def envelope(
    samples: Samples, rate_hz: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """The lowest and highest sample of each column, scaled to the loudest."""
    width = max(1, len(samples) // COLUMNS)
    columns = samples[: len(samples) // width * width].reshape(-1, width)
    loudest = max(1, int(np.abs(samples.astype(np.int32)).max(initial=1)))
    seconds = np.arange(len(columns)) * width / rate_hz
    return seconds, columns.min(axis=1) / loudest, columns.max(axis=1) / loudest
