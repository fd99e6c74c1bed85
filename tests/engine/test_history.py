"""The history, in SQLite; in PostgreSQL see `tests/e2e/test_postgres.py`."""

import asyncio
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from bridge.engine import history as module
from bridge.engine import listing
from bridge.engine.history import History, HistoryAwayError
from bridge.errors import ConfigError
from bridge.multiparty.requests import ListMpcs
from tests.engine.history_contract import CONTRACT, history, mpc, participant


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
async def test_it_keeps_the_contract(
    tmp_path: Path, promise: Callable[[str], Awaitable[None]]
) -> None:
    """In a file, in a folder that it makes."""
    await promise(str(tmp_path / "new" / "history.sqlite3"))


async def test_a_database_that_fails_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The calls go on, and later rows are written."""
    async with history(str(tmp_path / "h.sqlite3")) as kept:
        with kept._database.begin() as connection:
            connection.execute(sa.text("ALTER TABLE mpcs RENAME TO away"))
        kept.save_mpc(mpc(1))
        await kept.flushed()
        assert "a row of mpcs not written" in caplog.text
        with kept._database.begin() as connection:
            connection.execute(sa.text("ALTER TABLE away RENAME TO mpcs"))
        kept.save_mpc(mpc(2))
        assert await kept.mpc("MA", "m2") is not None


async def test_a_row_that_cannot_be_written_loses_no_other(tmp_path: Path) -> None:
    """A text that is none, as JSON may carry it."""
    async with history(str(tmp_path / "h.sqlite3")) as kept:
        kept.save_mpc(mpc(1))
        kept.save_mpc(mpc(2, friendly_name="\ud800"))
        kept.save_mpc(mpc(3))
        assert await kept.mpc("MA", "m1") is not None
        assert await kept.mpc("MA", "m2") is None
        assert await kept.mpc("MA", "m3") is not None


def test_readers_undo_no_writing() -> None:
    """In memory there is one connection for all; here with threads that are some."""

    async def read(kept: History) -> None:
        for _ in range(100):
            await kept.mpcs("MA", ListMpcs(), 0.0)

    async def lost() -> list[int]:
        async with history(":memory:") as kept:
            reading = [asyncio.ensure_future(read(kept)) for _ in range(3)]
            for number in range(100):
                kept.save_mpc(mpc(number))
                await asyncio.sleep(0.001)
            await asyncio.gather(*reading)
            return [n for n in range(100) if await kept.mpc("MA", f"m{n}") is None]

    assert asyncio.run(lost()) == []


def test_what_cannot_be_opened_is_said_without_the_password(tmp_path: Path) -> None:
    """A folder, a strange URL, a server that is not there."""
    (tmp_path / "file").write_text("")
    for database in (
        str(tmp_path),
        str(tmp_path / "file" / "x.sqlite3"),
        "nonsense://u:secret@h/d",
        "postgresql://u:secret@127.0.0.1:1/d",
    ):
        with pytest.raises(ConfigError, match="database: cannot be opened") as caught:
            History(database, "one")
        assert "secret" not in str(caught.value)


def test_a_missing_driver_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's comes with one."""
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(ConfigError, match=r"mpc-bridge\[postgres\]"):
        History("postgres://u:p@h/d", "one")
    assert listing.WINDOW_S == 7 * 86400


def locked(path: Path) -> sqlite3.Connection:
    """Somebody else's lock on a database."""
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    return other


def hurried(kept: History) -> History:
    """A history that waits for no lock."""
    event.listen(
        kept._database,
        "connect",
        lambda connection, _: connection.execute("PRAGMA busy_timeout = 0"),
    )
    kept._database.dispose()
    return kept


async def test_a_database_that_is_away_is_waited_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Reading says so at once; what was saved meanwhile is there when it is back."""
    async with history(str(tmp_path / "h.sqlite3")) as kept:
        hurried(kept).save_mpc(mpc(1))
        await kept.flushed()
        other = locked(tmp_path / "h.sqlite3")
        kept.save_mpc(mpc(2, status="Active"))
        kept.save_participant(participant(1, mpc_uuid="m2"))
        await asyncio.sleep(2)
        kept.save_mpc(mpc(2, status="Ended"))
        with pytest.raises(HistoryAwayError, match="database is locked"):
            await kept.end_what_was_left(0.0)
        for _ in range(3):
            with pytest.raises(HistoryAwayError, match="away: database is locked"):
                await kept.mpc("MA", "m1")
        await asyncio.sleep(60)
        other.execute("ROLLBACK")
        other.close()
        await kept.flushed(patiently=True)

        row = await kept.mpc("MA", "m2")
        assert row is not None
        assert row["status"] == "Ended"
        assert len(await kept.participants("m2")) == 1
    assert caplog.text.count("the database is away: database is locked") == 1
    assert caplog.text.count("the database is back") == 1
    assert "lost" not in caplog.text


async def test_what_is_lost_is_said(
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where more waits than is kept, and where the engine ends before it is back."""
    monkeypatch.setattr(module, "MOST_PENDING", 3)
    async with history(str(tmp_path / "h.sqlite3")) as kept:
        hurried(kept)
        other = locked(tmp_path / "h.sqlite3")
        for number in range(5):
            kept.save_mpc(mpc(number))
        await asyncio.sleep(2)
        other.execute("ROLLBACK")
        await kept.flushed(patiently=True)
        assert "lost meanwhile: 2 of mpcs" in caplog.text
        assert await kept.mpc("MA", "m1") is None
        assert await kept.mpc("MA", "m2") is not None

        other.execute("BEGIN EXCLUSIVE")
        kept.save_participant(participant(1))
        await asyncio.sleep(2)
    other.close()
    assert "not written, and lost: 1 of participants" in caplog.text
