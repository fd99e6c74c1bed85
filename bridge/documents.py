"""TOML documents read into pydantic models, and what is wrong with them in words."""

import tomllib
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bridge.errors import ConfigError

__all__ = ["printable", "problems", "read_document", "read_toml"]

Document = TypeVar("Document", bound=BaseModel)


def read_document(path: Path, model: type[Document]) -> Document:
    """Read a TOML file.

    Raises:
        ConfigError: If it cannot be read, is no TOML, or does not fit the model.
    """
    try:
        return model.model_validate(read_toml(path))
    except ValidationError as error:
        raise ConfigError(f"{path}: {problems(error)}") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file as it is.

    Raises:
        ConfigError: If it cannot be read, or is no TOML.
    """
    try:
        return tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from error


def printable(text: str) -> str:
    """Somebody else's words without what terminals obey and XML forbids."""
    return "".join(each if each.isprintable() else "?" for each in text)


def problems(error: ValidationError) -> str:
    """Say in one line which fields were wrong, and what is allowed."""
    lines = []
    for problem in error.errors(include_url=False):
        field = ".".join(str(part) for part in problem["loc"])
        text = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            text = "there is nothing of that name"
        lines.append(f"{field}: {text}" if field else text)
    return "; ".join(lines)
