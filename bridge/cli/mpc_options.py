"""Flags made of the API's parameters."""

import enum
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

__all__ = ["parameters_given", "parameters_of"]

Command = TypeVar("Command", bound=Callable[..., Any])

ASYNC = ("callback_url", "callback_method")
"""A shell waits for its answer."""


def parameters_of(
    model: type[BaseModel], without: tuple[str, ...] = ()
) -> Callable[[Command], Command]:
    """Give a command a flag for each parameter of a request.

    Args:
        model: The request.
        without: Parameters that the command takes in another way.
    """

    def decorate(command: Command) -> Command:
        for name, field in reversed(model.model_fields.items()):
            if name in without or name in ASYNC:
                continue
            spelled = field.alias or name
            kind = _kind(field.annotation)
            default = field.default
            shown = "" if default in (None, "", PydanticUndefined) else default
            needed = "needed" if default is PydanticUndefined else None
            command = click.option(
                _flag(spelled, kind),
                f"api_{name}",
                type=kind,
                default=None,
                help=f"default {_text(shown)}" if shown != "" else needed,
            )(command)
        return command

    return decorate


def parameters_given(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given of them, by the API's names."""
    return {
        name.removeprefix("api_"): value
        for name, value in given.items()
        if name.startswith("api_") and value is not None
    }


def _flag(spelled: str, kind: Any) -> str:
    dashed = spelled.replace("_", "-")
    return f"--{dashed}/--no-{dashed}" if kind is bool else f"--{dashed}"


def _kind(annotation: Any) -> Any:
    """The type of a flag; what it may be, the request knows itself."""
    choices = (annotation,)
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation):
        choices = typing.get_args(annotation)
    for kind in (bool, int):
        if kind in choices:
            return kind
    words = [word for choice in choices for word in _words(choice)]
    return click.Choice(words, case_sensitive=False) if words else str


def _words(choice: Any) -> list[str]:
    """The words that a choice consists of: an enum's values, or a literal."""
    if isinstance(choice, str):
        return [choice]
    if isinstance(choice, type) and issubclass(choice, enum.StrEnum):
        return [each.value for each in choice]
    return []


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
