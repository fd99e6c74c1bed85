"""What commands share: options, the event loop, signals."""

import asyncio
import contextlib
import gc
import importlib
import logging
import os
import resource
import signal
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from bridge import config
from bridge.cli import logs
from bridge.errors import ConfigError

__all__ = ["options_from", "run", "until_signalled"]

Result = TypeVar("Result")
Command = TypeVar("Command", bound=Callable[..., Any])

_LOG = logging.getLogger(__name__)

LEAVE_S = 12.0
"""From the end of the last call to the end of the process, at most: traces, captures
and bots' `close()` have their share of it."""

FORCED_S = 10.0
"""From the second signal to the end of the process, at most."""

MOST_DESCRIPTORS = 65536
"""Where there is no limit."""


def options_from(*sections: str) -> Callable[[Command], Command]:
    """Give a command the flags of sections of the configuration.

    Args:
        sections: Their names; `section.option` is that option alone.
    """

    def decorate(command: Command) -> Command:
        for named in reversed(sections):
            section, _, only = named.partition(".")
            for option in reversed(list(config.options_of(section))):
                if only not in ("", option.name):
                    continue
                kind = {int: int, float: float, bool: bool}.get(option.kind, str)
                source = "" if option.is_secret else f"; default {option.default}"
                switch = f"/--no-{option.flag.removeprefix('--')}"
                if option.is_secret:
                    command = click.option(
                        config.file_of(option.flag),
                        config.file_of(option.name),
                        default=None,
                        help="A file with it: nobody sees it among the processes.  "
                        f"[{config.file_of(option.variable)}]",
                    )(command)
                command = click.option(
                    option.flag + (switch if kind is bool else ""),
                    option.name,
                    type=kind,
                    default=None,
                    help=f"{option.text}  [{option.variable}{source}]",
                )(command)
        return click.option(
            "--config",
            "config_file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="TOML file with sections "
            + ", ".join(
                dict.fromkeys(f"[{each.partition('.')[0]}]" for each in sections)
            ),
        )(command)

    return decorate


def read_config(config_file: Path | None) -> dict[str, Any]:
    """The file named by `--config` or `BRIDGE_CONFIG`, if any."""
    named = os.environ.get(f"{config.ENV_PREFIX}CONFIG")
    path = config_file or (Path(named) if named else None)
    return config.read_file(path) if path is not None else {}


def settings(
    section: str, file: Mapping[str, Any], flags: Mapping[str, Any]
) -> dict[str, Any]:
    """A section's options, from the file, the environment and flags."""
    return config.compose(section, file, os.environ, flags)


def writable(path: Path, flag: str) -> None:
    """See that a file can be written, before there is something to write."""
    if not path.parent.is_dir():
        raise ConfigError(f"{flag}: there is no folder {path.parent}")


def write(path: Path, flag: str, text: str) -> None:
    """Write a file that a flag named."""
    try:
        path.write_text(text)
    except OSError as error:
        raise ConfigError(f"{flag}: {path}: {error.strerror}") from error


def header(text: str) -> tuple[str, str]:
    """Read a `--header`: name and value."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ConfigError(f"--header: {text!r}, allowed is NAME:VALUE")
    return name.strip(), value.strip()


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on the fastest loop there is."""
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        uvloop = importlib.import_module("uvloop")
    except ImportError:
        # There is no wheel of it for every platform; asyncio's own loop serves too.
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def raise_descriptor_limit() -> None:
    """Use as many file descriptors as we may: a call needs one, its bot some more.

    The soft limit is often 1024, for the sake of programs that use `select`.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def settle_memory() -> None:
    """Spare the collector what lives as long as the process.

    Frames make few cycles and many objects; by default it would look for cycles in
    all of them many times a second. What it looks at in one go, when many calls begin,
    holds up all others by two milliseconds or so; older objects it looks at rarely.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 200, 50)


def leave_soon() -> None:
    """End the process for certain, now that its work is done.

    A bot that will not be cancelled, or a thread that waits for what never comes, would
    keep it for ever, and whoever stops it would have to kill it.
    """
    _leave_in(LEAVE_S, "bots or their threads still run after the last call", 0)


def _leave_in(seconds: float, why: str, code: int) -> None:
    def leave() -> None:
        _LOG.error("%s, for %.0f s: leaving without them", why, seconds)
        os._exit(code)

    timer = threading.Timer(seconds, leave)
    timer.daemon = True
    timer.start()


async def until_signalled(
    force: Callable[[], None],
    reload: Callable[[], object] = lambda: None,
    debug: Callable[[], object] = logs.toggle_debug,
) -> None:
    """Wait for SIGTERM or SIGINT; a second one calls `force`.

    After the second the process ends in any case, even if a bot blocks the loop, so
    that nothing that is asked of it is done. Meanwhile SIGHUP calls `reload`, and
    SIGUSR1 `debug`, which turns the debug log on and off.
    """
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, debug)
    loop.add_signal_handler(signal.SIGHUP, reload)
    stop = asyncio.Event()
    times = 0

    def signalled(_number: int, _frame: object) -> None:
        nonlocal times
        times += 1
        # Also after the loop has closed: there is nothing to tell then.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set if times == 1 else force)
        if times == 2:
            _leave_in(
                FORCED_S, "it was told to stop twice, and something still runs", 1
            )

    # Python's own, not the loop's: they come while the loop is blocked, too.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signalled)
    await stop.wait()
