"""`mpc-bridge serve`: the bridge, for Plivo to connect to."""

from pathlib import Path
from typing import Any

import click

from bridge import private_files
from bridge.call.options import CallOptions, PlaybackOptions
from bridge.cli import logs, setup, workers
from bridge.cli.serve_plan import Plan, facts, show
from bridge.control.options import PlivoOptions
from bridge.errors import ConfigError
from bridge.server.app import serving
from bridge.server.options import AccessOptions, AdminOptions, ServerOptions

__all__ = ["command"]


@click.command("serve")
@click.option(
    "--bot",
    "bots",
    multiple=True,
    metavar="[NAME=]SPEC",
    help="Who answers: an installed bot, module:name, or file.py:name. May be given "
    "several times; /stream/NAME reaches each, /stream the first. Default: echo.",
)
@click.option(
    "--bot-option",
    "bot_options",
    multiple=True,
    metavar="[NAME.]KEY=VALUE",
    help="An option of a bot; `mpc-bridge bots` lists them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print where it serves as JSON.")
@setup.options_from("server", "access", "admin", "playback", "call", "plivo")
@logs.logging_options()
def command(
    bots: tuple[str, ...],
    bot_options: tuple[str, ...],
    config_file: Path | None,
    log_level: str,
    log_format: str,
    *,
    as_json: bool,
    **flags: Any,
) -> None:
    """Answer Plivo's audio streams with bots.

    Point `ai_agent_stream_service_url` at what it prints. The same port answers
    GET /healthz, /readyz and /metrics. SIGTERM drains: no new streams, calls may end;
    a second signal ends them. SIGHUP loads the certificate anew, SIGUSR1 turns the
    debug log on and off. With --workers it is several processes, and behaves as one.

    \b
    mpc-bridge serve --bot echo
    mpc-bridge serve --bot sales=my_bots:Sales --bot samples/echo.py:echo
    """
    logs.configure_logging(log_level, log_format)
    setup.raise_descriptor_limit()
    file = setup.read_config(config_file)
    server_options = ServerOptions(
        access=AccessOptions(**setup.settings("access", file, flags)),
        admin=AdminOptions(**setup.settings("admin", file, flags)),
        **setup.settings("server", file, flags),
    )
    call_options = CallOptions(
        playback=PlaybackOptions(**setup.settings("playback", file, flags)),
        **setup.settings("call", file, flags),
    )
    if call_options.transcripts:
        _make_folder(Path(call_options.transcripts))
    plivo = PlivoOptions(**setup.settings("plivo", file, flags))
    if not bots and "bots" not in file:
        bots = ("echo",)
    plan = Plan(bots, bot_options, file, server_options, call_options, plivo)
    if server_options.workers > 1:
        log = workers.Log(log_level, log_format)
        setup.run(workers.supervise(plan, log, as_json=as_json))
        return
    in_service = plan.load_bots()

    async def serve() -> None:
        async with serving(in_service, server_options, call_options, plivo) as server:
            show(facts(server, list(in_service)), as_json=as_json)
            server.on_drained = setup.leave_soon
            setup.settle_memory()
            await setup.until_signalled(server.force, server.reload_certificate)

    setup.run(serve())


def _make_folder(path: Path) -> None:
    """Make the folder for transcripts now: a call would be too late to tell."""
    try:
        private_files.make_folder(path)
    except OSError as error:
        raise ConfigError(f"transcripts: {path}: {error.strerror}") from error
    private_files.warn_if_open(path, "the folder of transcripts")
