"""What the code says about itself, as rows: options, metrics, messages, operations."""

import dataclasses
import inspect
import json
import typing
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from prometheus_client import Metric

from bridge import config, errors
from bridge.engine.options import EngineOptions
from bridge.engine.rest.openapi import description
from bridge.metrics import Metrics
from bridge.stream import messages

__all__ = [
    "ErrorRow",
    "MessageRow",
    "MetricRow",
    "OperationRow",
    "OptionRow",
    "error_rows",
    "message_rows",
    "metric_rows",
    "operation_rows",
    "option_rows",
    "option_sections",
]

EXAMPLES = Path(__file__).parents[2] / "tests" / "data" / "plivo_messages.json"
"""Messages as Plivo's documentation has them; the tests of the codec read them, too."""


class OptionRow(NamedTuple):
    """One thing that can be set."""

    flag: str
    variable: str
    line: str
    """As it stands in the file, with the default."""
    default: str
    text: str


class MetricRow(NamedTuple):
    """One metric, as a scrape sees it."""

    name: str
    kind: str
    labels: tuple[str, ...]
    text: str


class MessageRow(NamedTuple):
    """One message of the stream."""

    event: str
    sender: str
    text: str
    fields: tuple[tuple[str, str, bool], ...]
    """Name on the wire (`media.payload`), type, whether we demand it."""
    example: Mapping[str, Any]


class OperationRow(NamedTuple):
    """One operation of the API."""

    method: str
    path: str
    text: str
    success: str
    parameters: tuple[str, ...]
    """Names in body or query."""


class ErrorRow(NamedTuple):
    """One exception."""

    name: str
    parent: str
    text: str


def option_rows(section: str) -> list[OptionRow]:
    """The options of a section of the configuration file."""
    return [
        OptionRow(
            _flag(option),
            option.variable,
            f"{option.name} = {_toml(option)}",
            "" if _is_secret(option) else str(option.default),
            option.text,
        )
        for option in config.options_of(section)
    ]


def _flag(option: config.Option) -> str:
    if option.kind is bool:
        return f"{option.flag}, --no-{option.flag.removeprefix('--')}"
    return option.flag


def _is_secret(option: config.Option) -> bool:
    return option.kind.__name__ == "SecretStr" or option.name.endswith("token")


def _toml(option: config.Option) -> str:
    if _is_secret(option):
        return '"..."'
    if isinstance(option.default, bool | int | float):
        return json.dumps(option.default)
    return json.dumps(str(option.default))


def metric_rows() -> list[MetricRow]:
    """All metrics of `serve`, those of the process last."""
    metrics = Metrics()
    metrics.fleet_connected = True
    for counts in vars(metrics).values():
        # A labelled counter shows its label with its first count.
        if isinstance(counts, Counter):
            counts["example"] = 1
    metrics.response("example", 0.0)
    rows = [_metric(family) for family in metrics.registry.collect()]
    return sorted(rows, key=lambda row: (row.name.startswith("process_"), row.name))


def _metric(family: Metric) -> MetricRow:
    labels = {name: None for each in family.samples for name in each.labels}
    labels.pop("le", None)
    suffix = "_total" if family.type == "counter" else ""
    text = family.documentation
    return MetricRow(family.name + suffix, family.type, tuple(labels), text)


def message_rows() -> list[MessageRow]:
    """The messages of the stream, with an example of each."""
    examples = json.loads(EXAMPLES.read_text())
    sides = (
        ("from_platform", "Plivo", messages.FromPlatform),
        ("from_server", "the server", messages.FromServer),
    )
    rows = []
    for side, sender, union in sides:
        kinds = {
            kind.__struct_config__.tag: kind
            for kind in typing.get_args(union)
            if kind is not messages.Unknown
        }
        for example in examples[side]:
            kind = kinds[example["event"]]
            text = inspect.cleandoc(kind.__doc__ or "")
            fields = tuple(_fields(kind, example))
            rows.append(MessageRow(example["event"], sender, text, fields, example))
    return rows


def _fields(
    kind: type[msgspec.Struct], example: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, str, bool]]:
    """The fields that an example shows, and how we read them."""
    known = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, value in example.items():
        if name not in known:
            continue
        field = known[name]
        kinds = typing.get_args(field.type) or (field.type,)
        bodies = [kind for kind in kinds if _is_struct(kind)]
        if bodies:
            yield from _fields(bodies[0], value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _kind_of(field.type), field.required


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _kind_of(annotation: Any) -> str:
    if annotation is object:
        return "text, or an object"
    words = {int: "number", str: "text", bytes: "base64", list: "list of texts"}
    kinds = typing.get_args(annotation) or (annotation,)
    if typing.get_origin(annotation) is list:
        kinds = (list,)
    plain = [
        words.get(typing.get_origin(kind) or kind, "object")
        for kind in kinds
        if kind is not type(None)
    ]
    return " or ".join(dict.fromkeys(plain))


def operation_rows() -> list[OperationRow]:
    """The operations of the local engine's API, as its OpenAPI document has them."""
    document = description("http://127.0.0.1:8080", EngineOptions().auth_id)
    schemas = document["components"]["schemas"]
    return [
        OperationRow(
            method.upper(),
            path,
            operation["summary"],
            _success(operation["responses"]),
            tuple(_parameters(operation, schemas)),
        )
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def _success(responses: Mapping[str, Any]) -> str:
    codes = [code for code in responses if code.startswith("2")]
    # 202 stands in each: what is asked with `callback_url`.
    return next((code for code in codes if code != "202"), "202")


def _parameters(operation: Any, schemas: Mapping[str, Any]) -> Iterator[str]:
    for parameter in operation["parameters"]:
        if parameter["in"] == "query":
            yield parameter["name"]
    body = operation.get("requestBody")
    if body is not None:
        reference = body["content"]["application/json"]["schema"]["$ref"]
        yield from schemas[reference.rpartition("/")[2]].get("properties", {})


def error_rows() -> list[ErrorRow]:
    """The exceptions, parents first."""
    rows = []
    for name in errors.__all__:
        kind = getattr(errors, name)
        text = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]
        rows.append(ErrorRow(name, kind.__base__.__name__, text))
    return sorted(rows, key=lambda row: len(getattr(errors, row.name).__mro__))


def option_sections() -> list[tuple[str, str]]:
    """The sections of the file, and what each is about."""
    return [
        (section, (inspect.getdoc(owner) or "").partition("\n")[0])
        for section, owner in config.SECTIONS.items()
        if dataclasses.is_dataclass(owner)
    ]
