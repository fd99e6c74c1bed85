"""The offline conversation, measured with human speech through mu-law.

Recorded prompts of Debian's `asterisk-core-sounds-en-wav` and LibriVox clips of
`pocketsphinx-testdata` are spoken to `serve --bot`, by callers in a process of their
own that play what they get as Plivo does. Latency is from the last sample of a prompt
to the first audible sample of the answer at the callers' ends.
"""

import argparse
import contextlib
import functools
import gzip
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soundfile
from whisper_normalizer.english import EnglishTextNormalizer

HERE = Path(__file__).parent
PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
PROMPT_TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
CLIPS = Path("/usr/share/pocketsphinx/test/data/librivox")

SEED = 7
LEAST_WORDS = 5
TICKS_PER_S = 100

normal = EnglishTextNormalizer()


def prompts() -> dict[str, str]:
    """Recorded prompts of five words and more, by path."""
    found = {}
    for line in gzip.decompress(PROMPT_TEXTS.read_bytes()).decode().splitlines():
        name, _, text = line.partition(":")
        path = PROMPTS / f"{name.strip()}.wav"
        text = text.strip()
        # Texts with remarks and signs are not what is said.
        if line.startswith(";") or set('[(#"') & set(text) or not path.exists():
            continue
        if len(text.split()) >= LEAST_WORDS and soundfile.info(str(path)).duration < 20:
            found[str(path)] = text
    return found


def clips() -> dict[str, str]:
    """LibriVox clips, by path."""
    found = {}
    for line in (CLIPS / "transcription").read_text().splitlines():
        text, _, name = line.rpartition("(")
        path = CLIPS / f"{name.strip(') ')}.wav"
        if path.exists():
            found[str(path)] = text.replace("<s>", "").replace("</s>", "").strip()
    return found


@contextlib.contextmanager
def serving(bot: str, folder: str) -> Iterator[tuple[int, int]]:
    """Start the bridge; yield its port and process id."""
    spec = f"{HERE / 'speech_bots.py'}:{bot}"
    command = [sys.executable, "-m", "bridge", "serve", "--port", "0", "--json"]
    flags = ["--bot", spec, "--transcripts", folder, "--log-level", "warning"]
    process = subprocess.Popen([*command, *flags], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield int(json.loads(process.stdout.readline())["port"]), process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_s(pid: int) -> float:
    """CPU time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_S


def call(
    bot: str, plans: list[list[str]], into_s: float | None = None
) -> dict[str, Any]:
    """Make calls; return what callers noted, transcripts, and the server's CPU."""
    with tempfile.TemporaryDirectory() as folder, serving(bot, folder) as (port, pid):
        began_s, began_cpu_s = time.monotonic(), cpu_s(pid)
        flags = [] if into_s is None else ["--into", str(into_s)]
        ran = subprocess.run(
            [sys.executable, str(HERE / "callers.py"), str(port), *flags],
            input=json.dumps(plans),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        made: dict[str, Any] = json.loads(ran.stdout)
        made["cpu_s"] = cpu_s(pid) - began_cpu_s
        made["wall_s"] = time.monotonic() - began_s
        time.sleep(0.5)
        for each in made["calls"]:
            lines = (Path(folder) / f"{each['stream_id']}.jsonl").read_text()
            each["transcript"] = [json.loads(line) for line in lines.splitlines()]
    return made


def understood(made: dict[str, Any]) -> dict[str, str]:
    """What was understood of each prompt: the caller's turns that began within it."""
    texts: dict[str, str] = {}
    for each in made["calls"]:
        said = [t for t in each["transcript"] if t["who"] == "caller"]
        for turn in each["turns"]:
            parts = [
                s["text"]
                for s in said
                if turn["from_s"] - 0.6 <= s["from_s"] <= turn.get("to_s", 0)
            ]
            texts[turn["path"]] = " ".join(parts)
    return texts


def word_errors(known: dict[str, str], texts: dict[str, str]) -> float:
    """Word error rate over all texts, both sides normalised."""
    paths = sorted(texts)
    wrong = jiwer.wer(
        [normal(known[p]) for p in paths], [normal(texts[p]) or "-" for p in paths]
    )
    return 100 * float(wrong)


def answers_ms(made: dict[str, Any]) -> list[float]:
    """Latency of each answer."""
    return [
        turn["answer_s"] * 1000
        for each in made["calls"]
        for turn in each["turns"]
        if turn["answer_s"] is not None
    ]


def dealt(paths: list[str], callers: int) -> list[list[str]]:
    """Prompts for each of some callers."""
    return [paths[place::callers] for place in range(callers)]


def stage_row(made: dict[str, Any]) -> str:
    """Median and p90 of each stage, as the bot measured them."""
    stages: dict[str, list[float]] = {}
    for each in made["calls"]:
        for turn in each["transcript"]:
            for stage, ms in turn.get("latencies_ms", {}).items():
                stages.setdefault(stage, []).append(ms)
    return ", ".join(
        f"{stage} {statistics.median(ms):.0f}/{np.percentile(ms, 90):.0f}"
        for stage, ms in stages.items()
    )


def words(count: int, calls: int = 8) -> dict[str, object]:
    """Word errors, several calls at once so that it ends today."""
    known, libri = prompts(), clips()
    paths = sorted(known)
    random.Random(SEED).shuffle(paths)
    texts = understood(call("short", dealt(paths[:count], calls)))
    read = understood(call("short", dealt(sorted(libri), len(libri))))
    worst = sorted(
        texts, key=lambda p: -jiwer.wer(normal(known[p]), normal(texts[p]) or "-")
    )
    for path in worst[:5]:
        print(f"    {known[path]!r} was understood as {texts[path]!r}", file=sys.stderr)
    return {
        "prompts": len(texts),
        "wer_prompts_percent": word_errors(known, texts),
        "librivox_clips": len(read),
        "wer_librivox_percent": word_errors(libri, read),
    }


def many_calls(calls: int, turns: int) -> dict[str, object]:
    """Latency, CPU and holes of several calls at once."""
    paths = sorted(prompts())
    random.Random(calls).shuffle(paths)
    # Of one call alone more is needed to tell of a ninetieth percentile.
    turns = turns * 3 if calls == 1 else turns
    plans = dealt((paths * 4)[: calls * turns], calls)
    made = call("short", plans)
    ms = answers_ms(made)
    seconds = sum(each["seconds"] for each in made["calls"])
    holes = [hole for each in made["calls"] for hole in each["holes_ms"]]
    return {
        "calls": calls,
        "answers": len(ms),
        "median_ms": statistics.median(ms),
        "p90_ms": float(np.percentile(ms, 90)),
        "stages_ms_median_p90": stage_row(made),
        "cpu_percent_per_call": 100 * made["cpu_s"] / seconds,
        "underruns": len(holes),
        "callers_late_p99_ms": made["late_ms_p99"],
    }


def barge_in(turns: int) -> dict[str, object]:
    """From the first sample of the caller's speech to the last of ours."""
    paths = sorted(prompts())
    random.Random(SEED).shuffle(paths)
    made = call("long", dealt(paths[: turns * 2], 2), into_s=2.0)
    ms = [
        turn["silent_after_s"] * 1000
        for each in made["calls"]
        for turn in each["turns"][1::2]
        # We may have been between two sentences just then.
        if "silent_after_s" in turn
    ]
    return {
        "interruptions": len(ms),
        "median_ms": statistics.median(ms),
        "p95_ms": float(np.percentile(ms, 95)),
        "longest_ms": max(ms),
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=int, default=160)
    parser.add_argument("--calls", type=int, nargs="*", default=[1, 5, 10, 16, 20])
    parser.add_argument("--turns", type=int, default=8)
    parser.add_argument("--barge-ins", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    for needed in (PROMPTS, CLIPS):
        if not needed.exists():
            raise SystemExit(
                f"{needed} is not there: apt-get install asterisk-core-sounds-en-wav "
                "pocketsphinx-testdata"
            )
    plan: list[tuple[str, Callable[[], dict[str, object]]]] = []
    if options.prompts:
        plan.append(("words", lambda: words(options.prompts)))
    if options.barge_ins:
        plan.append(("barge-in", lambda: barge_in(options.barge_ins)))
    for calls in options.calls:
        run = functools.partial(many_calls, calls, options.turns)
        plan.append((f"{calls} calls", run))
    report: dict[str, object] = {}
    for place, (title, measure) in enumerate(plan, 1):
        print(f"{place} of {len(plan)}: {title} ...", file=sys.stderr)
        figures = report[title] = measure()
        if not options.json:
            show(title, figures)
    if options.json:
        print(json.dumps(report, indent=2))


def show(title: str, figures: dict[str, object]) -> None:
    """Print one measurement."""
    print(title)
    for name, figure in figures.items():
        text = f"{figure:.1f}" if isinstance(figure, float) else figure
        print(f"  {name:28} {text}", flush=True)


if __name__ == "__main__":
    main()
