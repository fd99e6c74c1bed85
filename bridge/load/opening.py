"""How a caller's stream is opened: URL, headers, and the first message."""

import uuid
from urllib.parse import quote

from bridge.load.plan import Plan
from bridge.multiparty import signatures
from bridge.stream import messages

__all__ = ["headers_of", "start_of", "url_of"]

ACCOUNT = "MALOADTEST0000000000"


def url_of(plan: Plan) -> str:
    """The URL that is dialled, with the token where there is one."""
    token = plan.token.get_secret_value()
    if not token:
        return plan.url
    joint = "&" if "?" in plan.url else "?"
    return f"{plan.url}{joint}token={quote(token, safe='')}"


def headers_of(plan: Plan) -> dict[str, str]:
    """Those asked for, and the signature of the upgrade: as Plivo's, over `http`."""
    token = plan.auth_token.get_secret_value()
    if not token:
        return plan.headers
    url = "http://" + url_of(plan).partition("://")[2]
    signed = signatures.headers(token, "GET", url, uuid.uuid4().hex)
    return plan.headers | {name: each for name, each in signed.items() if "V3" in name}


def start_of(plan: Plan, stream_id: str) -> messages.Start:
    """The message that opens a stream."""
    content_type = plan.stream_type
    body = messages.StartBody(
        call_id=stream_id,
        stream_id=stream_id,
        account_id=ACCOUNT,
        tracks=["inbound"],
        media_format=messages.MediaFormat(
            encoding=content_type.encoding, sample_rate=content_type.rate_hz
        ),
    )
    return messages.Start(start=body, extra_headers=plan.extra_headers)
