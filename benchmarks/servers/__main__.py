"""Our server beside others, and beside the least a server can do.

    python -m benchmarks.servers                      # the table: by turns, medians
    python -m benchmarks.servers --scaling 10 100 300 # what a stream costs among many
    python -m benchmarks.servers --capacity           # how many one core carries
    python -m benchmarks.servers --memory             # what an idle stream holds

Servers have one core, callers another. `make bench-peers` installs the others.
"""

import argparse
import asyncio
import fnmatch
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import hostile
from benchmarks.servers import machine, tables
from benchmarks.servers.capacity import carried
from benchmarks.servers.contestants import BARE, Contestant, all_of_them, transports
from benchmarks.servers.measuring import Run, measure
from benchmarks.servers.process import CORES, pin_callers
from benchmarks.servers.results import MOST_RISE, Part, headed, medians, rise, save
from bridge.errors import BridgeError

SCALED = re.compile(r"mpc-bridge( \(\w+\))?, 16 kHz bot|" + BARE)
"""Whose cost by streams is told, unless others are asked for."""


def main() -> None:
    """Measure what is asked for; exit with 1 where a promise is not kept."""
    options = _parser().parse_args()
    chosen = _chosen(options.only)
    say(
        f"servers on core {CORES[0]}, callers on core {CORES[-1]}"
        if CORES[1:]
        else "ONE CORE FOR ALL"
    )
    pin_callers()
    kept, shown, part = True, tables.servers, "servers"
    if options.scaling:
        rows, kept = scaled(chosen, options)
        shown, part = tables.scaling, "scaling"
    elif options.capacity:
        rows = [_told(carried, each, options) for each in chosen if not each.is_bare]
        shown, part = tables.capacity, "capacity"
    elif options.memory:
        rows, kept = remembered()
        shown, part = tables.memory, "memory"
    else:
        rows = compared(chosen, options)
    found = headed(
        rows,
        machine.command_line(sys.argv[1:]),
        machine.described(),
        machine.versions(),
        machine.today(),
    )
    if options.save:
        save(options.save, part, found)
    _print(found, shown, as_json=options.json)
    sys.exit(0 if kept else 1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.servers",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=6.0, help="of each run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only", nargs="+", metavar="PATTERN", help="servers, by name: 'mpc*16 kHz*'"
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--scaling", type=int, nargs="+", metavar="STREAMS")
    what.add_argument("--capacity", action="store_true")
    what.add_argument("--memory", action="store_true")
    parser.add_argument("--most", type=int, default=600, help="streams of --capacity")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--save", type=Path, metavar="FILE", help="put it into a file")
    return parser


def _chosen(patterns: Sequence[str] | None) -> list[Contestant]:
    everybody = list(all_of_them(transports()))
    if patterns:
        everybody = [
            each
            for each in everybody
            if any(fnmatch.fnmatch(each.name, pattern) for pattern in patterns)
        ]
    for each in everybody:
        if not each.is_installed:
            say(f"{each.name}: not installed: make bench-peers")
    return [each for each in everybody if each.is_installed]


# ------------------------------------------------------------------ what is measured


def compared(chosen: Sequence[Contestant], options: argparse.Namespace) -> list[Part]:
    """All of them by turns, several times: a shared machine has moods."""
    runs: dict[str, list[Run]] = {each.name: [] for each in chosen}
    for number in range(options.rounds):
        for each in chosen:
            say(f"round {number + 1} of {options.rounds}: {each.name}")
            _try(runs[each.name], each, options.streams, options.seconds)
    return medians(runs)


def scaled(
    chosen: Sequence[Contestant], options: argparse.Namespace
) -> tuple[list[Part], bool]:
    """With more and more streams, by turns; and whether the cost of ours holds."""
    if not options.only:
        chosen = [each for each in chosen if SCALED.fullmatch(each.name)]
    runs: dict[tuple[str, int], list[Run]] = {}
    for number in range(options.rounds):
        for each in chosen:
            for streams in options.scaling:
                say(f"round {number + 1} of {options.rounds}: {each.name}, {streams}")
                kept = runs.setdefault((each.name, streams), [])
                _try(kept, each, streams, options.seconds)
    rows, kept_all = [], True
    for each in chosen:
        found = [
            row
            for (name, _), some in runs.items()
            if name == each.name
            for row in medians({name: some})
        ]
        kept_all &= not each.is_ours or (rise(found) or 1.0) <= MOST_RISE
        rows += found
    return rows, kept_all


def remembered() -> tuple[list[Part], bool]:
    """What an idle stream holds of ours; and whether that is little enough."""
    say("idle streams")
    kib = asyncio.run(hostile.measured(hostile.idle_call, hostile.CLIENTS))
    return [{"name": "mpc-bridge", "kib": kib}], kib <= hostile.MOST_IDLE_KIB


def _try(kept: list[Run], contestant: Contestant, streams: int, seconds: float) -> None:
    """Measure once; a server that fails is told of, and the others go on."""
    try:
        kept.append(measure(contestant, streams, seconds))
    except (RuntimeError, BridgeError) as error:
        say(f"{contestant.name}: {error}")


def _told(
    look: Callable[[Contestant, int, float], Part],
    contestant: Contestant,
    options: argparse.Namespace,
) -> Part:
    say(f"how many {contestant.name} carries")
    found = look(contestant, options.most, options.seconds)
    say(f"{contestant.name}: {found['likely']}; {found['trials']}")
    return found


# -------------------------------------------------------------------- what is shown


def _print(part: Part, shown: Callable[[Part], str], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(part, indent=1))
    else:
        print(f"\n{tables.head(part)}\n{shown(part)}")


def say(text: str) -> None:
    """Tell whoever waits."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
