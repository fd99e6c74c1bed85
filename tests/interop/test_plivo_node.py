"""Plivo's Node SDK, unmodified, against the engine."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

from tests.interop.conftest import House
from tests.needs import needs

HERE = Path(__file__).parent / "node"

RECORDED = {"message": "MPC: node room record started"}
MEMBER = {"coachMode": False, "hold": False, "mute": False, "role": "agent"}
UPDATED = {
    "mute": "MPC: node room mute/unmute member(s) succeeded",
    "hold": "MPC: node room hold/unhold member(s) succeeded",
}

METHODS: dict[str, Any] = {
    "addParticipant": {"message": "add participant action initiated"},
    "addParticipant supervisor": {"message": "add participant action initiated"},
    "start": {},
    "start again": "node room is not in the initialized state",
    "get": {"friendlyName": "node room", "status": "Active", "stayAlone": True},
    "get by uuid": {"friendlyName": "node room"},
    "list": {"meta": {"count": 1, "limit": 5, "offset": 0, "next": None,
                      "previous": None}},
    "listParticipants": {"meta": {"count": 2, "limit": 20, "offset": 0}},
    "getParticipant": MEMBER,
    "updateParticipant": UPDATED,
    "updateParticipant coach": {
        "coachMode": "MPC: node room coach_mode enable/disable succeeded"
    },
    "startRecording": RECORDED,
    "pauseRecording": {},
    "resumeRecording": {},
    "stopRecording": {},
    "startParticipantRecording": {
        "message": "MPC: node room participant record started"
    },
    "pauseParticipantRecording": {},
    "resumeParticipantRecording": {},
    "stopParticipantRecording": {},
    "startPlayAudio": {"message": "play queued into MPC", "mpcName": "node room"},
    "stopPlayAudio": {},
    "kickParticipant": {},
    "getParticipant unknown": "no participant '99' in node room",
    "stop": True,
    "stop again": "no MPC with name 'node room'; an ended one is found by its uuid",
}  # fmt: skip
"""What each method gives, in part, or the message that it throws."""


@needs(
    shutil.which("node") and (HERE / "node_modules").is_dir(),
    "Node.js, and `npm install` in tests/interop/node",
)
async def test_every_method_works(house: House) -> None:
    """Gives what Plivo's would; booleans as strings and stray bodies included."""
    process = await asyncio.create_subprocess_exec(
        "node",
        str(HERE / "methods.js"),
        house.engine.url,
        house.options.auth_id,
        house.options.auth_token.get_secret_value(),
        house.web,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, complaints = await process.communicate()
    assert complaints == b""
    lines = [json.loads(line) for line in output.decode().splitlines()]

    assert [line["method"] for line in lines] == list(METHODS)
    for line in lines:
        expected = METHODS[line["method"]]
        if isinstance(expected, str):
            assert line["threw"] == expected
        elif isinstance(expected, dict):
            assert "threw" not in line, line
            assert {name: line["gave"][name] for name in expected} == expected
        else:
            assert line["gave"] is expected
    await house.quiet()
    names = [each["EventName"] for each in house.told]
    assert names[:3] == ["MPCInitialized", "ParticipantJoin", "ParticipantJoin"]
    assert names[-1] == "MPCEnd"
