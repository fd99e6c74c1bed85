"""Which bots the flags and the configuration file name."""

from typing import Any

import pytest

from bridge.cli.named_bots import load_bots
from bridge.errors import ConfigError


def test_bots_are_named_by_flags_and_file() -> None:
    """Flags win over the file; options go to whom they name."""
    file = {"bots": {"sales": {"use": "echo", "sample_rate_hz": 8000}}}

    bots = load_bots(("echo", "fast=echo"), ("fast.sample_rate_hz=24000",), file)

    rates = {name: bot.sample_rate_hz for name, bot in bots.items()}
    assert rates == {"sales": 8000, "echo": 16000, "fast": 24000}
    (only,) = load_bots(("echo",), ("sample_rate_hz=8000",), {}).values()
    assert only.sample_rate_hz == 8000


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that none stands on a command line; one that is not set is said."""
    monkeypatch.setenv("RATE", "24000")
    (bot,) = load_bots(("echo",), ("sample_rate_hz=env:RATE",), {}).values()
    assert bot.sample_rate_hz == 24000
    with pytest.raises(ConfigError, match="bot echo: sample_rate_hz: NONE is not set"):
        load_bots(("echo",), ("sample_rate_hz=env:NONE",), {})


@pytest.mark.parametrize(
    ("specs", "options", "file", "what"),
    [
        (("echo",), ("loud",), {}, "--bot-option loud: expected key=value"),
        (("echo",), ("x.a=1",), {}, "which bot. write NAME.a=1; there are echo"),
        (("echo", "b=echo"), ("a=1",), {}, "which bot. write NAME.a=1"),
        ((), ("a=1",), {}, "there are none"),
        ((), (), {"bots": {"a": {}}}, r"\[bots.a\] needs use ="),
        ((), (), {"bots": {"a": 5}}, r"\[bots.a\] needs use ="),
        (("a=echo", "a=echo"), (), {}, "'a' is taken, write NAME=SPEC"),
        (("a/b=echo",), (), {}, "bot name 'a/b': allowed are letters"),
        (("=echo",), (), {}, "bot name ''"),
    ],
    ids=str,
)
def test_options_for_nobody_are_refused(
    specs: tuple[str, ...], options: tuple[str, ...], file: dict[str, Any], what: str
) -> None:
    """With how to write them."""
    with pytest.raises(ConfigError, match=what):
        load_bots(specs, options, file)
