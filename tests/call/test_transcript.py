"""Transcripts of calls."""

import asyncio
import json
import re
import resource
from pathlib import Path

import numpy as np
import pytest

from bridge.call.call import Call
from bridge.call.options import CallOptions
from bridge.call.transcript import Transcript, Turn
from bridge.errors import MisuseError
from tests.fakes.far_end import STREAM_ID, calling


async def test_a_call_leaves_a_line_for_each_turn(tmp_path: Path) -> None:
    """As JSON, without what is not so."""

    async def bot(call: Call) -> None:
        call.note(Turn("caller", "Hello?", 0.5, 1.0))
        await asyncio.sleep(0.1)
        call.note(Turn("bot", "Hi.", 1.2, 1.6, heard="confirmed", is_cut=True))
        call.measure("played", 0.25)

    options = CallOptions(transcripts=str(tmp_path / "new"))
    async with calling(bot, options=options) as end:
        await asyncio.sleep(1.0)

    lines = (tmp_path / "new" / f"{STREAM_ID}.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"who": "caller", "text": "Hello?", "from_s": 0.5, "to_s": 1.0},
        {
            "who": "bot",
            "text": "Hi.",
            "from_s": 1.2,
            "to_s": 1.6,
            "is_cut": True,
            "heard": "confirmed",
        },
    ]
    text = end.metrics.exposition().decode()
    assert 'bridge_response_seconds_sum{stage="played"} 0.25' in text


async def test_without_a_folder_nothing_is_written() -> None:
    """It is kept, and told of."""
    told: list[Turn] = []
    transcript = Transcript(None, "id")
    transcript.on_turn = told.append
    turn = Turn("bot", "Hi.", 0.0, 1.0)
    transcript.add(turn)
    await transcript.finish()
    assert told == transcript.turns == [turn]


async def test_a_strange_name_leads_nowhere(tmp_path: Path) -> None:
    """The far end chooses it: nor is it another call's."""
    for name in ("../../etc/passwd\0", "../../etc/passwd_"):
        transcript = Transcript(tmp_path, name)
        transcript.add(Turn("bot", "Hi.", 0.0, 1.0))
        await transcript.finish()
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 2
    assert all(re.fullmatch(r"______etc_passwd_-[0-9a-f]{12}\.jsonl", n) for n in names)


async def test_what_json_cannot_have_is_no_turn(tmp_path: Path) -> None:
    """Its bot is told at once; what was before it is written."""
    transcript = Transcript(tmp_path, "id")
    transcript.add(Turn("bot", "Hi.", 0.0, 1.0))
    with pytest.raises(MisuseError, match="plain numbers"):
        transcript.add(Turn("bot", "Hi.", np.float32(1.0), 2.0))  # type: ignore[arg-type]
    await transcript.finish()
    assert len((tmp_path / "id.jsonl").read_text().splitlines()) == 1


async def test_a_full_disk_ends_no_call(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged."""
    (tmp_path / "file").write_text("")
    transcript = Transcript(tmp_path / "file", "id")
    transcript.add(Turn("bot", "Hi.", 0.0, 1.0))
    await transcript.finish()
    assert "transcript" in caplog.text


async def test_calls_that_end_together_lose_no_turn(tmp_path: Path) -> None:
    """Nor their order; half a character in a text is a question mark."""
    transcripts = [Transcript(tmp_path, f"c{n}") for n in range(50)]
    for transcript in transcripts:
        for number in range(5):
            transcript.add(Turn("bot", f"{number} \ud800", 0.0, 1.0))
    await asyncio.gather(*(transcript.finish() for transcript in transcripts))
    for path in tmp_path.iterdir():
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        assert [line["text"] for line in lines] == [
            f"{number} ?" for number in range(5)
        ]


async def test_a_line_is_whole_or_not_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What a disk took half of is taken back; what is lost is counted, and told."""
    lost: list[int] = []
    transcript = Transcript(tmp_path, "id")
    transcript.on_lost = lambda: lost.append(1)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, before[1]))
    try:
        for text in ("One.", "x" * 200, "y" * 200):
            transcript.add(Turn("bot", text, 0.0, 1.0))
        await asyncio.sleep(0.1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    transcript.add(Turn("bot", "Four.", 0.0, 1.0))
    await transcript.finish()

    lines = (tmp_path / "id.jsonl").read_text().splitlines()
    assert [json.loads(line)["text"] for line in lines] == ["One.", "Four."]
    assert len(lost) == 2
    assert "2 turns are lost" in caplog.text
    assert len(caplog.records) == 2


async def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    """File and folder: it is what people said."""
    folder = tmp_path / "transcripts"
    transcript = Transcript(folder, "id")
    transcript.add(Turn("caller", "My PIN is 1234.", 0.0, 1.0))
    await transcript.finish()
    assert (folder / "id.jsonl").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
