"""`mpc-bridge mpc`: Multiparty Calls from the shell."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Any

import click

from bridge import config
from bridge.cli import mpc_media, mpc_show, setup
from bridge.cli.mpc_asking import (
    as_json_flag,
    ask,
    members_argument,
    name_argument,
    watch_flag,
    which,
)
from bridge.cli.mpc_options import parameters_given, parameters_of
from bridge.control.client import MpcClient
from bridge.control.keeping import is_over
from bridge.control.options import PlivoOptions
from bridge.engine.options import EngineOptions
from bridge.errors import MisuseError
from bridge.multiparty.objects import Participant
from bridge.multiparty.requests import AddParticipant, ListMpcs
from bridge.multiparty.vocabulary import Role

__all__ = ["command"]

KEPT_LOOK_S = 2.0
"""How often it is looked whether a kept agent's call has ended."""

STATES = {
    "mute": ({"mute": True}, "Let members not be heard."),
    "unmute": ({"mute": False}, "Let members be heard again."),
    "hold": ({"hold": True}, "Put members on hold, with music."),
    "unhold": ({"hold": False}, "Take members off hold."),
    "coach": ({"coach_mode": True}, "Let a supervisor be heard by agents alone."),
    "uncoach": ({"coach_mode": False}, "Let a supervisor be heard by everybody."),
}


@click.group("mpc")
@click.option(
    "--local",
    is_flag=True,
    help="Ask the engine on this machine, at BRIDGE_ENGINE_PORT (8080).",
)
@setup.options_from("plivo", "access.stream_secret")
@setup.logging_options(level="warning")
@click.pass_context
def command(
    context: click.Context,
    /,
    config_file: Path | None,
    log_level: str,
    log_format: str,
    *,
    local: bool,
    **flags: Any,
) -> None:
    """Drive Multiparty Calls, Plivo's or the local engine's.

    NAME is a call's friendly name, or uuid_... with its uuid. MEMBERS are ids by
    commas, or all. The account comes from PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN.

    \b
    mpc-bridge mpc --local add demo --role customer --from +15550199 --to +15550100
    mpc-bridge mpc --local ai demo ws://127.0.0.1:8765/stream
    mpc-bridge mpc --local show demo --watch
    """
    setup.configure_logging(log_level, log_format)
    file = setup.read_config(config_file)
    if local:
        engine = EngineOptions(**setup.settings("engine", file, {}))
        options = PlivoOptions(
            engine.auth_id, engine.auth_token, f"http://{engine.host}:{engine.port}"
        )
        given = config.compose("plivo", {}, {}, flags)
        options = dataclasses.replace(options, **given)
    else:
        options = PlivoOptions(**setup.settings("plivo", file, flags))
    secret = setup.settings("access", file, flags).get("stream_secret")
    context.obj = dataclasses.replace(options, stream_secret=secret)


# ------------------------------------------------------------------- whole calls


@command.command("list")
@parameters_of(ListMpcs)
@watch_flag
@as_json_flag
@click.pass_context
def list_(
    context: click.Context, /, *, watch: bool, as_json: bool, **given: Any
) -> None:
    """List calls, the newest first; of the last week, unless asked otherwise."""
    filters = parameters_given(given)

    async def page(client: MpcClient) -> Any:
        return await client.page(**filters)

    if watch:
        setup.run(mpc_show.watch(context.obj, page))
    else:
        ask(context, page, as_json=as_json)


@command.command()
@name_argument
@watch_flag
@as_json_flag
@click.pass_context
def show(context: click.Context, /, name: str, *, watch: bool, as_json: bool) -> None:
    """Show a call and who is in it."""

    async def look(client: MpcClient) -> Any:
        mpc = await client.get(**which(name))
        return mpc, await client.participants(**which(name))

    if watch:
        setup.run(mpc_show.watch(context.obj, look))
    else:
        ask(context, look, as_json=as_json)


@command.command()
@name_argument
@click.pass_context
def activate(context: click.Context, /, name: str) -> None:
    """Start a call that waits for it."""
    ask(context, lambda client: client.activate(**which(name)))


@command.command()
@name_argument
@click.pass_context
def end(context: click.Context, /, name: str) -> None:
    """End a call for everybody."""
    ask(context, lambda client: client.end(**which(name)))


# ------------------------------------------------------------------ participants


@command.command()
@name_argument
@parameters_of(AddParticipant)
@as_json_flag
@click.pass_context
def add(context: click.Context, /, name: str, *, as_json: bool, **given: Any) -> None:
    """Add a participant; the call is created if there is none."""
    wanted = parameters_given(given)
    ask(
        context,
        lambda client: client.add_participant(**which(name), **wanted),
        as_json=as_json,
    )


@command.command()
@name_argument
@click.argument("url")
@click.option(
    "--keep",
    is_flag=True,
    help="Stay, and add it again whenever it is lost, until the call ends or Ctrl-C.",
)
@parameters_of(AddParticipant, without=("role", "ai_agent_stream_service_url"))
@as_json_flag
@click.pass_context
def ai(
    context: click.Context,
    /,
    name: str,
    url: str,
    *,
    keep: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Add an AI agent that is reached at a WebSocket URL."""
    wanted = parameters_given(given)
    if keep:
        setup.run(_keep(context.obj, url, which(name) | wanted))
        return
    wanted |= {"role": Role.AI_AGENT, "ai_agent_stream_service_url": url}
    ask(
        context,
        lambda client: client.add_participant(**which(name), **wanted),
        as_json=as_json,
    )


async def _keep(options: PlivoOptions, url: str, wanted: dict[str, Any]) -> None:
    def tell(member: Participant) -> None:
        click.echo(f"member {member.member_id} joined, call {member.call_uuid}")

    async with (
        options.client() as client,
        client.ai_agent(url=url, keep=True, returned=tell, **wanted) as member,
    ):
        tell(member)
        while not await is_over(client, member.mpc_uuid):  # noqa: ASYNC110 - elsewhere
            await asyncio.sleep(KEPT_LOOK_S)
        click.echo("the call has ended")


@command.command()
@name_argument
@members_argument
@click.pass_context
def kick(context: click.Context, /, name: str, members: str) -> None:
    """Throw members out."""
    ask(context, lambda client: client.kick(members=members, **which(name)))


def _state(word: str) -> None:
    change, text = STATES[word]

    @command.command(word, help=text)
    @name_argument
    @members_argument
    @click.option("--silently", is_flag=True, help="Without the sound that tells it.")
    @as_json_flag
    @click.pass_context
    def state(
        context: click.Context,
        name: str,
        members: str,
        *,
        silently: bool,
        as_json: bool,
    ) -> None:
        switches: dict[str, Any] = {**change, "disable_state_change_sound": silently}
        ask(
            context,
            lambda client: client.update(members=members, **which(name), **switches),
            as_json=as_json,
        )


for each in STATES:
    _state(each)


@command.command()
@name_argument
@click.option("--to", required=True, help="The person's number or SIP address.")
@click.option("--from", "sender", required=True, help="The caller id they see.")
@click.option(
    "--customer-hears",
    type=click.Choice(["hold music", "the AI"]),
    default="hold music",
    show_default=True,
    help="While the person is dialled.",
)
@click.option("--answer-timeout-s", type=float, default=45.0, show_default=True)
@as_json_flag
@click.pass_context
def transfer(
    context: click.Context, /, name: str, *, as_json: bool, **given: Any
) -> None:
    """Hand a call over from its AI agent to a person."""
    if name.startswith("uuid_"):
        raise MisuseError("transfer takes a call's name")
    ask(context, lambda client: client.transfer(name, **given), as_json=as_json)


for media in (mpc_media.record, mpc_media.play, mpc_media.speak):
    command.add_command(media)
