"""Signatures, against the vectors that Plivo's SDKs are tested with."""

import pytest

from bridge.multiparty import signatures
from bridge.multiparty.signatures import is_signed, sign_v2, sign_v3, upgrade_signature

TOKEN = "Y2Q2ZDgxZmY5YWRiOTI5YmQ1Njg0MTAxZWIyOTc4"
NONCE = "31627761595286130198"
URL = "https://plivobin.non-prod.plivops.com/api/v1/validate_signature03.xml"
UUID = "3e82ae9d-2c78-4d85-b1a4-6eae7dbafb36"
PARAMS = {
    "Direction": "outbound",
    "From": "19792014278",
    "ALegUUID": UUID,
    "ALegRequestUUID": UUID,
    "CallUUID": UUID,
    "RequestUUID": UUID,
    "CallStatus": "in-progress",
    "BillRate": "0.002",
    "ParentAuthID": "MANWVLYTK4ZWU1YTY4QA",
    "To": "sip:PlivoSignature382029104058171078704104@phone-qa.voice.plivodev.com",
    "SIP-H-To": (
        "<sip:PlivoSignature382029104058171078704104@52.9.11.55;transport=udp>;tag=1"
    ),
    "SessionStart": "2020-04-08 11:34:33.238707",
    "Event": "StartApp",
}

PUBLISHED = [
    ("POST", f"{URL}/?a=b&c=d", "k7Pusd4OxCIjR5IfA9iedDNu/h/gbdYqdzG/MiYtd1c="),
    ("GET", f"{URL}/?a=b&c=d", "UBq8jAtd32wR8EK9VgxbBn4n5rpI/l1H9iN4WfSEHFQ="),
    ("POST", URL, "iAjE5QqI37mbkYe4w3jTMudqEzbDufdqi7sYwTu64e0="),
    ("GET", URL, "i/MQsaQSAd6fiKhOh2qeeeLHZ9faldADSb3/7+Akfbc="),
]

ROOM_42 = "NVfPWB2+R5dtf0xUoA4zcEFWHyeIfwKIJqlf7eYQKww="

UPGRADES = [
    ("wss://bot.example.com/ws", "JFIKTwSFx4VWZn0lZMOEwwSb7MW2qFJ4lv6s/1XhcfA="),
    (
        "wss://bot.example.com/ws?room=42",
        "NVfPWB2+R5dtf0xUoA4zcEFWHyeIfwKIJqlf7eYQKww=",
    ),
    ("ws://h:8080/ws?call=1", "2qKoEG+9BIJKUqMffYu5DVeinD5sVXBX7o7mJv/ILlY="),
]


def test_version_2_is_as_published() -> None:
    """The URL alone; its query does not count."""
    expected = "ehV3IKhLysWBxC1sy8INm0qGoQYdYsHwuoKjsX7FsXc="
    assert sign_v2("my_auth_token", "https://answer.url", "12345") == expected
    assert sign_v2("my_auth_token", "https://answer.url?a=b", "12345") == expected


@pytest.mark.parametrize(("method", "url", "expected"), PUBLISHED)
def test_version_3_is_as_published(method: str, url: str, expected: str) -> None:
    """GET and POST, with and without a query."""
    assert sign_v3(TOKEN, method, url, NONCE, PARAMS) == expected
    assert sign_v3(TOKEN, method.lower(), url, NONCE, PARAMS) == expected


@pytest.mark.parametrize(
    ("method", "url", "params", "signed"),
    [
        ("GET", "http://h/p", {}, "http://h/p.N"),
        ("GET", "http://h/p?b=2&a=1", {}, "http://h/p?a=1&b=2.N"),
        ("POST", "http://h/p", {"B": "x", "A": "y"}, "http://h/p?AyBx.N"),
        ("POST", "http://h/p?b=2&a=1", {"B": "x", "A": "y"},
         "http://h/p?a=1&b=2.AyBx.N"),
        ("POST", "http://h/p", {}, "http://h/p.N"),
        ("GET", "http://h/p?x=%20y&x=a&e=", {}, "http://h/p?e=&x= y&x=a.N"),
        ("GET", "http://h/p?name=%C3%A9&x=a%26b", {}, "http://h/p?name=é&x=a&b.N"),
        ("POST", "http://h/p", {"A": ["2", "1"]}, "http://h/p?A1A2.N"),
    ],
)  # fmt: skip
def test_what_is_signed(
    method: str, url: str, params: dict[str, str], signed: str
) -> None:
    """The very string, for every case that SDKs were seen to treat on their own."""
    expected = signatures._hmac("t", signed)
    assert sign_v3("t", method, url, "N", params) == expected


@pytest.mark.parametrize("version", ["2", "3"])
def test_what_we_sign_is_signed(version: str) -> None:
    """Headers of any case; the main account's as well; several by commas."""
    url = "https://h/cb?a=1"
    made = signatures.headers("t", "POST", url, "N", {"B": "x"})
    given = {name.lower(): v for name, v in made.items() if f"V{version}" in name}

    def signed(token: str, where: str) -> bool:
        return is_signed(given, token, "POST", where, {"B": "x"}, takes_v2=True)

    assert signed("t", url)
    assert is_signed(given, "t", "POST", url, {"B": "x"}) == (version == "3")
    assert not signed("other", url)
    assert not is_signed(given, "other", "POST", url, {"B": "x"})
    assert not is_signed(given, "t", "POST", "https://h/other", {"B": "x"})
    own = f"x-plivo-signature-v{version}"
    listed = {**given, own: f"wrong, {given[own]}"}
    assert is_signed(listed, "t", "POST", url, {"B": "x"}, takes_v2=True)
    given[own] = "wrong"
    assert signed("t", url)


def test_parameters_count() -> None:
    """With version 3, which a right signature of version 2 does not make good."""
    url = "https://h/cb"
    made = signatures.headers("t", "POST", url, "N", {"B": "x"})

    assert not is_signed(made, "t", "POST", url, {"B": "y"})


def test_what_is_not_signed_is_not_signed() -> None:
    """No header at all, or no nonce."""
    assert not is_signed({}, "t", "POST", "https://h/cb", {})
    assert not is_signed({"X-Plivo-Signature-V3": "é"}, "t", "GET", "https://h/cb")
    assert upgrade_signature({}, "t", "wss://h/ws") is None


@pytest.mark.parametrize(("url", "expected"), UPGRADES)
def test_an_upgrade_is_signed_as_http(url: str, expected: str) -> None:
    """Whatever was dialled; other schemes are taken too."""
    headers = {
        "X-Plivo-Signature-V3": expected,
        "X-Plivo-Signature-V3-Nonce": "12345",
    }
    assert upgrade_signature(headers, "my_auth_token", url) == expected
    assert upgrade_signature(headers, "another", url) is None
    for scheme in ("https", "wss", "ws"):
        other = f"{scheme}://{url.partition('://')[2]}"
        right = sign_v3("t", "GET", other, "12345")
        headers["X-Plivo-Signature-V3"] = right
        assert upgrade_signature(headers, "t", url) == right


def test_hundreds_of_fields_are_no_signed_upgrade() -> None:
    """They would take milliseconds to sort, for anybody who asks."""
    url = "wss://h/ws?" + "&".join(f"a{n}=1" for n in range(300))
    headers = {"X-Plivo-Signature-V3": "x", "X-Plivo-Signature-V3-Nonce": "1"}
    assert upgrade_signature(headers, "t", url) is None
