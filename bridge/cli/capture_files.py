"""Captures that arguments name: read, and written for their owner alone."""

from pathlib import Path

from bridge import private_files
from bridge.capture import Capture, read, write
from bridge.errors import ConfigError

__all__ = ["read_capture", "write_capture"]


def read_capture(path: Path) -> Capture:
    """Read a capture.

    Raises:
        ConfigError: If the file can't be read, or is none.
    """
    try:
        return read(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def write_capture(path: Path, capture: Capture) -> None:
    """Write a capture; a file that is there is replaced.

    Raises:
        ConfigError: If it can't be written.
    """
    try:
        with open(path, "wb", opener=private_files.opener) as file:
            file.write(write(capture))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
