"""Captures of real calls, and what `replay` and `capture` make of them."""

import asyncio
import gzip
import json
import stat
import tempfile
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from websockets.asyncio.client import connect

from bridge.audio.tones import tone
from bridge.capture import SocketEvent, read
from bridge.cli.main import cli, main
from bridge.tasks import background
from tests.captures.make import BOTS, HERE, capture, speech, talk
from tests.e2e.test_commands import command, first_line
from tests.fakes.caller import Caller
from tests.patience import in_real_time, until

ECHO = HERE / "echo.capture"

# What real seconds do to a call on a busy machine shall fail no test.
ROOMY = ("--timing-tolerance", "1", "--alike", "0.5", "--count-tolerance", "0.3")


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, words)


@pytest.mark.parametrize("name", ["echo", "scripted", "resumed"])
@in_real_time
async def test_a_real_call_replays_as_the_same(tmp_path: Path, name: str) -> None:
    """With the same bot; with another one it is different."""
    path = await capture(name, Path(tempfile.mkdtemp(dir=tmp_path)))

    same = await asyncio.to_thread(run, "replay", str(path), *BOTS[name], *ROOMY)
    other = "echo" if name == "scripted" else "scripted"
    far_from = await asyncio.to_thread(run, "replay", str(path), *BOTS[other])

    assert same.exit_code == 0, same.output
    assert "DIFFERENT" not in same.output
    assert far_from.exit_code == 1
    assert "DIFFERENT" in far_from.output


async def test_a_capture_has_the_call_and_no_secret(tmp_path: Path) -> None:
    """All messages of both ends, and none of the address's query."""
    folder = tmp_path / "captures"
    async with command(
        *("serve", "--port", "0", "--json", "--bot", "desk=echo"),
        *("--capture", str(folder), "--lead-s", "0.2"),
    ) as process:
        facts = json.loads(await first_line(process))
        caller = Caller()
        async with background() as spawn:
            url = facts["bots"]["desk"] + "?token=hush"
            spawn("caller", caller.live(url, {"customer": "4711"}))
            caller.say(tone(440, 1.0, 8000))
            await until(lambda: len(caller.heard) > 60)
        # The line is down: what it said is written before the server ends.
        process.terminate()
        async with asyncio.timeout(60):
            await process.communicate()

    (path,) = folder.iterdir()
    taken = read(path.read_bytes())
    assert b"hush" not in gzip.decompress(path.read_bytes())
    header = taken.header
    assert (header.bot, header.bot_rate_hz) == ("desk", 16000)
    assert (header.path, header.options["lead_s"]) == ("/stream/desk", 0.2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert taken.is_complete
    first = json.loads(taken.records[0].received or "")
    assert (first["event"], first["extra_headers"]) == ("start", "customer=4711")
    heard = [r for r in taken.records if "media" in (r.received or "")]
    assert len(heard) >= 40
    assert [r.event for r in taken.records[-2:]] == [
        SocketEvent.CLOSED,
        SocketEvent.ENDED,
    ]


async def test_a_kill_leaves_a_capture(tmp_path: Path) -> None:
    """All but the last second of it, and it replays."""
    folder = tmp_path / "captures"
    words = ("serve", "--port", "0", "--json", "--capture", str(folder))
    async with command(*words) as process:
        facts = json.loads(await first_line(process))
        caller = Caller()
        async with background() as spawn:
            spawn("caller", caller.live(facts["url"], {}))
            caller.say(speech()[: 3 * 8000])
            await until(lambda: len(caller.heard) > 160)
            process.kill()
            await process.wait()

    (path,) = folder.iterdir()
    taken = read(path.read_bytes())
    assert taken.records[-1].t > 1.5
    assert not taken.is_complete
    result = await asyncio.to_thread(run, "replay", str(path), *ROOMY)
    assert result.exit_code == 0, result.output
    assert "breaks off" in result.output


async def test_a_call_that_goes_on_when_the_server_stops_is_whole(
    tmp_path: Path,
) -> None:
    """Its end is in the file, with our code."""
    folder = tmp_path / "captures"
    words = ("serve", "--port", "0", "--json", "--capture", str(folder))
    async with command(*words, "--drain-s", "0.1") as process:
        facts = json.loads(await first_line(process))
        caller = Caller()
        async with background() as spawn:
            spawn("caller", caller.live(facts["url"], {}))
            await until(lambda: len(caller.heard) > 20)
            process.terminate()
            async with asyncio.timeout(60):
                await process.communicate()

    (path,) = folder.iterdir()
    taken = read(path.read_bytes())
    assert taken.is_complete
    assert (taken.records[-1].event, taken.records[-1].code) == (
        SocketEvent.ENDED,
        1001,
    )


@in_real_time
async def test_a_capture_is_replayed_at_a_server(tmp_path: Path) -> None:
    """Over its socket, in real time; what came out is saved."""
    saved = tmp_path / "now.capture"
    async with command("serve", "--port", "0", "--json") as process:
        facts = json.loads(await first_line(process))
        result = await asyncio.to_thread(
            run,
            "replay",
            str(ECHO),
            "--url",
            facts["url"],
            "--save",
            str(saved),
            *ROOMY,
        )

    assert result.exit_code == 0, result.output
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    again = await asyncio.to_thread(run, "replay", str(saved), "--bot", "echo", *ROOMY)
    assert again.exit_code == 0, again.output


@in_real_time
async def test_real_time_replays_over_a_socket() -> None:
    """Of a server in this process."""
    result = await asyncio.to_thread(run, "replay", str(ECHO), "--real-time", *ROOMY)

    assert result.exit_code == 0, result.output


async def test_a_server_that_refuses_is_told_of(tmp_path: Path) -> None:
    """With what it said."""
    async with command("serve", "--port", "0", "--json") as process:
        facts = json.loads(await first_line(process))
        words = ("replay", str(ECHO), "--url", facts["url"] + "/nobody")
        result = await asyncio.to_thread(run, *words)

    assert "HTTP 404: no bot at /stream/nobody" in str(result.exception)


async def test_two_captures_are_two_tables() -> None:
    """And the exit code is the worst."""
    words = ("replay", str(ECHO), str(HERE / "scripted.capture"), "--bot", "echo")

    result = await asyncio.to_thread(run, *words, "--json")

    assert [each["same"] for each in json.loads(result.output)] == [True, False]
    assert result.exit_code == 1


async def test_tolerances_are_the_user_s() -> None:
    """What differs by everything passes where everything may differ."""
    words = (*("replay", str(HERE / "echo.capture")), *BOTS["echo"])
    wide = await asyncio.to_thread(
        run, *words, "--lead-s", "0.3", "--timing-tolerance", "9", "--alike", "0"
    )

    assert wide.exit_code == 0, wide.output


async def test_show_tells_what_happened() -> None:
    """For people, and for programs."""
    path = str(HERE / "resumed.capture")
    shown = await asyncio.to_thread(run, "replay", "--show", path)
    told = await asyncio.to_thread(run, "replay", "--show", "--json", path)

    assert shown.exit_code == 0
    for words in ("the socket broke", "over a new socket", "late_p99_ms", "underruns"):
        assert words in shown.output
    (facts,) = json.loads(told.output)
    assert facts["complete"]
    assert facts["figures"]["frames_received"] == 150
    told_of = [moment["what"] for moment in facts["moments"]]
    assert any(what.startswith("speaks for") for what in told_of)


async def test_damage_is_shown(tmp_path: Path) -> None:
    """What is left is shown all the same."""
    path = tmp_path / "torn.capture"
    path.write_bytes(ECHO.read_bytes()[:-500])

    result = await asyncio.to_thread(run, "replay", "--show", str(path))

    assert "not complete" in result.output
    assert "damaged" in result.output
    assert "start: stream" in result.output


async def test_a_scrubbed_capture_replays(tmp_path: Path) -> None:
    """Nothing personal is in it, and its messages are the same."""
    out = tmp_path / "scrubbed.capture"

    assert run("capture", "scrub", str(ECHO), str(out)).exit_code == 0

    lines = gzip.decompress(out.read_bytes())
    assert b"4711" not in lines
    assert b"11111111-1111" not in lines
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    result = await asyncio.to_thread(run, "replay", str(out))
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["replay", "nowhere.capture"], "nowhere.capture: No such file"),
        (["replay", str(HERE / "scripted.toml")], "no capture"),
        (["replay", str(ECHO), "--bot", "nobody"], "nobody"),
        (["replay", str(HERE / "scripted.capture")], "give --bot"),
        (["replay", str(ECHO), "--url", "http://x"], "--url"),
        (["replay", str(ECHO), str(ECHO), "--save", "x"], "--save"),
        (["replay", str(ECHO), "--lead-s", "9"], "lead_s"),
        (["replay", str(ECHO), "--capture", "x"], "--save"),
        (["replay"], "Missing argument"),
        (["capture", "scrub", str(ECHO), "/nowhere/x"], "No such file"),
        (["serve", "--capture", str(ECHO), "--port", "0"], "capture: "),
    ],
)
def test_what_cannot_be_is_said(
    words: list[str],
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With exit code 2."""
    monkeypatch.setattr("sys.argv", ["mpc-bridge", *words])

    with pytest.raises(SystemExit) as exit_:
        main()

    assert exit_.value.code == 2
    assert said in capsys.readouterr().err


async def test_without_capture_there_are_no_files(tmp_path: Path) -> None:
    """And no thread that would write them."""
    async with command("serve", "--port", "0", "--json") as process:
        facts: dict[str, Any] = json.loads(await first_line(process))
        threads = Path(f"/proc/{process.pid}/task")
        async with connect(facts["url"], compression=None) as socket:
            await socket.send(
                '{"event": "start", "start": {"streamId": "s", "callId": "c"}}'
            )
            await talk(socket, tone(440, 0.1, 8000), 0)
            if threads.exists():
                names = [each.read_text() for each in threads.glob("*/comm")]
                assert not any("captures" in name for name in names)

    assert list(tmp_path.iterdir()) == []
