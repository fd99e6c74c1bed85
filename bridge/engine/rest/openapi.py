"""The description of the API, in OpenAPI 3.1, made of the table of operations."""

from collections.abc import Iterable
from importlib.metadata import version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from bridge.engine.rest.operations import OPERATIONS, Operation

__all__ = ["description"]

REFERENCE = "#/components/schemas/{model}"

PARAMETERS = {
    "auth_id": "The account",
    "mpc": "`name_` and the friendly name, or `uuid_` and the uuid",
    "member": "A member's id; where several may be meant also `1,2`, or `all`",
}

ERRORS = {
    "400": "A parameter is wrong; the text names it and says what is allowed",
    "401": "The credentials are wrong",
    "404": "There is no such call or member",
    "405": "Nothing has this method here",
    "429": "More than 300 requests in 5 s; `Retry-After` says when to come back",
}

ASYNC = {
    "description": "The answer goes to `callback_url`",
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "properties": {
                    "api_id": {"type": "string"},
                    "message": {"type": "string"},
                },
                "required": ["api_id", "message"],
            }
        }
    },
}


def description(url: str, account: str) -> dict[str, Any]:
    """Describe the API.

    Args:
        url: Where it is served.
        account: The only account.
    """
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        path = operation.path.replace(":path}", "}") + "/"
        paths.setdefault(path, {})[operation.method.lower()] = _operation(
            operation, account
        )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Multiparty Calls",
            "summary": "Plivo's Multiparty Call API, as the local engine serves it",
            "version": version("mpc-bridge"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": url}],
        "security": [{"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"basic": {"type": "http", "scheme": "basic"}},
            "schemas": {**_schemas(), "Error": _error()},
        },
    }


def _operation(operation: Operation, account: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "tags": [operation.name.partition(".")[0]],
        "parameters": [
            *_path_parameters(operation.path, account),
            *_query(operation.query),
        ],
        "responses": _responses(operation),
    }
    if operation.body is not None:
        schema = {"$ref": REFERENCE.format(model=operation.body.__name__)}
        described["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return described


def _path_parameters(path: str, account: str) -> Iterable[dict[str, Any]]:
    for name, text in PARAMETERS.items():
        if f"{{{name}" in path:
            schema: dict[str, Any] = {"type": "string", "minLength": 1}
            if name == "auth_id":
                schema = {"type": "string", "const": account}
            yield {
                "name": name,
                "in": "path",
                "required": True,
                "description": text,
                "schema": schema,
            }


def _query(model: type[BaseModel] | None) -> Iterable[dict[str, Any]]:
    if model is None:
        return
    for name, schema in model.model_json_schema()["properties"].items():
        # A query has no null: what is not given is not there.
        choices = [
            each for each in schema.get("anyOf", [schema]) if each.get("type") != "null"
        ]
        plain: dict[str, Any] = (
            dict(choices[0]) if len(choices) == 1 else {"anyOf": choices}
        )
        if "$ref" in plain:
            plain["$ref"] = REFERENCE.format(model=plain["$ref"].rpartition("/")[2])
        yield {"name": name, "in": "query", "required": False, "schema": plain}


def _responses(operation: Operation) -> dict[str, Any]:
    good: dict[str, Any] = {"description": operation.success.phrase}
    if operation.answer is not None:
        schema = {"$ref": REFERENCE.format(model=operation.answer.__name__)}
        good["content"] = {"application/json": {"schema": schema}}
    error = {"schema": {"$ref": REFERENCE.format(model="Error")}}
    responses = {
        code: {"description": text, "content": {"application/json": error}}
        for code, text in ERRORS.items()
    }
    responses.setdefault("202", ASYNC)
    responses[str(operation.success.value)] = good
    return dict(sorted(responses.items()))


def _schemas() -> dict[str, Any]:
    models = {
        model: None
        for operation in OPERATIONS
        for model in (operation.body, operation.query)
        if model is not None
    }
    answers = {each.answer: None for each in OPERATIONS if each.answer is not None}
    _, asked = models_json_schema(
        [(model, "validation") for model in models], ref_template=REFERENCE
    )
    _, answered = models_json_schema(
        [(model, "validation") for model in answers], ref_template=REFERENCE
    )
    schemas = {**asked["$defs"], **answered["$defs"]}
    for model in models:
        schemas.setdefault(
            model.__name__, model.model_json_schema(ref_template=REFERENCE)
        )
    return schemas


def _error() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"api_id": {"type": "string"}, "error": {"type": "string"}},
        "required": ["api_id", "error"],
    }
