"""Plivo XML, as far as a Multiparty Call uses it.

Music and announcements are `Play`, `Speak` and `Wait`; on a leg that has left a call
also `Hangup` and `MultiPartyCall`.
"""

import dataclasses
from typing import TypeAlias
from xml.etree import ElementTree

from pydantic import ValidationError

from bridge.errors import PeerError
from bridge.multiparty.requests import AddParticipant

__all__ = [
    "Element",
    "Hangup",
    "MultiPartyCall",
    "Other",
    "Play",
    "Speak",
    "Wait",
    "parse",
]

MOST_BYTES = 100 * 1024
"""Plivo's limit for an answer."""


@dataclasses.dataclass(frozen=True, slots=True)
class Play:
    """Play a file."""

    url: str
    loop: int = 1
    """How often; 0 without end."""


@dataclasses.dataclass(frozen=True, slots=True)
class Speak:
    """Say a text."""

    text: str
    voice: str = "WOMAN"
    language: str = "en-US"
    loop: int = 1
    """How often; 0 without end."""


@dataclasses.dataclass(frozen=True, slots=True)
class Wait:
    """Be silent for a while."""

    length_s: float = 1.0


@dataclasses.dataclass(frozen=True, slots=True)
class Hangup:
    """Hang up."""

    reason: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class MultiPartyCall:
    """Enter a call."""

    name: str
    request: AddParticipant


@dataclasses.dataclass(frozen=True, slots=True)
class Other:
    """An element that is not for here."""

    tag: str


Element: TypeAlias = Play | Speak | Wait | Hangup | MultiPartyCall | Other


def parse(text: bytes, call_uuid: str = "") -> list[Element]:
    """Read a `<Response>`.

    Args:
        text: The document.
        call_uuid: The call it is for, which a `MultiPartyCall` moves.

    Raises:
        PeerError: If it is no XML, too long, no `Response`, or an element is wrong.
    """
    if len(text) > MOST_BYTES:
        raise PeerError(f"XML of {len(text)} bytes, allowed are {MOST_BYTES}")
    try:
        document = text.decode()
    except UnicodeDecodeError as error:
        raise PeerError("XML that is not UTF-8") from error
    if "<!DOCTYPE" in document or "<!ENTITY" in document:
        raise PeerError("XML with a document type, allowed is none")
    try:
        root = ElementTree.fromstring(document)
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise PeerError(f"no XML: {error}") from error
    if root.tag != "Response":
        raise PeerError(f"XML of <{root.tag}>, expected <Response>")
    return [_element(element, call_uuid) for element in root]


def _element(element: ElementTree.Element, call_uuid: str) -> Element:
    text = "".join(element.itertext()).strip()
    given = element.attrib
    match element.tag:
        case "Play":
            return Play(text, int(_number(element, "loop", 1)))
        case "Speak":
            return Speak(
                text,
                given.get("voice", "WOMAN"),
                given.get("language", "en-US"),
                int(_number(element, "loop", 1)),
            )
        case "Wait":
            return Wait(_number(element, "length", 1))
        case "Hangup":
            return Hangup(given.get("reason", ""))
        case "MultiPartyCall":
            return _multi_party_call(element, text, call_uuid)
    return Other(element.tag)


def _multi_party_call(
    element: ElementTree.Element, name: str, call_uuid: str
) -> MultiPartyCall:
    if not name:
        raise PeerError("<MultiPartyCall> without a name")
    # In XML these two default to POST.
    given = {"recordingCallbackMethod": "POST", "statusCallbackMethod": "POST"}
    try:
        request = AddParticipant.model_validate(
            {**given, **element.attrib, "call_uuid": call_uuid}
        )
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise PeerError(f"<MultiPartyCall> {where}: {first['msg']}") from error
    return MultiPartyCall(name, request)


def _number(element: ElementTree.Element, name: str, default: float) -> float:
    text = element.attrib.get(name)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1e6:
        raise PeerError(f"<{element.tag}> {name}={text!r}, allowed are 0 and more")
    return value
