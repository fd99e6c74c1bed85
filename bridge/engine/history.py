"""Calls, participants and recordings, kept for later; SQLite or PostgreSQL.

Writing is queued and done beside the calls; reading waits for what is queued, so that
who changed something finds it changed. Times are seconds since 1970, UTC.
"""

import asyncio
import contextlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from bridge.engine.database import open_database, why_away
from bridge.engine.listing import conditions
from bridge.engine.tables import MPCS, PARTICIPANTS, RECORDINGS, Row
from bridge.errors import PeerError
from bridge.multiparty.requests import ListMpcs
from bridge.multiparty.vocabulary import MpcStatus, RecordingState
from bridge.tasks import Change

__all__ = ["History", "HistoryAwayError", "Row"]

_LOG = logging.getLogger(__name__)

Given = TypeVar("Given")

Pending: TypeAlias = dict[tuple[str, Any], tuple[sa.Table, Row]]

AGAIN_S = 1.0
"""How long a database that is away is left alone before it is tried again."""

MOST_PENDING = 20_000
"""Rows that wait for a database; what is more is lost, the oldest first."""


class HistoryAwayError(PeerError):
    """The database does not answer now; what is to be written waits for it."""


class History:
    """What was, in a database.

    While the database is away, what is saved waits, and reading says that it is away.

    Args:
        database: The path of a SQLite file, `:memory:`, or a URL
            (`postgresql://user:password@host/name`).
        engine: Whose calls these are; engines may share a database.

    Raises:
        ConfigError: If it cannot be opened.
    """

    def __init__(self, database: str, engine: str) -> None:
        self._engine = engine
        self._pending: Pending = {}
        # Saves are numbered: a reader waits for those before it, not for later ones.
        self._saved = 0
        self._written = 0
        self._change = Change()
        self._away = ""
        """Why nothing can be written now."""
        self._lost: Counter[str] = Counter()
        self._database = open_database(database)
        # One connection: who gives it back rolls back what another thread has begun.
        is_shared = isinstance(self._database.pool, sa.StaticPool)
        self._alone = threading.Lock() if is_shared else contextlib.nullcontext()

    def save(self, table: sa.Table, row: Row) -> None:
        """Queue a row; of one key only the last is written."""
        key = tuple(row[column.name] for column in table.primary_key)
        self._pending[table.name, key] = (table, row)
        self._saved += 1
        self._change.announce()

    def save_mpc(self, row: Row) -> None:
        """Queue a call."""
        self.save(MPCS, {**row, "engine": self._engine})

    def save_participant(self, row: Row) -> None:
        """Queue a participant."""
        self.save(PARTICIPANTS, row)

    def save_recording(self, row: Row) -> None:
        """Queue a recording."""
        self.save(RECORDINGS, {**row, "engine": self._engine})

    async def run(self) -> None:
        """Write what is queued, as long as there is something to write to."""
        while True:
            while not self._pending:
                await self._change.wait()
            batch, self._pending = self._pending, {}
            number = self._saved
            work = asyncio.to_thread(self._write_what_can_be, list(batch.values()))
            writing = asyncio.ensure_future(work)
            try:
                await asyncio.shield(writing)
            finally:
                # Also when the engine stops: what has begun to be written is.
                away = await writing
                if away:
                    self._keep_for_later(batch)
            self._note(away)
            if not away:
                self._written = number
            self._change.announce()
            if away:
                await asyncio.sleep(AGAIN_S)

    async def flushed(self, *, patiently: bool = False) -> None:
        """Wait until everything that has been saved by now is written.

        Args:
            patiently: Whether to wait for a database that is away.

        Raises:
            HistoryAwayError: If it is away.
        """
        wanted = self._saved
        while self._written < wanted:
            if self._away and not patiently:
                raise HistoryAwayError(f"the history is away: {self._away}")
            await self._change.wait()

    def close(self) -> None:
        """Let the database go; what it could not be told is said."""
        if self._pending:
            waiting = Counter(table.name for table, _ in self._pending.values())
            _LOG.error("history: not written, and lost: %s", _counted(waiting))
        self._database.dispose()

    def _keep_for_later(self, batch: Pending) -> None:
        """Put rows back that could not be written; newer ones of a key stay."""
        self._pending = {**batch, **self._pending}
        while len(self._pending) > MOST_PENDING:
            table, _ = self._pending.pop(next(iter(self._pending)))
            self._lost[table.name] += 1

    def _note(self, away: str) -> None:
        """Say once that the database is away, and once that it is back."""
        if away and not self._away:
            _LOG.error(
                "history: the database is away: %s; calls go on, and what is to be "
                "written waits",
                away,
            )
        if self._away and not away:
            _LOG.warning("history: the database is back, all that waited is written")
            if self._lost:
                _LOG.error("history: lost meanwhile: %s", _counted(self._lost))
            self._lost.clear()
        self._away = away

    # ----------------------------------------------------------------- reading

    async def mpcs(
        self, account: str, wanted: ListMpcs, now_s: float
    ) -> tuple[int, list[Row]]:
        """List calls, the newest first.

        Returns:
            How many there are, and the wanted page of them.
        """
        where = [MPCS.c.account == account, *conditions(wanted, now_s)]
        count = sa.select(sa.func.count().label("count")).select_from(MPCS)
        page = (
            sa.select(MPCS)
            .where(*where)
            .order_by(MPCS.c.creation_time.desc(), MPCS.c.mpc_uuid)
            .limit(wanted.limit)
            .offset(wanted.offset)
        )
        (total,) = await self._read(count.where(*where))
        return total["count"], await self._read(page)

    async def mpc(self, account: str, mpc_uuid: str) -> Row | None:
        """A call by its uuid."""
        found = sa.select(MPCS).where(
            MPCS.c.account == account, MPCS.c.mpc_uuid == mpc_uuid
        )
        return _first(await self._read(found))

    async def mpc_named(self, account: str, name: str) -> Row | None:
        """The call of a name that has not ended: one of this engine, or the newest."""
        found = (
            sa.select(MPCS)
            .where(
                MPCS.c.account == account,
                MPCS.c.friendly_name == name,
                MPCS.c.status != MpcStatus.ENDED.value,
            )
            .order_by(
                sa.case((MPCS.c.engine == self._engine, 0), else_=1),
                MPCS.c.creation_time.desc(),
            )
        )
        return _first(await self._read(found))

    async def participants(
        self, mpc_uuid: str, *, present: bool = False, call_uuid: str | None = None
    ) -> list[Row]:
        """The members of a call, the newest first.

        Args:
            mpc_uuid: Which.
            present: Whether those who have left are left out.
            call_uuid: Only those on this call.
        """
        found = sa.select(PARTICIPANTS).where(PARTICIPANTS.c.mpc_uuid == mpc_uuid)
        if present:
            found = found.where(PARTICIPANTS.c.exit_time.is_(None))
        if call_uuid is not None:
            found = found.where(PARTICIPANTS.c.call_uuid == call_uuid)
        return await self._read(found.order_by(PARTICIPANTS.c.member_id.desc()))

    async def participant(self, mpc_uuid: str, member_id: str) -> Row | None:
        """One member, former ones included."""
        if not member_id.isascii() or not member_id.isdigit() or len(member_id) > 9:
            return None
        found = sa.select(PARTICIPANTS).where(
            PARTICIPANTS.c.mpc_uuid == mpc_uuid,
            PARTICIPANTS.c.member_id == int(member_id),
        )
        return _first(await self._read(found))

    async def recording(self, recording_id: str) -> Row | None:
        """One recording."""
        found = sa.select(RECORDINGS).where(RECORDINGS.c.recording_id == recording_id)
        return _first(await self._read(found))

    async def _read(self, query: sa.Select[Any]) -> list[Row]:
        await self.flushed()
        return await self._done(self._fetch, query)

    async def _done(
        self, work: Callable[[Given], list[Row]], given: Given
    ) -> list[Row]:
        try:
            return await asyncio.to_thread(work, given)
        except (sa.exc.SQLAlchemyError, OSError) as error:
            away = why_away(error)
            if not away:
                raise
            raise HistoryAwayError(f"the history is away: {away}") from error

    def _fetch(self, query: sa.Select[Any]) -> list[Row]:
        with self._alone, self._database.connect() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def _write_what_can_be(self, batch: Sequence[tuple[sa.Table, Row]]) -> str:
        """Write rows together; if that fails, each on its own: one may be the cause.

        The calls go on in any case.

        Returns:
            Why all of it has to be tried again later; empty if it has not.
        """
        try:
            self._write(batch)
        except (sa.exc.SQLAlchemyError, ValueError, OSError) as error:
            return why_away(error) or self._write_one_by_one(batch)
        return ""

    def _write_one_by_one(self, batch: Sequence[tuple[sa.Table, Row]]) -> str:
        for table, row in batch:
            try:
                self._write([(table, row)])
            except (sa.exc.SQLAlchemyError, ValueError, OSError) as error:
                away = why_away(error)
                if away:
                    return away
                _LOG.error("history: a row of %s not written: %s", table, error)
        return ""

    def _write(self, batch: Sequence[tuple[sa.Table, Row]]) -> None:
        with self._alone, self._database.begin() as connection:
            for table, row in batch:
                connection.execute(self._upsert(table, row))

    def _upsert(self, table: sa.Table, row: Row) -> sa.Executable:
        insert: Any = sqlite.insert
        if self._database.dialect.name == "postgresql":
            # It imports three drivers' dialects, which most engines never need.
            from sqlalchemy.dialects import postgresql  # noqa: PLC0415

            insert = postgresql.insert
        key = [column.name for column in table.primary_key]
        others = {name: value for name, value in row.items() if name not in key}
        insertion = insert(table).values(**row)
        upsert: sa.Executable = insertion.on_conflict_do_update(
            index_elements=key, set_=others
        )
        return upsert

    # --------------------------------------------------------------- after a kill

    async def end_what_was_left(self, now_s: float) -> list[Row]:
        """Close what this engine left open when it was killed.

        Returns:
            The recordings that were running.

        Raises:
            HistoryAwayError: If the database is away.
        """
        return await self._done(self._end_what_was_left, now_s)

    def _end_what_was_left(self, now_s: float) -> list[Row]:
        mine = MPCS.c.engine == self._engine
        open_mpcs = sa.select(MPCS.c.mpc_uuid).where(
            mine, MPCS.c.status != MpcStatus.ENDED.value
        )
        with self._alone, self._database.begin() as connection:
            connection.execute(
                sa.update(PARTICIPANTS)
                .where(
                    PARTICIPANTS.c.mpc_uuid.in_(open_mpcs),
                    PARTICIPANTS.c.exit_time.is_(None),
                )
                .values(exit_time=_not_before(PARTICIPANTS.c.join_time, now_s))
            )
            connection.execute(
                sa.update(MPCS)
                .where(mine, MPCS.c.status != MpcStatus.ENDED.value)
                .values(
                    status=MpcStatus.ENDED.value,
                    end_time=_not_before(MPCS.c.creation_time, now_s),
                    recording=RecordingState.NOT_RECORDING.value,
                )
            )
            running = (RECORDINGS.c.engine == self._engine) & (
                RECORDINGS.c.end_time.is_(None)
            )
            found = connection.execute(sa.select(RECORDINGS).where(running))
            left: list[Row] = [
                {**row, "end_time": max(now_s, row["start_time"])}
                for row in found.mappings()
            ]
            connection.execute(
                sa.update(RECORDINGS)
                .where(running)
                .values(end_time=_not_before(RECORDINGS.c.start_time, now_s))
            )
        return left


def _not_before(column: sa.Column[float], now_s: float) -> sa.ColumnElement[float]:
    """Now, or when it began, if the clock was set back meanwhile."""
    return sa.case((column > now_s, column), else_=now_s)


def _counted(rows: Counter[str]) -> str:
    return ", ".join(f"{count} of {table}" for table, count in sorted(rows.items()))


def _first(rows: Sequence[Row]) -> Row | None:
    return rows[0] if rows else None
