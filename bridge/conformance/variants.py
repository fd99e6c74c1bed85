"""Messages as the reference has them, and as some senders write them."""

from collections.abc import Callable

from bridge.conformance.far_end import FarEnd
from bridge.conformance.findings import Basis, Scene
from bridge.conformance.kit import Scenario, misbehaving
from bridge.conformance.messages import Fields
from bridge.conformance.opening import Manners

__all__ = ["SCENARIOS"]

KEYS = "0123456789*#ABCD"

SPELLINGS = {
    "semicolons": "userId=12345;sessionId=abc-xyz",
    "commas": "userId=12345,sessionId=abc-xyz",
    "json": '{"userId": "12345", "sessionId": "abc-xyz"}',
}


def _without(*names: str) -> Callable[[Fields], Fields]:
    def dress(message: Fields) -> Fields:
        return {
            name: {key: each for key, each in value.items() if key not in names}
            if name in ("start", "media")
            else value
            for name, value in message.items()
            if name not in names
        }

    return dress


def _with_extra_headers(text: str) -> Callable[[Fields], Fields]:
    def dress(message: Fields) -> Fields:
        if "extra_headers" in message:
            message["extra_headers"] = text
        return message

    return dress


def _numbers_as_strings(message: Fields) -> Fields:
    message["sequenceNumber"] = str(message["sequenceNumber"])
    if message["event"] == "media":
        message["media"]["chunk"] = str(message["media"]["chunk"])
    return message


def _timestamp_as_number(message: Fields) -> Fields:
    if message["event"] in ("media", "dtmf"):
        body = message[message["event"]]
        body["timestamp"] = int(body["timestamp"])
    return message


def _test_client(message: Fields) -> Fields:
    reduced = _without("sequenceNumber", "extra_headers", "tracks")(message)
    if message["event"] == "media":
        del reduced["streamId"]
        reduced["media"]["chunk"] = str(reduced["media"]["chunk"])
    return reduced


def _dressed(scene: Scene, dress: Callable[[Fields], Fields]) -> Scenario:
    return misbehaving(scene, _talk, Manners(dress=dress))


async def _talk(far: FarEnd) -> None:
    await far.talk(0.1)


async def _every_key(far: FarEnd) -> None:
    for key in KEYS:
        await far.send(far.make.key(key))
        await far.talk(0.02)


SCENARIOS: tuple[Scenario, ...] = (
    misbehaving(
        Scene(
            "dtmf-each-key",
            Basis.DOCUMENTED,
            "takes each of 0-9 * # A-D; a bot may end the call on one",
            may_end=True,
        ),
        _every_key,
    ),
    _dressed(
        Scene(
            "numbers-as-strings",
            Basis.OBSERVED,
            "reads sequenceNumber and chunk from strings, as Plivo's test client sends",
        ),
        _numbers_as_strings,
    ),
    _dressed(
        Scene(
            "timestamp-as-number",
            Basis.NOWHERE,
            "reads a timestamp that is a number, at best: it is a string",
        ),
        _timestamp_as_number,
    ),
    _dressed(
        Scene(
            "extra-headers-absent",
            Basis.OBSERVED,
            "needs no extra_headers: Plivo's test client sends none",
        ),
        _without("extra_headers"),
    ),
    _dressed(
        Scene(
            "chunk-absent",
            Basis.NOWHERE,
            "plays a frame without its number, at best: chunk is documented",
        ),
        _without("chunk"),
    ),
    _dressed(
        Scene(
            "sequence-number-absent",
            Basis.OBSERVED,
            "needs no sequenceNumber: Plivo's test client sends none",
        ),
        _without("sequenceNumber"),
    ),
    _dressed(
        Scene(
            "test-client-frames",
            Basis.DOCUMENTED,
            "takes the reduced frames of `plivo voice streams test`",
        ),
        _test_client,
    ),
    *(
        _dressed(
            Scene(
                f"extra-headers-{name}",
                Basis.DOCUMENTED if name != "json" else Basis.OBSERVED,
                "starts whatever the extra_headers hold: sources spell them three ways",
            ),
            _with_extra_headers(text),
        )
        for name, text in SPELLINGS.items()
    ),
)
