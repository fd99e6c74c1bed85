"""`mpc-bridge mpc`, against what the API would answer."""

import json
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from bridge.cli import mpc_show
from bridge.cli.main import cli
from bridge.control.client import MpcClient
from bridge.control.options import PlivoOptions

MPC = {
    "mpc_uuid": "u-1",
    "friendly_name": "demo",
    "status": "Active",
    "creation_time": "2026-01-02 03:04:05+00:00",
}
MEMBER = {
    "member_id": "355",
    "mpc_uuid": "u-1",
    "role": "agent",
    "mute": True,
    "call_uuid": "c-1",
}


class Api:
    """Answers, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.count = 1

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path.decode().partition("/MultiPartyCall/")[2]
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, path, body))
        if request.method == "DELETE":
            return httpx.Response(204)
        if path.startswith(("?", "name_demo/Participant/?")) or path.endswith("ant/"):
            shown = MEMBER if "Participant" in path else MPC
            page = {"meta": {"count": self.count}, "objects": [shown], "calls": []}
            return httpx.Response(200, json=page)
        return httpx.Response(200, json={"api_id": "x", **MPC, "message": "well"})


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    made = Api()

    def client(options: PlivoOptions) -> MpcClient:
        transport = httpx.MockTransport(made)
        return MpcClient(options.auth_id, options.auth_token, transport=transport)

    monkeypatch.setattr(PlivoOptions, "client", client)
    return made


def run(*words: str, code: int = 0) -> Result:
    done = CliRunner().invoke(cli, ["mpc", "--local", *words])
    assert done.exit_code == code, done.output
    return done


COMMANDS = [
    ("list --status active --limit 5", "GET", "?status=active&limit=5&offset=0", None),
    ("activate demo", "POST", "name_demo/", {"status": "active"}),
    ("end uuid_u-1", "DELETE", "uuid_u-1/", None),
    ("kick demo 1,2", "DELETE", "name_demo/Participant/1,2/", None),
    ("mute demo all", "POST", "name_demo/Participant/all/", {"mute": True}),
    ("unhold demo 1 --silently", "POST", "name_demo/Participant/1/",
     {"hold": False, "disable_state_change_sound": True}),
    ("coach demo 1", "POST", "name_demo/Participant/1/", {"coach_mode": True}),
    ("record start demo --file-format wav", "POST", "name_demo/Record/",
     {"file_format": "wav", "recording_callback_method": "POST"}),
    ("record start demo 1 --track both", "POST", "name_demo/Participant/1/Record/",
     {"record_track_type": "both", "recording_callback_method": "POST"}),
    ("record pause demo --keep-silence", "POST", "name_demo/Record/Pause/",
     {"trim_silence": False}),
    ("record pause demo 1", "POST", "name_demo/Participant/1/Record/Pause/", {}),
    ("record resume demo", "POST", "name_demo/Record/Resume/", {}),
    ("record resume demo 1", "POST", "name_demo/Participant/1/Record/Resume/", {}),
    ("record stop demo", "DELETE", "name_demo/Record/", None),
    ("record stop demo 1 --track participant", "DELETE",
     "name_demo/Participant/1/Record/", {"record_track_type": "participant"}),
    ("play demo all http://h/a.mp3", "POST", "name_demo/Member/all/Play/",
     {"urls": "http://h/a.mp3", "url": "http://h/a.mp3"}),
    ("play demo all --stop", "DELETE", "name_demo/Member/all/Play/", None),
    ("speak demo 1 hello --no-mix", "POST", "name_demo/Member/1/Speak/",
     {"text": "hello", "mix": False}),
    ("speak demo 1 --stop", "DELETE", "name_demo/Member/1/Speak/", None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "method", "path", "body"), COMMANDS, ids=[each[0] for each in COMMANDS]
)
def test_each_command_asks_one_thing(
    api: Api, words: str, method: str, path: str, body: Any
) -> None:
    """And says something."""
    done = run(*words.split())
    assert api.asked == [(method, path, body)]
    assert done.output.strip()


def test_a_participant_has_all_parameters(api: Api) -> None:
    """As flags, by the API's names; an AI agent is a URL."""
    run(
        *("add", "demo", "--role", "agent", "--from", "+1", "--to", "+2<+3"),
        *("--ring-timeout", "10<20", "--max-duration", "600", "--no-coach-mode"),
        "--mute",
    )
    ((_, _, body),) = api.asked
    assert body == {
        "role": "agent",
        "from": "+1",
        "to": "+2<+3",
        "ring_timeout": "10<20",
        "max_duration": 600,
        "coach_mode": False,
        "mute": True,
        "status_callback_method": "POST",
        "recording_callback_method": "GET",
    }
    run("ai", "demo", "ws://h/stream", "--ai-agent-stream-extra-headers", "a=1")
    _, path, body = api.asked[-1]
    assert path == "name_demo/Participant/"
    assert body["role"] == "ai-agent"
    assert body["ai_agent_stream_service_url"] == "ws://h/stream"
    told = run("add", "--help").output
    assert "--status-callback-events" in told
    assert "[agent|customer|supervisor|ai-agent]" in told
    wrong = run("add", "demo", "--role", "king", code=2).output
    assert "'king' is not one of" in wrong


def test_a_call_is_shown_with_its_members(api: Api) -> None:
    """For people as tables, for programs as JSON."""
    shown = run("show", "demo").output
    assert "demo" in shown
    assert "355" in shown
    assert "2026-01-02 03:04:05" in shown
    mpc, members = json.loads(run("show", "demo", "--json").output)
    assert mpc["mpc_uuid"] == "u-1"
    assert members[0]["mute"] is True


def test_lists_say_that_there_is_more(api: Api) -> None:
    """And that there is nothing."""
    api.count = 50
    assert "1 of 50; --offset shows more" in run("list").output
    listed = json.loads(run("list", "--json").output)
    assert listed["meta"]["count"] == 50


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ("list --limit 50", "limit: Input should be less than or equal to 20"),
        ("add demo --from +1 --to +2", "role: Field required"),
        ("play demo all", "urls: List should have at least 1"),
        ("transfer uuid_x --to 1 --from 2", "transfer takes a call's name"),
    ],
)
def test_mistakes_are_explained(api: Api, words: str, what: str) -> None:
    """In one line, and nothing is asked."""
    done = CliRunner().invoke(cli, ["mpc", "--local", *words.split()])
    assert done.exit_code != 0
    assert what in str(done.exception)
    assert api.asked == []


def test_an_account_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """From Plivo's own variables, or flags; the local engine's is known."""
    for name in ("PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    done = CliRunner().invoke(cli, ["mpc", "list"])
    assert "set PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN" in str(done.exception)

    options: list[PlivoOptions] = []

    def client(given: PlivoOptions) -> MpcClient:
        options.append(given)
        raise ZeroDivisionError

    monkeypatch.setattr(PlivoOptions, "client", client)
    monkeypatch.setenv("PLIVO_AUTH_ID", "MA1")
    monkeypatch.setenv("PLIVO_AUTH_TOKEN", "wallflower")
    CliRunner().invoke(cli, ["mpc", "--api-url", "http://api.test", "list"])
    CliRunner().invoke(cli, ["mpc", "--local", "list"])
    first, local = options
    assert (first.auth_id, first.api_url) == ("MA1", "http://api.test")
    assert "wallflower" not in repr(first)
    assert (local.auth_id, local.api_url) == (
        "MALOCALENGINE0000000",
        "http://127.0.0.1:8080",
    )


async def test_a_list_can_be_watched(capsys: pytest.CaptureFixture[str]) -> None:
    """Until the call is gone; an API that is away is waited for."""
    statuses = iter([200, 200, 404])

    def answer(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(next(statuses), json={**MPC, "error": "no such MPC"})

    class Options(PlivoOptions):
        def client(self) -> MpcClient:
            transport = httpx.MockTransport(answer)
            return MpcClient("MA", "secret", transport=transport)

    await mpc_show.watch(Options(), lambda client: client.get("demo"))
    assert "no such MPC" in capsys.readouterr().out
