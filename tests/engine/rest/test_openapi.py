"""The description of the API."""

from pathlib import Path

from openapi_spec_validator import validate

from bridge.engine.rest.openapi import description
from bridge.engine.rest.operations import OPERATIONS
from tests.engine.setting import engine


def test_it_is_valid_openapi() -> None:
    """By the judgement of another."""
    validate(description("http://engine.test", "MA"))


def test_every_operation_is_described() -> None:
    """With its parameters and answers."""
    paths = description("http://engine.test", "MA")["paths"]
    described = {
        each["operationId"]: each for path in paths.values() for each in path.values()
    }
    assert set(described) == {operation.name for operation in OPERATIONS}
    listing = described["mpcs.list_all"]
    names = {each["name"] for each in listing["parameters"]}
    assert {"auth_id", "end_time__gte", "limit", "status"} <= names
    for each in described.values():
        assert {"400", "401", "404", "429"} <= set(each["responses"])
    add = described["participants.add"]
    assert add["requestBody"]["content"]["application/json"]["schema"] == {
        "$ref": "#/components/schemas/AddParticipant"
    }


async def test_it_is_served(tmp_path: Path) -> None:
    """To anybody; as is the engine's health."""
    async with engine(tmp_path) as house:
        served = (await house.api.get("/openapi.json", auth=("x", "y"))).json()
        assert served["servers"] == [{"url": "http://engine.test"}]
        assert (await house.api.get("/healthz")).text == "ok\n"
