"""A history that has lost its database, while calls go on."""

import asyncio
import os
import pwd
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.chaos import engine_stage as stage
from tests.e2e.test_postgres import BINARIES, as_postgres
from tests.needs import needs
from tests.ports import free_port


class Postgres:
    """A PostgreSQL of its own, to be stopped and started."""

    def __init__(self, folder: Path, port: int) -> None:
        user = f"postgres:{stage.SECRET}"
        self.url = f"postgresql://{user}@127.0.0.1:{port}/postgres"
        binaries = BINARIES[-1].parent
        self._control = [str(binaries / "pg_ctl"), "-D", str(folder / "data"), "-w"]
        self._log = str(folder / "log")
        self._options = f"-p {port} -k {folder} -h 127.0.0.1 -F"

        self._is_up = False
        self._folder = folder

    def start(self) -> None:
        """Let it serve."""
        self._is_up = True
        as_postgres(*self._control, "-l", self._log, "-o", self._options, "start")

    def hang(self, number: int) -> None:
        """Signal all its processes, as SIGSTOP and SIGCONT."""
        main = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        for process in [psutil.Process(main), *psutil.Process(main).children()]:
            process.send_signal(number)

    def stop(self) -> None:
        """As if its machine had lost its power."""
        if self._is_up:
            self._is_up = False
            as_postgres(*self._control, "-m", "immediate", "stop")


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A server, up."""
    folder = Path(tempfile.mkdtemp(prefix="history-"))
    port = free_port()
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    initdb = [str(BINARIES[-1]), "-D", str(folder / "data"), "-A", "trust"]
    as_postgres(*initdb, "-U", "postgres")
    server = Postgres(folder, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@needs(BINARIES, "PostgreSQL: apt install postgresql")
async def test_postgresql_is_stopped_and_comes_back(
    tmp_path: Path, postgres: Postgres
) -> None:
    """Nothing of what happened meanwhile is missing in the history."""
    async with stage.engine(tmp_path, "--database", postgres.url) as engine:
        await engine.add("before", "+0")
        await engine.add("before", "+1")
        await engine.joined("before", 2)
        before = await engine.shown("before")
        recorded = await engine.record("before")

        await asyncio.to_thread(postgres.stop)
        await engine.add("meanwhile", "+2")
        await engine.add("meanwhile", "+3")
        await stage.eventually(engine.says("meanwhile: customer", 2))
        await stage.eventually(engine.says("the database is away"))
        # Live calls are done with as ever; what is read of the history is a clear no.
        asked_s = asyncio.get_running_loop().time()
        answer = await engine.ask("GET", "name_before/")
        assert answer.status_code == 503
        assert "the history is away" in answer.json()["error"]
        assert asyncio.get_running_loop().time() - asked_s < 20
        assert (await engine.http.get(recorded["recording_url"])).status_code == 503
        for member in ("1", "2"):
            muted = await engine.ask(
                "POST", f"name_meanwhile/Participant/{member}/", mute=True
            )
            assert muted.is_success
        again = await engine.record("meanwhile")
        await asyncio.sleep(1)
        await engine.stop_recording("before")
        assert (await engine.ask("DELETE", "name_before/")).is_success

        await asyncio.to_thread(postgres.start)
        await stage.eventually(engine.says("the database is back"))
        ended = await engine.shown(f"uuid_{before['mpc_uuid']}")
        assert ended["status"] == "Ended"
        assert ended["termination_cause"] == "Hangup API Triggered"
        left = await engine.members(f"uuid_{before['mpc_uuid']}")
        assert [bool(member["exit_time"]) for member in left] == [True, True]
        living = await engine.members("meanwhile")
        assert [member["mute"] for member in living] == [True, True]
        audio = stage.sound(await engine.file(recorded["recording_url"]))
        assert stage.missing(audio, 440, 700) == {}
        await engine.stop_recording("meanwhile")
        await engine.file(again["recording_url"])
    assert engine.log.count("the database is away") == 1
    assert engine.log.count("the database is back") == 1
    assert "lost" not in engine.log
    assert engine.longest_standstill_s < 3


@needs(BINARIES, "PostgreSQL: apt install postgresql")
async def test_postgresql_hangs(tmp_path: Path, postgres: Postgres) -> None:
    """It is noticed; the call goes on, and the engine ends when it is told to."""
    async with stage.engine(tmp_path, "--database", postgres.url) as engine:
        await engine.add("demo", "+0")
        await engine.add("demo", "+1")
        await engine.joined("demo", 2)
        await engine.shown("demo")
        postgres.hang(signal.SIGSTOP)
        try:
            recorded = await engine.record("demo")
            answer = await engine.ask("GET", "name_demo/")
            assert answer.status_code == 503
            await engine.stop_recording("demo")
            assert await engine.ends(signal.SIGTERM, 40) == 0
        finally:
            postgres.hang(signal.SIGCONT)
        name = recorded["recording_url"].rpartition("/")[2]
        audio = stage.sound((tmp_path / "recordings" / name).read_bytes())
        assert len(audio) / 8000 >= 3.0
        assert stage.missing(audio, 440, 700) == {}
        assert "history: not written, and lost: " in engine.log


async def test_somebody_locks_the_file(tmp_path: Path) -> None:
    """For longer than SQLite waits; calls and recordings do not notice."""
    async with stage.engine(tmp_path) as engine:
        await engine.add("demo", "+0")
        await engine.add("demo", "+1")
        await engine.joined("demo", 2)
        recorded = await engine.record("demo")
        with stage.locked(tmp_path / "history.sqlite3"):
            await engine.add("meanwhile", "+2")
            await stage.eventually(engine.says("the database is away"))
            answer = await engine.ask("GET", "")
            assert answer.status_code == 503
            assert "database is locked" in answer.json()["error"]
            assert (await engine.ask("DELETE", "name_meanwhile/")).is_success
        await stage.eventually(engine.says("the database is back"))
        names = {each["friendly_name"]: each["status"] for each in await listed(engine)}
        assert names == {"demo": "Active", "meanwhile": "Ended"}
        await engine.stop_recording("demo")
        audio = stage.sound(await engine.file(recorded["recording_url"]))
        assert len(audio) / 8000 >= 5.0
        assert stage.missing(audio, 440, 700) == {}
    assert engine.longest_standstill_s < 3


@stage.needs_small_disks
async def test_the_files_disk_is_full(tmp_path: Path) -> None:
    """It is caught up with when there is room; what an end makes lost is said."""
    with stage.small_disk(tmp_path, 512) as disk:
        database = str(disk / "history.sqlite3")
        async with stage.engine(tmp_path, "--database", database) as engine:
            await engine.add("demo", "+0")
            await engine.joined("demo")
            await engine.shown("demo")
            ballast = stage.fill(disk)
            # Enough of them that they need room of their own.
            for number in range(60):
                await engine.add(f"meanwhile {number}", "+1")
            await stage.eventually(engine.says("the database is away"))
            assert "database or disk is full" in engine.log
            ballast.unlink()
            await stage.eventually(engine.says("the database is back"))
            assert (await engine.shown("meanwhile 59"))["status"] == "Active"
            assert "lost" not in engine.log

            stage.fill(disk)
            for number in range(60):
                await engine.add(f"afterwards {number}", "+1")
            await stage.eventually(engine.says("is away", 2))
            assert await engine.ends(15) == 0
            assert "history: not written, and lost: " in engine.log
            assert " of mpcs, " in engine.log


async def listed(engine: stage.Engine) -> list[dict[str, object]]:
    answer = await engine.ask("GET", "")
    assert answer.status_code == 200, answer.text
    return list(answer.json()["objects"])
