"""The demo, as a newcomer runs it."""

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from tests.e2e.test_services import DONE, chunk
from tests.e2e.test_services import serving as serving_chat
from tests.fakes.realtime_service import serving_realtime
from tests.patience import in_real_time
from tests.speech.needs_local import needs_local

ROOT = Path(__file__).parents[2]


def demo(
    folder: Path, *arguments: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bridge", "demo", "--out", str(folder), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
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
    ran = demo(tmp_path, "--bot", "echo")

    assert ran.returncode == 0, ran.stderr
    for words in ("round trip", "likeness of the echo", "underruns at the caller"):
        assert words in ran.stdout
    assert "customer:" in ran.stderr
    audio, _ = soundfile.read(tmp_path / "call.wav")
    assert audio.shape[1] == 2
    assert (tmp_path / "call.png").stat().st_size > 10_000


@in_real_time
def test_its_figures_are_for_programs_too(tmp_path: Path, short: Path) -> None:
    """One JSON object; the echo is whole."""
    ran = demo(tmp_path, "--bot", "echo", "--json", "--caller", str(short))

    outcome = json.loads(ran.stdout)
    assert outcome["correlation"] >= 0.95
    assert outcome["slipped_windows"].startswith("0 of ")
    assert outcome["frames_lost"] == 0
    assert outcome["frames_from_bot"] == outcome["frames_to_bot"] + 1
    assert 20 < outcome["round_trip_ms"] < 2000
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


@needs_local
@pytest.mark.slow
def test_a_conversation_is_held(tmp_path: Path) -> None:
    """The default: a caller books a table; what is said is printed as it comes."""
    ran = demo(tmp_path)

    assert ran.returncode == 0, ran.stderr
    said = re.sub(r"\x1b\[[0-9;]*m", "", ran.stdout)
    for words in (
        "bot        Hello! How can I help you?",
        "(interrupted)",
        "table is booked",
        "hang_up {} -> done",
        "answered ",
        "underruns at the caller  0",
    ):
        assert words in said
    (transcript,) = tmp_path.glob("*.jsonl")
    turns = [json.loads(line) for line in transcript.read_text().splitlines()]
    assert turns[0]["who"] == "bot"
    assert sum(turn["who"] == "caller" for turn in turns) >= 6


@needs_local
@pytest.mark.slow
def test_the_receptionist_makes_an_appointment(tmp_path: Path) -> None:
    """With a tool of its own; lines are what the caller says."""
    lines = [
        "I need an appointment.", "Sam Miller.", "Tomorrow.",
        "At half past nine in the morning.", "Yes, that is right.", "No, thank you.",
    ]  # fmt: skip
    given = [word for line in lines for word in ("--line", line)]
    ran = demo(
        tmp_path, "--json", "--bot", "samples/receptionist.py:Receptionist", *given
    )

    assert ran.returncode == 0, ran.stderr
    outcome = json.loads(ran.stdout)
    tools = [t["text"] for t in outcome["transcript"] if t["who"] == "tool"]
    assert any(text.startswith('book {"name": "Sam') for text in tools), outcome
    assert any(text.startswith("hang_up") for text in tools), outcome
    assert outcome["answers"] >= 5
    assert outcome["answered_after_ms"] < 10_000


@needs_local
@pytest.mark.slow
async def test_the_chat_sample_runs_against_a_local_server(tmp_path: Path) -> None:
    """Any server that speaks the format."""
    async with serving_chat() as (server, _service):
        words = {"content": "It is nice. ", "role": "assistant"}
        call = {"index": 0, "id": "a", "function": {"name": "hang_up", "arguments": ""}}
        server.chunks = [chunk(**words), chunk("tool_calls", tool_calls=[call]), DONE]
        given = ["--bot", "samples/chat.py:bot", "--line", "How is the weather today?"]
        env = {"CHAT_URL": server.url, "CHAT_MODEL": "tiny"}
        ran = await asyncio.to_thread(demo, tmp_path, *given, env=env)

    assert ran.returncode == 0, ran.stderr
    assert "It is nice." in ran.stdout
    assert server.asked[0]["model"] == "tiny"
    assert {tool["function"]["name"] for tool in server.asked[0]["tools"]} >= {
        "opening_hours", "hang_up", "transfer"
    }  # fmt: skip


@pytest.mark.slow
async def test_the_speech_to_speech_sample_runs_against_a_local_service(
    tmp_path: Path, short: Path
) -> None:
    """Any service that speaks the events."""
    async with serving_realtime() as service:
        service.answers = [{"text": "Good day to you.", "seconds": 1.0}]
        given = ["--bot", "samples/speech_to_speech.py:bot", "--caller", str(short)]
        env = {"REALTIME_URL": service.url, "OPENAI_API_KEY": "secret"}
        ran = await asyncio.to_thread(demo, tmp_path, *given, env=env)

    assert ran.returncode == 0, ran.stderr
    assert "Good day to you." in ran.stdout
    assert service.authorization == "Bearer secret"
    assert service.loudness() > 1000
