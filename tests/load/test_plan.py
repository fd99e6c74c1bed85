"""Plans say what is wrong with them, and what is allowed."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from bridge.documents import problems, read_document
from bridge.errors import ConfigError
from bridge.load.caller_plan import CallerPlan, Say
from bridge.load.plan import Constant, Plan

URL = "ws://127.0.0.1:1/stream"

DOCUMENT = """
url = "wss://example.com/stream"
duration_s = 12
seed = 7
fail_if = ["round_trip_p99_ms > 60"]

[arrivals]
kind = "poisson"
calls_per_s = 2.5

[[callers]]
name = "talker"
weight = 3
call_s = [10, 20]
script = [
    {do = "say", audio = "hello.wav"},
    {do = "listen", quiet_s = 1.0},
    {do = "interrupt", audio = "hello.wav", after_s = 0.5},
    {do = "press", keys = "12#"},
    {do = "reconnect", with_start = false},
]

[callers.trouble]
jitter_ms = 30
stalls = {every_s = 10, for_s = 0.7}
"""


def test_document_is_read_whole(tmp_path: Path) -> None:
    """Every kind of thing that a plan says has its place."""
    path = tmp_path / "plan.toml"
    path.write_text(DOCUMENT)
    plan = read_document(path, Plan)
    (caller,) = plan.callers
    assert [step.do for step in caller.script] == [
        "say",
        "listen",
        "interrupt",
        "press",
        "reconnect",
    ]
    assert caller.trouble.stalls is not None
    assert plan.sounds == {"hello.wav"}
    assert str(plan.fail_if[0]) == "round_trip_p99_ms > 60"


def test_files_are_looked_for_beside_the_plan() -> None:
    plan = Plan(
        url=URL,
        callers=(CallerPlan(script=(Say(audio="a.wav"),)), CallerPlan(audio="tones")),
    )
    assert plan.beside(Path("/plans")).sounds == {"/plans/a.wav", "tones"}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"url": "http://x"}, "ws://HOST:PORT/PATH"),
        ({"url": URL, "content_type": "audio/x-l16;rate=44100"}, "none of"),
        ({"url": URL, "speed": 3}, "speed: there is nothing of that name"),
        ({"url": "ws://x:99999/"}, "out of range"),
        ({"url": URL, "duration_s": float("inf")}, "finite"),
        ({"url": URL, "headers": {"X": "a\r\nB: c"}}, "printable"),
        ({"url": URL, "arrivals": {"kind": "ramp", "first": 9, "last": 3}}, "less"),
        ({"url": URL, "callers": [{"script": [{"do": "wait", "s": 0.001}]}]}, "time"),
        ({"url": URL, "arrivals": {"kind": "waves"}}, "'constant', 'ramp', 'poisson'"),
        ({"url": URL, "fail_if": ["underruns is bad"]}, "figure > number"),
        ({"url": URL, "callers": []}, "at least one"),
        ({"url": URL, "extra_headers": "x" * 513}, "512"),
        ({"url": URL, "callers": [{"call_s": [9, 3]}]}, "shorter one"),
        ({"url": URL, "callers": [{"script": [{"do": "hang_up"}]}]}, "takes time"),
        (
            {"url": URL, "callers": [{"script": [{"do": "press", "keys": "x"}]}]},
            "pattern",
        ),
        (
            {
                "url": URL,
                "callers": [{"trouble": {"stalls": {"every_s": 1, "for_s": 2}}}],
            },
            "shorter than every_s",
        ),
    ],
)
def test_mistakes_are_told(document: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Plan.model_validate(document)
    assert words in problems(caught.value)


def test_secrets_are_not_shown() -> None:
    plan = Plan.model_validate({"url": URL, "token": "abc-token", "auth_token": "xyz"})
    assert "abc-token" not in repr(plan) + plan.model_dump_json()


def test_a_plan_that_is_no_toml_says_where(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text("url =")
    with pytest.raises(ConfigError, match=r"plan\.toml"):
        read_document(path, Plan)


def test_arrivals_are_constant_unless_they_say_what() -> None:
    plan = Plan.model_validate({"url": URL, "arrivals": {"streams": 7}})
    assert plan.arrivals == Constant(streams=7)


def test_steps_say_how_long_the_run_is() -> None:
    arrivals = {"kind": "steps", "first": 10, "step": 10, "last": 35, "hold_s": 5}
    assert Plan.model_validate({"url": URL, "arrivals": arrivals}).lasts_s == 20


def test_defaults_are_one_stream_of_tones() -> None:
    plan = Plan(url=URL)
    assert plan.arrivals == Constant(streams=1)
    assert plan.sounds == {"tones"}
