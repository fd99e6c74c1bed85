"""Functions a brain may call."""

import datetime
from typing import Annotated, Literal

import pytest
from pydantic import Field

from bridge.call.call import Call
from bridge.errors import ConfigError, MisuseError
from bridge.speech.tools import Tool, run_tool


async def book(
    call: Call,
    day: datetime.date,
    people: Annotated[int, Field(ge=1, description="How many come")],
    where: Literal["in", "out"] = "in",
) -> dict[str, object]:
    """Book a table."""
    return {"day": day, "people": people, "where": where, "call": call}


CALL: Call = "the call"  # type: ignore[assignment]


async def test_a_function_describes_itself() -> None:
    """By its name, docstring and annotations; the call is not the brain's to give."""
    tool = Tool.of(book)
    assert tool.name == "book"
    assert tool.description == "Book a table."
    assert tool.parameters["required"] == ["day", "people"]
    properties = tool.parameters["properties"]
    assert set(properties) == {"day", "people", "where"}
    assert properties["people"]["description"] == "How many come"
    assert properties["where"]["enum"] == ["in", "out"]


async def test_arguments_are_what_they_are_annotated_as() -> None:
    """And the call is given; what is returned becomes text."""
    result = await run_tool(Tool.of(book), CALL, '{"day": "2027-05-03", "people": "4"}')
    assert '"day": "2027-05-03", "people": 4, "where": "in"' in result
    assert "the call" in result


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ('{"day": "soon", "people": 1}', "day: "),
        ('{"day": "2027-05-03", "people": 0}', "people: "),
        ('{"day": "2027-05-03", "people": 1, "x": 1}', "x: "),
        ("{", "error: "),
        ("", "day: "),
    ],
)
async def test_wrong_arguments_are_told_to_the_brain(
    arguments: str, problem: str
) -> None:
    """So that it can do better."""
    result = await run_tool(Tool.of(book), CALL, arguments)
    assert result.startswith("error: ")
    assert problem in result


async def test_what_fails_is_told_and_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Our own errors in words, others in the log."""

    async def refuse() -> None:
        """No."""
        raise MisuseError("not now")

    async def crash() -> None:
        """Oh."""
        raise ZeroDivisionError

    async def nothing() -> None:
        """Fine."""

    assert await run_tool(Tool.of(refuse), CALL, "{}") == "error: not now"
    assert await run_tool(Tool.of(crash), CALL, "{}") == "error: it failed"
    assert "ZeroDivisionError" in caplog.text
    assert await run_tool(Tool.of(nothing), CALL, "{}") == "done"


def test_what_cannot_be_a_tool_is_refused() -> None:
    """It says why."""

    def sync() -> None: ...

    async def bare(x) -> None:  # type: ignore[no-untyped-def]
        ...

    with pytest.raises(ConfigError, match="sync is no async function"):
        Tool.of(sync)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="bare: x has no annotation"):
        Tool.of(bare)
