"""A request, read."""

from pathlib import Path

import pytest

from bridge.engine.rest.asking import ApiError, Ask
from tests.engine.setting import BASE, engine


@pytest.mark.parametrize(
    ("mpc", "expected"),
    [
        ("name_a", ("name", "a")),
        ("uuid_u", ("uuid", "u")),
        ("name_a_b/c", ("name", "a_b/c")),
        ("name_", None),
        ("a", None),
        ("", None),
    ],
)
def test_an_mpc_is_named_in_two_ways(
    mpc: str, expected: tuple[str, str] | None
) -> None:
    """Anything else is nowhere."""
    ask = Ask(mpc, "", {}, {}, "/")
    if expected is None:
        with pytest.raises(ApiError):
            ask.identifier()
    else:
        assert ask.identifier() == expected


async def test_a_body_has_an_end(tmp_path: Path) -> None:
    """400, long before memory has one."""
    async with engine(tmp_path) as house:
        answer = await house.api.post(
            f"{BASE}/name_x/Participant/", content=b"x" * 2**21
        )
        assert answer.status_code == 400
        assert "more than 1048576 bytes" in answer.json()["error"]
