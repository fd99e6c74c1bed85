"""Fuzz with atheris: each target for a while, and keep what reaches new code.

    python tests/fuzz/run.py                     # all targets, a minute each
    python tests/fuzz/run.py codec --seconds 600

An input that breaks a promise is kept, too, as `found-...`; tests/fuzz/test_corpus.py
fails with it until the code is mended. Exit code 1 if there is one.
"""

import argparse
import hashlib
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

MOST_BYTES = 4096
MOST_KEPT = 28
"""Files for each target, besides those that broke a promise."""

SLOW_S = 10
"""An input that takes longer hangs."""

LIBFUZZER = ("#", "INFO:", "WARNING:", "stat:", "0x")
"""How lines begin that tell of its progress."""

Edge = tuple[str, int, int]


def fuzz(name: str, arguments: list[str]) -> None:
    """Let libFuzzer try one target; ends the process."""
    import atheris  # noqa: PLC0415 - its own group

    with atheris.instrument_imports(include=["bridge"]):
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - instrumented

    logging.getLogger("bridge").setLevel(logging.ERROR)
    take = TARGETS[name].take
    atheris.Setup([sys.argv[0], *arguments], lambda data: take(bytes(data)))
    atheris.Fuzz()


def edges(take: Callable[[bytes], None], data: bytes) -> set[Edge]:
    """Which lines of ours follow which, when an input is taken."""
    seen: set[Edge] = set()

    def traced(frame: FrameType, _event: str, _argument: Any) -> Any:
        file = frame.f_code.co_filename
        if "/bridge/" not in file:
            return None
        before = 0

        def line(frame: FrameType, _event: str, _argument: Any) -> Any:
            nonlocal before
            seen.add((file, before, frame.f_lineno))
            before = frame.f_lineno
            return line

        return line

    sys.settrace(traced)
    try:
        take(data)
    finally:
        sys.settrace(None)
    return seen


def keep(name: str, folder: Path) -> int:
    """Add what reaches new code to the corpus, the shortest first."""
    from tests.fuzz.targets import CORPUS, TARGETS  # noqa: PLC0415 - only here

    target, kept = TARGETS[name], CORPUS / name
    kept.mkdir(parents=True, exist_ok=True)
    reached: set[Edge] = set()
    known = [path.read_bytes() for path in kept.glob("*")]
    for data in [*known, *(seed.encode("latin-1") for seed in target.seeds)]:
        reached |= edges(target.take, data)
    added = 0
    for path in sorted(folder.glob("*"), key=lambda each: each.stat().st_size):
        if len(list(kept.glob("[!f]*"))) >= MOST_KEPT:
            break
        data = path.read_bytes()
        new = edges(target.take, data) - reached
        if new:
            reached |= new
            (kept / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)
            added += 1
    return added


def run(name: str, seconds: float) -> bool:
    """Fuzz one target in a process of its own; returns whether it kept its promise."""
    from tests.fuzz.targets import CORPUS, TARGETS  # noqa: PLC0415 - only here

    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        new, seeds, words = folder / "new", folder / "seeds", folder / "words"
        for each in (new, seeds, CORPUS / name):
            each.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(TARGETS[name].seeds):
            (seeds / str(number)).write_bytes(seed.encode("latin-1"))
        told = [_quoted(word) for word in TARGETS[name].words if word]
        words.write_text("\n".join(told))
        done = subprocess.run(
            [
                *(sys.executable, __file__, "--child", name, "--"),
                *(str(new), str(CORPUS / name), str(seeds)),
                *([f"-dict={words}"] if told else []),
                *(f"-max_total_time={seconds:.0f}", f"-max_len={MOST_BYTES}"),
                *(f"-artifact_prefix={made}/", f"-timeout={SLOW_S}"),
                *("-rss_limit_mb=4096", "-print_final_stats=1"),
            ],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        broken = [*folder.glob("crash-*"), *folder.glob("timeout-*")]
        for path in broken:
            data = path.read_bytes()
            where = CORPUS / name / f"found-{hashlib.sha1(data).hexdigest()[:16]}"
            where.write_bytes(data)
            print(f"{name}: broken by {where.relative_to(ROOT)}: {data[:200]!r}")
        if broken or done.returncode:
            print(done.stdout)
            lines = done.stderr.splitlines()
            print("\n".join(each for each in lines if not each.startswith(LIBFUZZER)))
            return False
        figures = [
            line.partition("stat::")[2]
            for line in done.stderr.splitlines()
            if "number_of_executed_units" in line or "average_exec" in line
        ]
        print(f"{name}: {keep(name, new)} kept; {', '.join(figures)}", flush=True)
        return True


def _quoted(word: str) -> str:
    """As libFuzzer's dictionaries have it."""
    characters = (f"\\x{byte:02x}" for byte in word.encode())
    return f'"{"".join(characters)}"'


def main() -> None:
    """Fuzz the named targets, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=float, default=60.0, help="for each")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        fuzz(options.child, options.targets)
        return
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415 - not in a child

    unknown = set(options.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    names = options.targets or list(TARGETS)
    kept_promise = [run(name, options.seconds) for name in names]
    sys.exit(0 if all(kept_promise) else 1)


if __name__ == "__main__":
    main()
