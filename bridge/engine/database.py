"""The database of the history: opened, and whether it is away or a row is wrong."""

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bridge import private_files
from bridge.engine.tables import METADATA
from bridge.errors import ConfigError

__all__ = ["open_database", "why_away"]

PG8000_TIMEOUT_S = 5.0
"""For every answer: a server that hangs is one that is away."""

SQLITE_AWAY = ("BUSY", "LOCKED", "FULL", "IOERR", "CANTOPEN", "READONLY", "NOMEM")
"""SQLite's errors of the file, not of what is written."""

SQLSTATE_AWAY = ("08", "25", "40", "53", "55", "57", "58")
"""Classes of PostgreSQL's errors that pass: connection, read-only, conflict, resources,
not in the right state, operator's intervention, system."""


def open_database(database: str) -> sa.Engine:
    """Open a database, and see that it has the tables.

    Args:
        database: The path of a SQLite file, `:memory:`, or a URL.

    Raises:
        ConfigError: If it cannot be opened; the password of the URL is not said.
    """
    options: dict[str, Any] = {}
    if database == ":memory:":
        url = "sqlite://"
        options = {
            "poolclass": sa.StaticPool,
            "connect_args": {"check_same_thread": False},
        }
    elif "://" not in database:
        url = f"sqlite:///{Path(database).absolute()}"
    else:
        # The driver of the extra `postgres`, unless another is named.
        scheme, _, rest = database.partition("://")
        if scheme in ("postgres", "postgresql"):
            scheme = "postgresql+pg8000"
        url = f"{scheme}://{rest}"
    if url.startswith("postgresql+pg8000:"):
        # A connection that broke while it lay idle is noticed before it is used.
        options = {
            "pool_pre_ping": True,
            "connect_args": {"timeout": PG8000_TIMEOUT_S},
        }
    try:
        if url.startswith("sqlite:///"):
            _make_file(Path(database).absolute())
        # What is written is who called whom: no matter of the log.
        opened = sa.create_engine(url, hide_parameters=True, **options)
        METADATA.create_all(opened)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"database: {error.name} is missing: pip install 'mpc-bridge[postgres]'"
        ) from error
    except (sa.exc.SQLAlchemyError, OSError, ValueError, TypeError) as error:
        # The URL may carry a password, and SQLAlchemy's text may carry the URL.
        reason = getattr(error, "orig", None) or type(error).__name__
        text = _without_password(str(reason), url)
        raise ConfigError(f"database: cannot be opened: {text}") from None
    return opened


def _make_file(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        private_files.warn_if_open(path, "the history")
    else:
        # SQLite gives the files beside it the same mode.
        private_files.make(path)


def _without_password(text: str, url: str) -> str:
    """A text without what may be a password: an `@` in it makes a part of it a host."""
    _, _, password = url.partition("://")[2].rpartition("@")[0].partition(":")
    for part in (password, *password.split("@")):
        if part:
            text = text.replace(part, "***")
    return text


def why_away(error: Exception) -> str:
    """Why a statement could not be done now, though it may be later.

    Returns:
        Empty if the statement itself is at fault, and would fail again.
    """
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.Error):
        name = getattr(cause, "sqlite_errorname", "").removeprefix("SQLITE_")
        return str(cause) if name.startswith(SQLITE_AWAY) else ""
    state = _sqlstate(cause)
    if state is not None:
        return f"SQLSTATE {state}" if state.startswith(SQLSTATE_AWAY) else ""
    passes = (sa.exc.OperationalError, sa.exc.InterfaceError, sa.exc.TimeoutError)
    if isinstance(error, passes) or isinstance(cause, OSError):
        return str(cause) or type(cause).__name__
    return ""


def _sqlstate(cause: BaseException) -> str | None:
    """PostgreSQL's code of an error, as pg8000 or psycopg carry it."""
    named = getattr(cause, "sqlstate", None)
    if isinstance(named, str):
        return named
    facts = cause.args[0] if cause.args else None
    return facts.get("C") if isinstance(facts, dict) else None
