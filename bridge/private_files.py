"""Files for our own user alone: what people said, and whom they called."""

import logging
import os
import re
import stat
from pathlib import Path

__all__ = ["make", "make_folder", "opener", "safe_name", "warn_if_open"]

_LOG = logging.getLogger(__name__)

FILE_MODE = 0o600
FOLDER_MODE = 0o700
LONGEST_NAME = 100
OTHERS = stat.S_IRWXG | stat.S_IRWXO


def make_folder(folder: Path) -> None:
    """Make a folder, if it is not there; the folders around it are as always.

    Raises:
        OSError: If it cannot be made, or is a file.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(FOLDER_MODE, exist_ok=True)


def safe_name(text: str) -> str:
    """What of a text that others chose can be in a file's name: it leads nowhere."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", text)[:LONGEST_NAME]


def opener(path: str, flags: int) -> int:
    """For `open(opener=...)`: a file that is made is the user's own."""
    return os.open(path, flags, FILE_MODE)


def make(path: Path) -> None:
    """Make an empty file, if it is not there, for others to write into.

    Raises:
        OSError: If it cannot be made.
    """
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, FILE_MODE))


def warn_if_open(path: Path, what: str) -> None:
    """Say in the log if something that is there is open to other users."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return
    if mode & OTHERS:
        _LOG.warning(
            "%s %s is open to other users of this machine (mode %03o); "
            "to close it: chmod %s %s",
            what,
            path,
            mode,
            "go-rwx",
            path,
        )
