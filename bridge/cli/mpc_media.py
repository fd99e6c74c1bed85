"""`mpc-bridge mpc record`, `play`, `speak`: what is heard."""

from collections.abc import Awaitable
from typing import Any

import click

from bridge.cli.mpc_asking import (
    as_json_flag,
    ask,
    members_argument,
    name_argument,
    which,
)
from bridge.cli.mpc_options import parameters_given, parameters_of
from bridge.control.client import MpcClient
from bridge.multiparty.requests import Speak, StartParticipantRecording

__all__ = ["play", "record", "speak"]


@click.group()
def record() -> None:
    """Record a call, or one of its members."""


member_argument = click.argument("member", required=False, default="")
track_option = click.option(
    "--track",
    type=click.Choice(["participant", "all", "both"]),
    default="all",
    show_default=True,
    help="Of a member: what they say, also what they hear, or both files.",
)


@record.command()
@name_argument
@member_argument
@parameters_of(StartParticipantRecording, without=("record_track_type",))
@track_option
@as_json_flag
@click.pass_context
def start(
    context: click.Context,
    /,
    name: str,
    member: str,
    track: str,
    *,
    as_json: bool,
    **given: Any,
) -> None:
    """Begin."""
    wanted = parameters_given(given)

    def begin(client: MpcClient) -> Awaitable[Any]:
        if not member:
            return client.start_recording(**which(name), **wanted)
        return client.start_participant_recording(
            member_id=member, track=track, **which(name), **wanted
        )

    ask(context, begin, as_json=as_json)


@record.command()
@name_argument
@member_argument
@track_option
@click.pass_context
def stop(context: click.Context, /, name: str, member: str, track: str) -> None:
    """End."""

    def finish(client: MpcClient) -> Awaitable[Any]:
        if not member:
            return client.stop_recording(**which(name))
        return client.stop_participant_recording(
            member_id=member, track=track, **which(name)
        )

    ask(context, finish)


@record.command()
@name_argument
@member_argument
@track_option
@click.option("--keep-silence", is_flag=True, help="The pause is not cut out.")
@click.pass_context
def pause(
    context: click.Context, /, name: str, member: str, track: str, *, keep_silence: bool
) -> None:
    """Stop for a while."""
    trims = not keep_silence

    def hold(client: MpcClient) -> Awaitable[Any]:
        if not member:
            return client.pause_recording(**which(name), trim_silence=trims)
        return client.pause_participant_recording(
            member_id=member, track=track, trim_silence=trims, **which(name)
        )

    ask(context, hold)


@record.command()
@name_argument
@member_argument
@track_option
@click.pass_context
def resume(context: click.Context, /, name: str, member: str, track: str) -> None:
    """Go on."""

    def go_on(client: MpcClient) -> Awaitable[Any]:
        if not member:
            return client.resume_recording(**which(name))
        return client.resume_participant_recording(
            member_id=member, track=track, **which(name)
        )

    ask(context, go_on)


@click.command()
@name_argument
@members_argument
@click.argument("urls", nargs=-1)
@click.option("--stop", "stops", is_flag=True, help="Stop what was started.")
@as_json_flag
@click.pass_context
def play(
    context: click.Context,
    /,
    name: str,
    members: str,
    urls: tuple[str, ...],
    *,
    stops: bool,
    as_json: bool,
) -> None:
    """Play audio files to members, one after another."""

    def playing(client: MpcClient) -> Awaitable[Any]:
        if stops:
            return client.stop_playing(members=members, **which(name))
        return client.play(members=members, urls=list(urls), **which(name))

    ask(context, playing, as_json=as_json)


@click.command()
@name_argument
@members_argument
@click.argument("text", default="")
@parameters_of(Speak, without=("text",))
@click.option("--stop", "stops", is_flag=True, help="Stop what was started.")
@as_json_flag
@click.pass_context
def speak(
    context: click.Context,
    /,
    name: str,
    members: str,
    text: str,
    *,
    stops: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Say a text to members."""
    wanted = parameters_given(given)

    def speaking(client: MpcClient) -> Awaitable[Any]:
        if stops:
            return client.stop_speaking(members=members, **which(name))
        return client.speak(members=members, text=text, **which(name), **wanted)

    ask(context, speaking, as_json=as_json)
