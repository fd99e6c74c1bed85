"""All targets by name, with where each begins: its seeds, and words worth trying."""

import dataclasses
import json
from collections.abc import Callable, Mapping
from pathlib import Path

from bridge.engine.rest.operations import OPERATIONS
from bridge.multiparty.requests import AddParticipant
from tests.fuzz import pure, sockets
from tests.stream.samples import DOCUMENTED

__all__ = ["CORPUS", "TARGETS", "Target", "kept"]

CORPUS = Path(__file__).parent / "corpus"


def _line(message: object) -> str:
    return json.dumps(message, separators=(",", ":"))


LINES = [_line(each) for each in DOCUMENTED["from_platform"]]
SENT = [_line(each) for each in DOCUMENTED["from_server"]]

MESSAGES = (
    *("event", "media", "payload", "chunk", "timestamp", "track", "inbound", "start"),
    *("streamId", "callId", "mediaFormat", "encoding", "sampleRate", "audio/x-mulaw"),
    *("sequenceNumber", "playedStream", "name", "clearedAudio", "dtmf", "digit"),
    *("stop", "reason", "extra_headers", "tracks", "accountId", "played"),
)

CALL = "\n".join([*LINES[:2], LINES[1].replace('"chunk":1', '"chunk":9'), *LINES[2:]])


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """Something that takes bytes, and must not mind which."""

    take: Callable[[bytes], None]
    """Raises what nobody promised; its docstring says what is."""
    seeds: tuple[str, ...]
    words: tuple[str, ...] = ()


def _element(name: str) -> str:
    return f"<Response>{name}</Response>"


def _request(
    body: Mapping[str, object], target: str = "POST ~/name_a/Participant"
) -> str:
    return f"{target}\n\n{json.dumps(body)}"


ADD: Mapping[str, object] = {"role": "customer", "from": "+1", "to": "2"}

EVENT = {
    "EventName": "ParticipantJoin",
    "MPCUUID": "m",
    "MemberID": "1",
    "ParticipantCallUUID": "c",
    "EventTimestamp": "2026-01-02 03:04:05+00:00",
}
STREAM = {"Event": "StreamStart", "CallUUID": "c", "StreamID": "s", "Duration": "1.5"}

FORM = "content-type: application/x-www-form-urlencoded"
SIGNATURE = "x-plivo-signature-v3: a,b\nx-plivo-signature-v3-nonce: n"

TARGETS: Mapping[str, Target] = {
    "codec": Target(pure.fuzz_codec, (*LINES, *SENT), MESSAGES),
    "protocol": Target(pure.fuzz_protocol, (CALL, "\n".join(SENT)), MESSAGES),
    "headers": Target(
        pure.fuzz_headers, ("a=b;c=d", "a=b,c=%20d", '{"a":"b","c":{"d":[1]}}')
    ),
    "content_type": Target(
        pure.fuzz_content_type,
        ("audio/x-l16;rate=16000", "AUDIO/X-MULAW"),
        ("audio/x-l16", "audio/x-mulaw", "rate=", ";"),
    ),
    "xml": Target(
        pure.fuzz_xml,
        (
            _element('<Play loop="2">http://x/a.mp3</Play><Wait length="3"/>'),
            _element('<Speak voice="MAN" language="en-GB">hi</Speak><Hangup/>'),
            _element(
                '<MultiPartyCall role="agent" maxDuration="500">a</MultiPartyCall>'
            ),
        ),
        ("<Response>", "</Response>", "<Play>", "loop=", "<!--", "<![CDATA[", "<?xml"),
    ),
    "callback": Target(
        pure.fuzz_callback,
        tuple(
            "\n".join(f"{name}={value}" for name, value in params.items())
            for params in (EVENT, STREAM, {"CallStatus": "ringing", "CallUUID": "c"})
        ),
        (*EVENT, *STREAM, "RecordingUUID", "transcription", "MPCFriendlyName", "nan"),
    ),
    "session": Target(
        sockets.fuzz_session, (CALL, CALL.replace("\n", "\n!\n", 3)), MESSAGES
    ),
    "connection": Target(
        sockets.fuzz_connection,
        (
            f"2{CALL}",
            "1\x81\x85abcd\x00\x00\x00",
            f"0{sockets.UPGRADE.decode()}",
            "0GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
            "3GET /metrics HTTP/1.1\r\n\r\n",
        ),
        (*MESSAGES, "\r\n\r\n", "Upgrade: websocket", "HTTP/1.1", "Sec-WebSocket-Key:"),
    ),
    "callbacks_http": Target(
        sockets.fuzz_callbacks_http,
        (
            f"POST /\n{FORM}\n\nEventName=ParticipantJoin&MPCUUID=m&MemberID=1",
            f"GET /?Event=StreamStart&CallUUID=c&StreamID=s\n{SIGNATURE}\n\n",
        ),
        ("X-Plivo-Signature-V2:", "X-Plivo-Signature-V2-Nonce:", *EVENT, *STREAM),
    ),
    "engine": Target(
        sockets.fuzz_engine,
        (
            f"{_request(ADD)}\n---\nGET ~/name_a",
            f"{_request({**ADD, 'record': True})}\n---\nPOST ~/name_a/Record",
            f'{_request(ADD)}\n---\nPOST ~/name_a/Participant/1\n\n{{"mute":true}}',
            f"{_request(ADD)}\n---\nDELETE ~/name_a/Participant/all",
            "GET ~?limit=5&offset=0&status=active",
            _request({"from": "1", "to": "2"}, "/engine/calls"),
        ),
        (
            *(operation.path.rpartition("}")[2] for operation in OPERATIONS),
            *AddParticipant.model_fields,
            *(
                "GET ~",
                "POST ~",
                "DELETE ~",
                "name_",
                "uuid_",
                "\n---\n",
                "callback_url",
            ),
        ),
    ),
}


def kept() -> list[tuple[str, Path]]:
    """The corpus: a target's name, and a file for it."""
    return [
        (name, path) for name in TARGETS for path in sorted((CORPUS / name).glob("*"))
    ]
