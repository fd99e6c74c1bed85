"""The plan of `mpc-bridge load`: a file, and flags in front of what it says."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bridge.cli import setup
from bridge.control.options import PlivoOptions
from bridge.documents import problems, read_toml
from bridge.errors import ConfigError
from bridge.load.plan import Plan

__all__ = ["plan_of"]

TRIAL_S = 15.0
"""Of a search for the capacity."""


def plan_of(
    url: str | None,
    plan_file: Path | None,
    flags: dict[str, Any],
    *,
    find_capacity: bool,
) -> Plan:
    """Make the plan of a command.

    Args:
        url: Of the server, if the command says it.
        plan_file: If the command names one.
        flags: The command's others.
        find_capacity: Whether it is a trial of many.

    Raises:
        ConfigError: If the file, or something in it, is wrong; says what.
    """
    document = {} if plan_file is None else _beside(plan_file)
    _merge(document, url, flags)
    if flags["signed"]:
        plivo = PlivoOptions(**setup.settings("plivo", {}, {}))
        document["auth_token"] = plivo.auth_token.get_secret_value()
        if not document["auth_token"]:
            raise ConfigError("--signed: PLIVO_AUTH_TOKEN is not set")
    if "url" not in document:
        raise ConfigError("no server: give a URL, or a plan with one")
    if find_capacity and flags["duration"] is None:
        document["duration_s"] = TRIAL_S
    return _validated(document, plan_file)


def _beside(plan_file: Path) -> dict[str, Any]:
    """A plan's document, its files looked for where it is."""
    document = read_toml(plan_file)
    whole = _validated({"url": "ws://nowhere", **document}, plan_file)
    if "callers" in document:
        beside = whole.beside(plan_file.parent)
        document["callers"] = beside.model_dump(mode="json")["callers"]
    return document


def _validated(document: dict[str, Any], plan_file: Path | None) -> Plan:
    try:
        return Plan.model_validate(document)
    except ValidationError as error:
        where = f"{plan_file}: " if plan_file is not None else ""
        raise ConfigError(f"{where}{problems(error)}") from error


def _merge(document: dict[str, Any], url: str | None, flags: dict[str, Any]) -> None:
    """Put what flags say in front of what the plan says."""
    given: dict[str, Any] = {
        "url": url,
        "duration_s": flags["duration"],
        "seed": flags["seed"],
        "content_type": flags["content_type"],
        "extra_headers": flags["extra_headers"],
        "token": flags["token"],
        "fail_if": flags["fail_if"] or None,
        "headers": dict(setup.header(text) for text in flags["headers"]) or None,
    }
    document |= {name: value for name, value in given.items() if value is not None}
    arrivals = {"streams": flags["streams"], "per_s": _rate(flags["ramp"])}
    _merge_arrivals(document, {k: v for k, v in arrivals.items() if v is not None})
    _merge_callers(document, flags["audio"], flags["call_s"])


def _merge_arrivals(document: dict[str, Any], given: dict[str, Any]) -> None:
    planned = document.get("arrivals", {"kind": "constant"})
    if given and planned.get("kind", "constant") != "constant":
        kind = planned["kind"]
        raise ConfigError(f"--streams and --ramp: the plan's arrivals are {kind}")
    document["arrivals"] = planned | given


def _merge_callers(
    document: dict[str, Any], audio: str | None, call_s: float | None
) -> None:
    callers = document.get("callers", [{}])
    if audio is not None and any(caller.get("script") for caller in callers):
        raise ConfigError("--audio: the plan's callers follow scripts")
    given = {"audio": audio, "call_s": call_s}
    more = {name: value for name, value in given.items() if value is not None}
    document["callers"] = [caller | more for caller in callers]


def _rate(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return float(text.removesuffix("/s"))
    except ValueError:
        raise ConfigError(f"--ramp: {text!r}, allowed is a number as 20/s") from None
