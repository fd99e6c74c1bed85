"""What a brain can do besides talking: typed functions, described to it."""

import dataclasses
import inspect
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from bridge.call.call import Call
from bridge.documents import problems
from bridge.errors import BridgeError, ConfigError

__all__ = ["Function", "Tool", "run_tool"]

_LOG = logging.getLogger(__name__)

Function: TypeAlias = Callable[..., Awaitable[Any]]


@dataclasses.dataclass(frozen=True, slots=True)
class Tool:
    """A function that a brain may call."""

    name: str
    description: str
    parameters: dict[str, Any]
    """JSON schema of an object."""
    function: Function
    arguments: type[BaseModel]
    takes_call: bool = False

    @classmethod
    def of(cls, function: Function) -> "Tool":
        """Describe an async function by its name, docstring and annotations.

        A first parameter annotated `Call` is given the call, and not described. What it
        returns is told to the brain, as text or JSON.

        Raises:
            ConfigError: If it is not async, or a parameter has no annotation.
        """
        name = getattr(function, "__name__", "")
        if not inspect.iscoroutinefunction(function):
            raise ConfigError(f"tool {name or repr(function)} is no async function")
        hints = get_type_hints(function, include_extras=True)
        fields: dict[str, Any] = {}
        takes_call = False
        for place, (each, parameter) in enumerate(
            inspect.signature(function).parameters.items()
        ):
            if each not in hints:
                raise ConfigError(f"tool {name}: {each} has no annotation")
            if not place and hints[each] is Call:
                takes_call = True
                continue
            is_required = parameter.default is inspect.Parameter.empty
            fields[each] = (hints[each], ... if is_required else parameter.default)
        model = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
        schema = model.model_json_schema()
        schema.pop("title", None)
        text = inspect.getdoc(function) or ""
        return cls(name, text, schema, function, model, takes_call)


async def run_tool(tool: Tool, call: Call, arguments: str) -> str:
    """Call a tool as a brain wishes.

    Returns:
        What it returned, as text; or, as the brain can do better next time, what was
        wrong with the arguments or what failed.
    """
    try:
        given = tool.arguments.model_validate_json(arguments or "{}")
    except ValidationError as error:
        return f"error: {problems(error)}"
    values = {name: getattr(given, name) for name in type(given).model_fields}
    try:
        result = await (
            tool.function(call, **values)
            if tool.takes_call
            else tool.function(**values)
        )
        if result is None:
            return "done"
        if isinstance(result, str):
            return result
        return json.dumps(result, default=str, skipkeys=True)
    except BridgeError as error:
        _LOG.warning("tool %s: %s", tool.name, error)
        return f"error: {error}"
    # The edge of a plug-in: the conversation goes on, and the brain knows why not.
    except Exception:  # noqa: BLE001
        _LOG.exception("tool %s failed", tool.name)
        return "error: it failed"
