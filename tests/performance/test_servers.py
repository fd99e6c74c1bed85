"""`make bench`: who is measured, one run of each kind, and what becomes of runs."""

import json
import re
from pathlib import Path

import pytest

from benchmarks.servers import machine, tables
from benchmarks.servers.contestants import BARE, BARE_IN_C, FLOOR, all_of_them
from benchmarks.servers.measuring import Run, measure
from benchmarks.servers.process import cpu_s, running
from benchmarks.servers.results import Part, headed, medians, rise, save
from tests.docs.parsing import misunderstood

CONTESTANTS = {each.name: each for each in all_of_them(())}


def a_run(**other: float | None) -> Run:
    figures: dict[str, float | None] = {
        **{"streams": 50, "cpu_ms": 4.0, "server_cores": 0.2, "p50_ms": 3.0},
        **{"p99_ms": 5.0, "lost_frames": 0, "mouth_to_ear_ms": 100.0, "underruns": 0},
        **{"memory_mb": 75.0, "late_ms": 1.0, "callers_cores": 0.2},
    }
    return Run(**{**figures, **other})  # type: ignore[arg-type]


def a_part(rows: list[Part]) -> Part:
    return headed(
        rows, "make bench", "AMD, 2 cores", {"Python": "3.11.7"}, "2026-11-21"
    )


def test_our_commands_are_understood() -> None:
    """By `serve`, with a transport and without; names are not given twice."""
    everybody = [*all_of_them(()), *all_of_them(("websockets", "picows"))]
    ours = [each for each in all_of_them(()) if each.is_ours]

    assert len(ours) == 5
    assert len({each.name for each in everybody}) == len(CONTESTANTS) + 2 * len(ours)
    for each in ours:
        assert misunderstood(list(each.command[3:])) is None


def test_the_programs_of_others_are_there() -> None:
    """Whether what they need is installed or not."""
    for each in CONTESTANTS.values():
        if not each.is_ours and not each.is_bare and each.name != FLOOR:
            assert Path(each.command[1]).exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [BARE, BARE_IN_C, FLOOR, "mpc-bridge, 8 kHz bot", "websockets + json, mu-law"],
)
def test_a_run_has_all_figures(name: str) -> None:
    """Of real processes and sockets; every frame comes back."""
    if not CONTESTANTS[name].is_installed:
        pytest.skip("there is no C compiler")
    run = measure(CONTESTANTS[name], 2, 1.5)

    assert run.streams == 2
    assert run.lost_frames == 0
    assert 0 < run.cpu_ms < 500
    assert 0 < run.p50_ms <= run.p99_ms
    assert run.memory_mb > 5
    assert run.callers_cores > 0


@pytest.mark.slow
def test_cpu_is_that_of_the_server() -> None:
    """A finer figure than hundredths of a second, and none of ours."""
    with running(CONTESTANTS[BARE]) as server:
        before_s = cpu_s(server.pid)
        sum(range(3_000_000))

        assert 0 <= cpu_s(server.pid) - before_s < 0.02
        assert before_s > 0


def test_a_server_that_does_not_come_up_is_named() -> None:
    """With what it said instead of its port."""
    broken = CONTESTANTS[BARE].__class__("broken", ("/bin/echo", "no port"))

    with (
        pytest.raises(RuntimeError, match=r"broken: did not come up: 'no port\\n'"),
        running(broken),
    ):
        pass


def test_medians_are_compared_with_the_bare_echo() -> None:
    """What is lost is added up: of rare things the median is none."""
    runs = {
        BARE: [a_run(cpu_ms=1.0, underruns=None), a_run(cpu_ms=2.0, underruns=None)],
        "ours": [
            a_run(cpu_ms=3.0),
            a_run(cpu_ms=9.0, lost_frames=7),
            a_run(cpu_ms=6.0),
        ],
        "failed": [],
    }

    bare, ours = medians(runs)

    assert bare["of_bare"] == 1.0
    assert bare["underruns"] is None
    assert ours["cpu_ms"] == 6.0
    assert ours["of_bare"] == 4.0
    assert ours["lost_frames"] == 7
    assert ours["runs"] == [3.0, 9.0, 6.0]
    assert medians({"ours": [a_run()]})[0]["of_bare"] is None


def test_a_rise_is_told_up_to_a_full_core() -> None:
    """Beyond it a stream gets less, and seems to cost less."""
    rows: list[Part] = [
        {"streams": 300, "cpu_ms": 3.3, "server_cores": 0.99},
        {"streams": 100, "cpu_ms": 5.0, "server_cores": 0.5},
        {"streams": 10, "cpu_ms": 4.0, "server_cores": 0.04},
    ]

    assert rise(rows) == 1.25
    assert rise([{**rows[2], "streams": 5, "cpu_ms": 9.0}, *rows]) == 1.25
    assert rise(rows[:2]) is None
    rows = [{**row, "name": "ours", "p50_ms": 3, "p99_ms": 5} for row in rows]
    rows = [{**row, "late_ms": 1, "callers_cores": 0.1} for row in rows]
    assert "- ours: RISES: 1.25" in tables.scaling(a_part(rows))


def test_a_table_says_where_and_with_what() -> None:
    """Its columns are aligned; what was not measured is a dash."""
    part = a_part(medians({BARE: [a_run(underruns=None)], "ours": [a_run(cpu_ms=6.0)]}))

    text = tables.servers(part)

    assert "AMD, 2 cores; 2026-11-21\nPython 3.11.7" in tables.head(part)
    assert re.search(r"\| ours +\| +6.00 \| +1.5 x \|", text)
    assert re.search(rf"\| {BARE} .*\| +- \|", text)
    assert len({len(line) for line in text.splitlines()}) == 1


def test_parts_are_kept_beside_each_other(tmp_path: Path) -> None:
    """A new one replaces that of its name."""
    file = tmp_path / "data" / "performance.json"

    save(file, "servers", a_part([]))
    save(file, "memory", a_part([{"name": "ours", "kib": 40.0}]))
    save(file, "servers", a_part([{"name": "new"}]))

    kept = json.loads(file.read_text())
    assert list(kept) == ["memory", "servers"]
    assert kept["servers"]["rows"] == [{"name": "new"}]


def test_the_command_is_kept() -> None:
    """As it can be typed again, but for where it was saved to."""
    words = ["--only", "mpc*16 kHz*", "--save", "/home/somebody/x.json", "--capacity"]

    assert machine.command_line(words) == (
        "python -m benchmarks.servers --only 'mpc*16 kHz*' --capacity"
    )


def test_the_machine_is_described() -> None:
    """With what is installed, and what is not."""
    assert re.search(r"\d+ cores, \w+ ", machine.described())
    found = machine.versions()
    assert found["Python"].startswith("3.")
    assert {"uvloop", "websockets", "picows", "numpy"} <= set(found)
