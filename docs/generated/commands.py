"""The command line as Markdown, every command and option, from click's tree."""

import inspect
from collections.abc import Iterator

import click

from bridge.cli.main import cli
from docs.generated.markdown import code, table

__all__ = ["all_commands", "command_pages"]

ROOT = "mpc-bridge"


def all_commands() -> Iterator[tuple[str, click.Command]]:
    """Every command with its words, parents first."""
    yield from _below(ROOT, cli)


def _below(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=words)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None:
                yield from _below(f"{words} {name}", child)


def command_pages() -> str:
    """A section for each command: usage, words, options."""
    return "\n".join(_section(words, command) for words, command in all_commands())


def _section(words: str, command: click.Command) -> str:
    level = "###" if len(words.split()) > len((ROOT, "command")) else "##"
    context = click.Context(command, info_name=words)
    usage = " ".join(command.collect_usage_pieces(context))
    parts = [f"{level} {words}\n", f"```text\n{words} {usage}\n```\n"]
    parts += _words(command.help or "")
    rows = list(_options(command, context))
    if rows:
        parts.append(table(["option", "what"], rows))
    return "\n".join(parts)


def _words(text: str) -> Iterator[str]:
    r"""Paragraphs as they are; after \b lines keep their ends."""
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b\n"):
            yield f"```text\n{paragraph[2:]}\n```\n"
        else:
            yield paragraph.replace("_...", "\\_...") + "\n"


def _options(
    command: click.Command, context: click.Context
) -> Iterator[tuple[str, str]]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None or "--help" in parameter.opts:
            continue
        names, text = record
        yield code(names), text.replace("<", "&lt;").replace("*", "\\*")
