"""The packages' options, composed from a file, the environment and flags.

Each package keeps its options in a frozen dataclass whose fields carry a default and a
docstring; from those come flags, `BRIDGE_*` variables, the sections of the file, the
help and the table in the README. Later sources win: file, environment, flags.
"""

import ast
import dataclasses
import difflib
import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr, TypeAdapter, ValidationError

from bridge.call.options import CallOptions, PlaybackOptions
from bridge.control.options import PlivoOptions
from bridge.documents import problems, read_toml
from bridge.engine.options import EngineOptions
from bridge.errors import ConfigError
from bridge.server.options import AccessOptions, AdminOptions, ServerOptions

__all__ = [
    "ENV_PREFIX",
    "SECTIONS",
    "Option",
    "compose",
    "file_of",
    "options_of",
    "read_file",
]

ENV_PREFIX = "BRIDGE_"

SIMPLE = (bool, int, float, str, Path, SecretStr)
"""Types that a flag can carry; fields of others are set by the program."""

SECTIONS: Mapping[str, type] = {
    "server": ServerOptions,
    "access": AccessOptions,
    "admin": AdminOptions,
    "playback": PlaybackOptions,
    "call": CallOptions,
    "plivo": PlivoOptions,
    "engine": EngineOptions,
}
"""The sections of the file, and of whose options they are."""

Options = TypeVar("Options")


@dataclasses.dataclass(frozen=True, slots=True)
class Option:
    """One thing that can be set."""

    section: str
    name: str
    kind: type
    default: object
    text: str

    @property
    def flag(self) -> str:
        """As an argument."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """As an environment variable; the engine's and Plivo's carry their names."""
        if self.section == "plivo":
            return f"PLIVO_{self.name.upper()}"
        scope = "ENGINE_" if self.section == "engine" else ""
        return f"{ENV_PREFIX}{scope}{self.name.upper()}"

    @property
    def is_secret(self) -> bool:
        """Whether it is shown to nobody, and may stand in a file of its own."""
        return self.kind is SecretStr


def options_of(section: str) -> Iterator[Option]:
    """The options of a section, with the docstrings of their fields."""
    owner = SECTIONS[section]
    texts = _field_docstrings(owner)
    for field in dataclasses.fields(owner):
        if field.type in SIMPLE and isinstance(field.type, type):
            default = (
                field.default
                if field.default_factory is dataclasses.MISSING
                else field.default_factory()
            )
            yield Option(
                section, field.name, field.type, default, texts.get(field.name, "")
            )


def compose(
    section: str,
    file: Mapping[str, Any],
    environment: Mapping[str, str],
    flags: Mapping[str, Any],
) -> dict[str, Any]:
    """Gather what is set of a section's options, checked, ready for its dataclass.

    Args:
        section: Which.
        file: The whole configuration file.
        environment: Variables.
        flags: Arguments by option name; None where not given.

    Raises:
        ConfigError: If a value does not fit; says where it came from.
    """
    settings = file.get(section, {})
    values: dict[str, Any] = {}
    for option in options_of(section):
        name, variable = option.name, option.variable
        sources = (
            (flags, name, option.flag),
            (environment, variable, variable),
            (settings, name, f"[{section}] {name}"),
        )
        for given, key, source in sources:
            value = given.get(key)
            if not value and option.is_secret:
                # An empty one, as of a variable that is passed on unset, hides no file.
                value = _from_file(given.get(file_of(key)), file_of(source)) or value
            if value is not None:
                values[name] = _checked(option, value, source)
                break
    return values


def file_of(name: str) -> str:
    """What names the file that a secret stands in, as orchestrators mount it."""
    if name.startswith("--"):
        return f"{name}-file"
    return f"{name}_FILE" if name.isupper() else f"{name}_file"


def _from_file(path: str | None, source: str) -> str | None:
    if not path:
        return None
    try:
        text = Path(path).read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{source}: {path}: {getattr(error, 'strerror', None) or 'is no text'}"
        ) from error
    if not text:
        # Taken as no secret, it would open what it is to close.
        raise ConfigError(f"{source}: {path} is empty")
    return text


def read_file(path: Path) -> dict[str, Any]:
    """Read a configuration file.

    Raises:
        ConfigError: If it cannot be read, or has a section or key nobody knows.
    """
    file = read_toml(path)
    for section, settings in file.items():
        _known(path, "section", section, [*SECTIONS, "bots"])
        if section == "bots":
            continue
        if not isinstance(settings, dict):
            raise ConfigError(f"{path}: {section} is a section: write [{section}]")
        options = list(options_of(section))
        names = [option.name for option in options]
        names += [file_of(option.name) for option in options if option.is_secret]
        for name in settings:
            _known(path, f"option in [{section}]", name, names)
    return file


def _known(path: Path, what: str, name: str, known: list[str]) -> None:
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(known)
        raise ConfigError(f"{path}: unknown {what}: {name!r}; {hint}")


def _checked(option: Option, value: Any, source: str) -> Any:
    try:
        return TypeAdapter(option.kind).validate_python(value)
    except ValidationError as error:
        got = "" if option.is_secret else f", got {value!r}"
        raise ConfigError(f"{source}: {problems(error)}{got}") from None


def _field_docstrings(owner: type) -> dict[str, str]:
    """The strings that stand below the fields of a class."""
    try:
        (body,) = ast.parse(inspect.getsource(owner)).body
    except OSError:
        # Installed without sources: the flags work, and explain themselves less.
        return {}
    texts = {}
    if isinstance(body, ast.ClassDef):
        for field, text in zip(body.body, body.body[1:], strict=False):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(words))),
                ):
                    texts[name] = " ".join(words.split())
    return texts
