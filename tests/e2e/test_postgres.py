"""The history in PostgreSQL: a server of our own, for the length of the tests."""

import asyncio
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from bridge.control import MpcClient
from bridge.engine.app import running
from bridge.engine.options import EngineOptions
from tests.engine.history_contract import CONTRACT
from tests.needs import needs
from tests.ports import free_port

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))

pytestmark = needs(BINARIES, "PostgreSQL: apt install postgresql")


def as_postgres(*command: str) -> None:
    """PostgreSQL refuses to run as root: then run it as its own user."""
    if os.geteuid() == 0:
        command = ("runuser", "-u", "postgres", "--", *command)
    subprocess.run(command, check=True, capture_output=True, cwd="/")


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A PostgreSQL of its own; gives the start of its URL."""
    folder = Path(tempfile.mkdtemp(prefix="history-"))
    binaries = BINARIES[-1].parent
    port = free_port()
    if os.geteuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    data = str(folder / "data")
    as_postgres(str(binaries / "initdb"), "-D", data, "-A", "trust", "-U", "postgres")
    options = f"-p {port} -k {folder} -h 127.0.0.1 -F"
    control = [str(binaries / "pg_ctl"), "-D", data, "-w"]
    log = str(folder / "log")
    as_postgres(*control, "-l", log, "-o", options, "start")
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/"
    finally:
        as_postgres(*control, "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def database(server: str) -> str:
    """A fresh database."""
    binaries = BINARIES[-1].parent
    port = server.rpartition(":")[2].strip("/")
    name = f"test{os.urandom(4).hex()}"
    as_postgres(
        str(binaries / "createdb"),
        "-h",
        "127.0.0.1",
        "-p",
        port,
        "-U",
        "postgres",
        name,
    )
    return server + name


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda promise: promise.__name__)
async def test_it_keeps_the_contract(
    database: str, promise: Callable[[str], Awaitable[None]]
) -> None:
    """The same as SQLite's."""
    await promise(database)


async def test_two_engines_share_a_history(database: str, tmp_path: Path) -> None:
    """What one has ended, the other shows."""
    options = EngineOptions(port=0, recordings=tmp_path, database=database)
    async with running(options) as one, running(options) as two:
        async with (
            MpcClient(options.auth_id, options.auth_token, url=one.url) as here,
            MpcClient(options.auth_id, options.auth_token, url=two.url) as there,
        ):
            await here.add_participant("demo", role="customer", from_="+1", to="+2")
            while (await here.get("demo")).status != "Active":
                await asyncio.sleep(0.05)
            mpc = await there.get("demo")
            assert mpc.status == "Active"
            await here.end("demo")
            # What it shows itself, it has written down.
            await here.get(uuid=mpc.mpc_uuid)
            ended = await there.get(uuid=mpc.mpc_uuid)
            (member,) = await there.participants(uuid=mpc.mpc_uuid)
    assert ended.termination_cause_code == 3000
    assert member.exit_cause == "Multiparty Call Ended"
