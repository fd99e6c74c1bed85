"""What the engine keeps is its user's own."""

import stat
from pathlib import Path

import pytest

from bridge import private_files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_is_made_is_ones_own(tmp_path: Path) -> None:
    """Folders and files; what is there already is left as it is."""
    folder = tmp_path / "around" / "folder"
    private_files.make_folder(folder)
    private_files.make(folder / "made")
    with (folder / "opened").open("wb") as file:
        file.write(b"x")
    with open(folder / "closed", "wb", opener=private_files.opener) as file:
        file.write(b"x")

    assert mode(folder) == 0o700
    assert mode(folder / "made") == mode(folder / "closed") == 0o600
    folder.chmod(0o755)
    private_files.make_folder(folder)
    private_files.make(folder / "opened")
    assert mode(folder) == 0o755
    assert (folder / "opened").read_bytes() == b"x"


def test_what_is_open_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With how it can be closed."""
    tmp_path.chmod(0o750)
    private_files.warn_if_open(tmp_path, "recordings:")
    assert f"{tmp_path} is open to other users" in caplog.text
    assert "(mode 750)" in caplog.text
    assert f"chmod go-rwx {tmp_path}" in caplog.text

    caplog.clear()
    tmp_path.chmod(0o700)
    private_files.warn_if_open(tmp_path, "recordings:")
    private_files.warn_if_open(tmp_path / "not there", "recordings:")
    assert not caplog.records
