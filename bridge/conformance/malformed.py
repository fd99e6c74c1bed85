"""Messages that no stream should have, in the middle of a call."""

import base64
import json

from bridge.conformance.far_end import FarEnd
from bridge.conformance.findings import Basis, Scene
from bridge.conformance.kit import Scenario, misbehaving

__all__ = ["SCENARIOS"]

OVERSIZED_BYTES = 70 * 1024
"""Plivo's own messages stay below 64 KB."""

NO_KEYS = ("E", "", "12", "\u0665")


async def _unknown_events(far: FarEnd) -> None:
    for event in ("muteStream", "somethingNew"):
        await far.send(far.make.any(event, reason="because"))
    # A new field in a known message is new, too.
    await far.send({**far.make.tone(), "somethingNew": {"deep": [1, None]}})


async def _bad_base64(far: FarEnd) -> None:
    message = far.make.tone()
    message["media"]["payload"] = "!!! this is no base64 !!!"
    await far.send(message)


async def _odd_payload(far: FarEnd) -> None:
    await far.send(far.make.media(b"\x01" * 321))


async def _empty_payload(far: FarEnd) -> None:
    await far.send(far.make.media(b""))


async def _no_payload(far: FarEnd) -> None:
    message = far.make.tone()
    del message["media"]["payload"]
    await far.send(message)


async def _not_json(far: FarEnd) -> None:
    await far.send_frames('{"event": "media", ')


async def _no_object(far: FarEnd) -> None:
    for text in ("[]", '"media"', "42", "null"):
        await far.send_frames(text)


async def _no_event(far: FarEnd) -> None:
    message = far.make.tone()
    del message["event"]
    await far.send(message)


async def _binary(far: FarEnd) -> None:
    message = far.make.tone()
    await far.send_frames(base64.b64decode(message["media"]["payload"]))


async def _fragmented(far: FarEnd) -> None:
    text = json.dumps(far.make.tone())
    await far.send_frames([text[:7], text[7:200], text[200:]])


async def _oversized(far: FarEnd) -> None:
    samples_bytes = OVERSIZED_BYTES * 3 // 4 // 2 * 2
    await far.send(far.make.media(b"\x00" * samples_bytes))


async def _invalid_keys(far: FarEnd) -> None:
    for key in NO_KEYS:
        await far.send(far.make.key(key))


SCENARIOS: tuple[Scenario, ...] = (
    misbehaving(
        Scene(
            "unknown-events",
            Basis.OBSERVED,
            "goes on: Plivo's own SDKs pass unknown events over",
        ),
        _unknown_events,
    ),
    misbehaving(
        Scene(
            "bad-base64", Basis.NOWHERE, "drops the one message and goes on, at best"
        ),
        _bad_base64,
    ),
    misbehaving(
        Scene(
            "odd-payload",
            Basis.NOWHERE,
            "survives half a sample of audio/x-l16; drops the message, at best",
        ),
        _odd_payload,
    ),
    misbehaving(
        Scene("empty-payload", Basis.NOWHERE, "takes no audio for no audio, at best"),
        _empty_payload,
    ),
    misbehaving(
        Scene(
            "payload-missing",
            Basis.NOWHERE,
            "drops the one message and goes on, at best",
        ),
        _no_payload,
    ),
    misbehaving(
        Scene("not-json", Basis.NOWHERE, "drops the one message and goes on, at best"),
        _not_json,
    ),
    misbehaving(
        Scene(
            "json-no-object",
            Basis.NOWHERE,
            "drops a list, a string, a number and null, and goes on, at best",
        ),
        _no_object,
    ),
    misbehaving(
        Scene(
            "event-missing", Basis.NOWHERE, "drops the one message and goes on, at best"
        ),
        _no_event,
    ),
    misbehaving(
        Scene(
            "binary-frame",
            Basis.NOWHERE,
            "drops it or closes with 1003: every message is text",
        ),
        _binary,
    ),
    misbehaving(
        Scene(
            "fragmented-message",
            Basis.DOCUMENTED,
            "takes a message in fragments as one (RFC 6455, 5.4)",
        ),
        _fragmented,
    ),
    misbehaving(
        Scene(
            "oversized-message",
            Basis.NOWHERE,
            "drops 70 KB or closes with 1009: the limit of 64 KB is documented",
        ),
        _oversized,
    ),
    misbehaving(
        Scene("dtmf-invalid", Basis.NOWHERE, "passes over what is no key, at best"),
        _invalid_keys,
    ),
)
