"""Which bots the flags and the configuration file name."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from bridge.bots import registry
from bridge.call.bot import InService
from bridge.errors import ConfigError

__all__ = ["load_bots"]

BOT_NAME = re.compile(r"[A-Za-z0-9_.-]+")
"""It stands in the address: /stream/NAME."""

ENVIRONMENT = "env:"

Wanted: TypeAlias = dict[str, tuple[str, dict[str, str]]]
"""By name: what to load, and its options as text."""


def load_bots(
    specs: Sequence[str], options: Sequence[str], file: Mapping[str, Any]
) -> dict[str, InService]:
    """Make the bots that the flags and the file name.

    Args:
        specs: `spec` or `name=spec`; a name given here wins over the file's.
        options: `key=value`, for the only bot, or `name.key=value`.
        file: May have `[bots.name]` sections with `use = spec` and options.

    Raises:
        ConfigError: If one cannot be made, a name can't be, or an option is for nobody.
    """
    wanted = {**_in_file(file), **_in_flags(specs)}
    for option in options:
        _give(option, wanted)
    return {
        name: registry.load(spec, _filled_in(name, given), name)
        for name, (spec, given) in wanted.items()
    }


def _filled_in(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """Options as they are meant: `env:NAME` is that variable, for keys and tokens."""
    filled = dict(given)
    for option, value in given.items():
        if value.startswith(ENVIRONMENT):
            variable = value.removeprefix(ENVIRONMENT)
            if variable not in os.environ:
                text = f"bot {name}: {option}: {variable} is not set"
                raise ConfigError(text)
            filled[option] = os.environ[variable]
    return filled


def _in_file(file: Mapping[str, Any]) -> Wanted:
    wanted: Wanted = {}
    for name, section in file.get("bots", {}).items():
        if not isinstance(section, dict) or "use" not in section:
            raise ConfigError(f'[bots.{name}] needs use = "name" or "module:name"')
        rest = {key: str(value) for key, value in section.items() if key != "use"}
        wanted[_checked(name)] = (section["use"], rest)
    return wanted


def _in_flags(specs: Sequence[str]) -> Wanted:
    wanted: Wanted = {}
    for spec in specs:
        name, given, rest = spec.partition("=")
        if not given:
            # Without a name of its own it is called as its function.
            name, rest = Path(spec.rpartition(":")[2] or spec).name, spec
        if name in wanted:
            raise ConfigError(f"--bot {spec}: {name!r} is taken, write NAME=SPEC")
        wanted[_checked(name)] = (rest, {})
    return wanted


def _checked(name: str) -> str:
    if not BOT_NAME.fullmatch(name):
        raise ConfigError(f"bot name {name!r}: allowed are letters, digits, - _ .")
    return name


def _give(option: str, wanted: Wanted) -> None:
    """Put an option to the bot it is for."""
    key, given, value = option.partition("=")
    if not given:
        raise ConfigError(f"--bot-option {option}: expected key=value")
    name, dot, plain = key.rpartition(".")
    target = name if dot else next(iter(wanted), "")
    if target not in wanted or (not dot and len(wanted) > 1):
        raise ConfigError(
            f"--bot-option {option}: which bot? write NAME.{plain}={value}; "
            f"there are {', '.join(wanted) or 'none'}"
        )
    wanted[target][1][plain] = value
