"""The demo, as a newcomer runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

ROOT = Path(__file__).parents[2]


def demo(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bridge", "demo", "--out", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=40,
        cwd=ROOT,
    )


@pytest.fixture
def short(tmp_path: Path) -> Path:
    """Two seconds of speech, so that tests are short."""
    audio, rate_hz = soundfile.read(ROOT / "bridge/data/speech/caller.wav")
    soundfile.write(tmp_path / "short.wav", audio[: 2 * rate_hz], rate_hz)
    return tmp_path / "short.wav"


@pytest.mark.slow
def test_the_echo_comes_back(tmp_path: Path) -> None:
    """In full length: a recording, a picture, and the measured figures."""
    ran = demo(tmp_path)

    assert ran.returncode == 0, ran.stderr
    for words in ("round trip", "likeness of the echo", "underruns at the caller"):
        assert words in ran.stdout
    assert "customer:" in ran.stderr
    audio, _ = soundfile.read(tmp_path / "call.wav")
    assert audio.shape[1] == 2
    assert (tmp_path / "call.png").stat().st_size > 10_000


def test_its_figures_are_for_programs_too(tmp_path: Path, short: Path) -> None:
    """One JSON object; the echo is whole."""
    ran = demo(tmp_path, "--json", "--caller", str(short))

    outcome = json.loads(ran.stdout)
    assert outcome["correlation"] >= 0.95
    assert outcome["slipped_windows"].startswith("0 of ")
    assert outcome["frames_lost"] == 0
    assert outcome["frames_from_bot"] == outcome["frames_to_bot"] + 1
    assert 20 < outcome["round_trip_ms"] < 500
    assert outcome["bot_errors"] == 0


@pytest.mark.parametrize(
    ("sample", "arguments", "words"),
    [
        ("echo.py:echo", (), "round trip"),
        ("announce.py:announce", (), "the caller heard all of it (confirmed)"),
        ("announce.py:announce", ("--press", "1@1.5"), "key 1: falling silent"),
        ("tone_of_voice.py:tone_of_voice", (), "dBFS"),
    ],
    ids=["echo", "announce", "announce interrupted", "tone of voice"],
)
def test_each_sample_runs(
    tmp_path: Path, short: Path, sample: str, arguments: tuple[str, ...], words: str
) -> None:
    """As its own docstring says."""
    caller = ROOT / "bridge/data/speech/caller.wav" if "announce" in sample else short
    ran = demo(
        tmp_path, "--bot", f"samples/{sample}", "--caller", str(caller), *arguments
    )

    assert ran.returncode == 0, ran.stderr
    assert words in ran.stdout


def test_a_bot_with_a_bug_is_an_exit_code(tmp_path: Path, short: Path) -> None:
    """Its traceback is shown; the recording stays."""
    bot = tmp_path / "bad.py"
    bot.write_text("async def bad(call):\n    async for f in call.listen(): 1 / 0\n")

    ran = demo(tmp_path, "--bot", f"{bot}:bad", "--caller", str(short))

    assert ran.returncode == 1
    assert "ZeroDivisionError" in ran.stderr
    assert "mpc-bridge: the bot bad failed" in ran.stderr
    assert (tmp_path / "call.wav").exists()
