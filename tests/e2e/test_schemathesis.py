"""The API against its own description, by a machine that means it ill."""

import subprocess
import sys
from pathlib import Path

import pytest

from bridge.engine.options import EngineOptions
from tests import unmeasured

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance"
)

# There is always a call named demo, whose first member is a supervisor; what the
# engine would ask of the web is answered at once, so that nothing leaves the machine.
SERVER = """
import asyncio, sys
from pathlib import Path
import httpx
from bridge.engine import app
import pytest

from bridge.engine.options import EngineOptions
from bridge.multiparty.requests import AddParticipant

def nowhere(resolver):
    nothing = httpx.MockTransport(lambda request: httpx.Response(404))
    return httpx.AsyncClient(transport=nothing)

async def main():
    options = EngineOptions(
        port=0, recordings=Path(sys.argv[1]), database=":memory:", rate_limit=10**6
    )
    supervisor = AddParticipant.model_validate(
        {"role": "supervisor", "from": "1", "to": "2", "stay_alone": True}
    )
    app._http = nowhere
    async with app.running(options) as engine:
        print(engine.url, flush=True)
        while True:
            demo = engine.exchange.find("demo")
            if demo is None or not (demo.room.members or demo.room.expected):
                engine.exchange.add("demo", supervisor)
            await asyncio.sleep(0.02)

asyncio.run(main())
"""

CONFIG = """
[parameters]
mpc = "name_demo"
member = "1"
"""


@pytest.mark.slow
@pytest.mark.timeout(320)
def test_nothing_is_answered_otherwise_than_described(tmp_path: Path) -> None:
    """No 5xx, no undocumented status, no answer that does not fit its schema."""
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    with subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path / "recordings")],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=unmeasured.environment(),
        text=True,
    ) as server:
        try:
            assert server.stdout is not None
            url = server.stdout.readline().strip()
            done = subprocess.run(
                [
                    *(str(Path(sys.executable).parent / "schemathesis"), "run"),
                    *(f"{url}/openapi.json", "--url", url, "--no-color"),
                    *("--auth", f"{EngineOptions().auth_id}:local"),
                    *("--checks", CHECKS, "--max-examples", "10"),
                    # One worker: CPython 3.11 parses badly in two threads at once.
                    *("--phases", "coverage,fuzzing", "--seed", "1", "--workers", "1"),
                ],
                capture_output=True,
                text=True,
                check=False,
                timeout=300,
                env=unmeasured.environment(),
                cwd=tmp_path,
            )
        finally:
            server.terminate()
    assert done.returncode == 0, done.stdout[-6000:]
    assert "21 passed" in done.stdout
