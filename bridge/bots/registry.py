"""Bots by name, by `module:name`, and by `file.py:name`."""

import dataclasses
import difflib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from pydantic import BaseModel, ValidationError

from bridge.call.bot import DEFAULT_SAMPLE_RATE_HZ, InService
from bridge.documents import problems
from bridge.errors import ConfigError

__all__ = ["ENTRY_POINTS", "Description", "Option", "describe", "installed", "load"]

ENTRY_POINTS = "bridge.bots"


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """Something about a bot that can be set."""

    name: str
    kind: str
    default: str
    text: str
    is_needed: bool
    """Whether it must be given."""


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """What a bot says of itself."""

    name: str
    origin: str
    text: str
    sample_rate_hz: int
    options: tuple[Option, ...]


def installed() -> list[EntryPoint]:
    """Bots that packages offer under `bridge.bots`, by name."""
    return sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name)


def load(
    spec: str, options: Mapping[str, str] | None = None, name: str = ""
) -> InService:
    """Make a bot.

    Args:
        spec: The name of an installed bot, `module:attribute`, or
            `path/to/file.py:attribute`.
        options: Its options, as text.
        name: What to call it; its own name by default.

    Raises:
        ConfigError: If it cannot be found, or an option is wrong; says what is.
    """
    attribute: Any = _find(spec)
    known = options_model(attribute)
    given = dict(options or {})
    if known is None and given:
        raise ConfigError(f"bot {spec} has no options, got {', '.join(given)}")
    name = name or spec.rpartition(":")[2]
    if not isinstance(attribute, type):
        if not callable(attribute):
            raise ConfigError(f"bot {spec} is no function or class: {attribute!r}")
        if given:
            text = f"bot {spec} is made already, and takes no options; name its class"
            raise ConfigError(text)
        return InService.of(name, attribute)
    if known is None:
        return InService.of(name, _made(spec, attribute))
    for option in given:
        if option not in known.model_fields:
            hint = _hint(option, known.model_fields)
            raise ConfigError(f"bot {spec} has no option {option!r}{hint}")
    try:
        made = known.model_validate(given)
    except ValidationError as error:
        raise ConfigError(f"bot {spec}: {problems(error)}") from error
    return InService.of(name, _made(spec, attribute, made))


def describe(point: EntryPoint) -> Description:
    """Say what an installed bot does, and what can be set.

    Raises:
        ConfigError: If it cannot be loaded.
    """
    attribute = _load_point(point)
    model = options_model(attribute)
    fields = model.model_fields if model is not None else {}
    options = tuple(
        Option(
            field_name,
            _kind(field.annotation),
            "" if field.is_required() else str(field.default),
            field.description or "",
            is_needed=field.is_required(),
        )
        for field_name, field in fields.items()
    )
    text = (inspect.getdoc(attribute) or "").partition("\n")[0]
    rate_hz = getattr(attribute, "sample_rate_hz", DEFAULT_SAMPLE_RATE_HZ)
    return Description(point.name, point.value, text, rate_hz, options)


def _kind(annotation: Any) -> str:
    """A type in words: its name, or the values it allows."""
    if get_origin(annotation) is Literal:
        return "|".join(map(str, get_args(annotation)))
    return getattr(annotation, "__name__", str(annotation))


def options_model(attribute: Any) -> type[BaseModel] | None:
    """The pydantic model of a bot's options."""
    model = getattr(attribute, "Options", None)
    is_model = inspect.isclass(model) and issubclass(model, BaseModel)
    return model if is_model else None


def _made(spec: str, maker: Any, *options: BaseModel) -> Any:
    """Make an instance of a bot's class."""
    try:
        return maker(*options)
    except TypeError as error:
        takes = "an instance of its Options" if options else "nothing"
        raise ConfigError(
            f"bot {spec} cannot be made: {error}; its __init__ is given {takes}"
        ) from error


def _find(spec: str) -> Any:
    module_name, colon, attribute_name = spec.rpartition(":")
    if spec.endswith(".py"):
        there = ", ".join(f"{spec}:{name}" for name in _own(_module(spec)))
        raise ConfigError(f"which bot of {spec}? there are {there or 'none'}")
    if colon and not (module_name and attribute_name):
        raise ConfigError(f"bot {spec!r}: expected module:name or file.py:name")
    if not colon:
        points = {point.name: point for point in installed()}
        if spec not in points:
            raise ConfigError(
                f"no bot named {spec!r}{_hint(spec, points)}; installed are "
                f"{', '.join(points)}; your own is module:name or file.py:name"
            )
        return _load_point(points[spec])
    module = _module(module_name)
    try:
        return getattr(module, attribute_name)
    except AttributeError:
        hint = _hint(attribute_name, _own(module))
        text = f"{module_name} has no {attribute_name!r}{hint}"
        raise ConfigError(text) from None


def _own(module: Any) -> list[str]:
    """What a module defines itself and could be a bot."""
    return [
        name
        for name, value in vars(module).items()
        if getattr(value, "__module__", "") == module.__name__ or _is_made(value)
        if _could_answer(value)
    ]


def _is_made(value: object) -> bool:
    """Whether it is an object with a call of its own, wherever its class is from."""
    call = getattr(type(value), "__call__", None)  # noqa: B004 - to look at it, too
    return inspect.iscoroutinefunction(call)


def _could_answer(value: Any) -> bool:
    """Whether it looks like a bot: an async call with one thing to give it."""
    if isinstance(value, type):
        return inspect.iscoroutinefunction(getattr(value, "__call__", None))  # noqa: B004
    if _is_made(value):
        return True
    if not inspect.iscoroutinefunction(value):
        return False
    parameters = inspect.signature(value).parameters.values()
    needed = [p for p in parameters if p.default is inspect.Parameter.empty]
    return len(needed) == 1


def _load_point(point: EntryPoint) -> Any:
    try:
        return point.load()
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"bot {point.name} ({point.value}): {error}") from error


def _module(name: str) -> Any:
    """Import a module by name or by path."""
    try:
        if name.endswith(".py"):
            return _module_at(Path(name))
        # As `python -m` does: what lies in the working folder can be named.
        if str(Path.cwd()) not in sys.path:
            sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(name)
    except (ImportError, OSError, SyntaxError) as error:
        raise ConfigError(f"cannot import {name}: {error}{_where(error)}") from error


def _where(error: BaseException) -> str:
    """The innermost place of a failure, if it is not in the import machinery."""
    places = traceback.extract_tb(error.__traceback__)
    last = places[-1]
    outside = "importlib" in last.filename or last.filename == __file__
    return "" if outside else f" ({last.filename}, line {last.lineno})"


def _module_at(path: Path) -> Any:
    if not path.is_file():
        raise ConfigError(f"no file {path}")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _hint(word: str, known: Any) -> str:
    close = difflib.get_close_matches(word, list(known), 1)
    return f", did you mean {close[0]!r}?" if close else ""
