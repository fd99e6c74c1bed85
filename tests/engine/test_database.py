"""The database, opened; and its errors, sorted by what can be done."""

import sqlite3
import stat
from pathlib import Path

import pytest
import sqlalchemy as sa

from bridge.engine.database import open_database, why_away
from bridge.engine.options import EngineOptions
from bridge.errors import ConfigError


def test_the_file_is_ones_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One that is there and open to others is told of, and left as it is."""
    path = tmp_path / "new" / "history.sqlite3"
    open_database(str(path)).dispose()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not caplog.records

    path.chmod(0o644)
    open_database(str(path)).dispose()
    assert f"the history {path} is open to other users" in caplog.text


@pytest.mark.parametrize(
    "database",
    [
        "postgresql://u:hush-hush@127.0.0.1:1/d",
        "postgresql://u:hush-hush@127.0.0.1:none/d",
        "postgresql://u:hush@hush@127.0.0.1/d",
        "postgresql://u:hush/hush@127.0.0.1:1/d",
        "postgresql://u:hush-hush@[::1/d",
        "postgresql://u:hush-hush@127.0.0.1:1/d?nonsense=1",
        "postgresql+nothing://u:hush-hush@127.0.0.1/d",
        "nonsense://u:hush-hush@h/d",
        "://u:hush-hush@h/d",
    ],
)
def test_a_password_is_in_no_error_and_no_repr(database: str) -> None:
    """However wrong the URL is."""
    with pytest.raises(ConfigError, match="database: cannot be opened") as caught:
        open_database(database)

    told = "".join(map(str, (caught.value, caught.value.args)))
    assert "hush" not in told
    assert caught.value.__suppress_context__
    assert "hush" not in repr(EngineOptions(database=database))


def told(path: Path, *statements: str) -> str:
    """What is said of the last statement, where the file waits for nobody."""
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": 0})
    try:
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))
    except sa.exc.SQLAlchemyError as error:
        return why_away(error)
    finally:
        engine.dispose()
    raise AssertionError("it worked")


def test_sqlites_errors_of_the_file_pass(tmp_path: Path) -> None:
    """Locked, full, gone; what is wrong with a statement stays wrong."""
    path = tmp_path / "h.sqlite3"
    with sqlite3.connect(path, isolation_level=None) as other:
        other.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
        other.execute("BEGIN EXCLUSIVE")
        assert told(path, "INSERT INTO t VALUES (1)") == "database is locked"
        other.execute("ROLLBACK")
    other.close()
    full = ("PRAGMA max_page_count = 2", "CREATE TABLE u (n)", "CREATE TABLE v (n)")
    assert told(path, *full) == "database or disk is full"
    assert "unable to open" in told(tmp_path / "no" / "h.sqlite3", "SELECT 1")

    assert told(path, "INSERT INTO nothing VALUES (1)") == ""
    assert told(path, "INSERT INTO t VALUES (2), (2)") == ""


class ServerError(Exception):
    """As pg8000 raises it: with PostgreSQL's fields."""


@pytest.mark.parametrize(
    ("state", "passes"),
    [
        ("57P01", True),
        ("53300", True),
        ("25006", True),
        ("40001", True),
        ("08006", True),
        ("22001", False),
        ("23505", False),
        ("42P01", False),
    ],
)
def test_postgresqls_codes_tell(state: str, passes: bool) -> None:
    """Being shut down passes; a value that does not fit does not."""
    error = sa.exc.DBAPIError("INSERT", {}, ServerError({"S": "FATAL", "C": state}))
    assert bool(why_away(error)) is passes


def test_a_broken_connection_passes() -> None:
    """Whoever says so."""
    assert why_away(sa.exc.InterfaceError("INSERT", {}, Exception("network error")))
    assert why_away(ConnectionRefusedError("nobody"))
    assert why_away(sa.exc.TimeoutError())
    assert why_away(ValueError("a NUL in a text")) == ""
