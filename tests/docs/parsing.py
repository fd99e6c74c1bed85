"""Whether a command of ours would be understood, without running it."""

import itertools
import shlex

import click

from bridge.cli.main import cli
from tests.docs.pages import without_comment

__all__ = ["misunderstood", "our_commands"]

BETWEEN_COMMANDS = set("();<>|&")
"""What a shell's commands are told apart by."""


def our_commands(line: str) -> list[list[str]]:
    """The calls of `mpc-bridge` in a line of a shell, as their arguments."""
    lexer = shlex.shlex(without_comment(line), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    found = []
    for is_between, words in itertools.groupby(
        lexer, lambda word: set(word) <= BETWEEN_COMMANDS
    ):
        command = [] if is_between else list(words)
        if command and command[0] in ("docker", "kubectl"):
            # Images, namespaces and deployments have our name, too.
            command = command[command.index("exec") :] if "exec" in command else []
        if "mpc-bridge" in command:
            found.append(command[command.index("mpc-bridge") + 1 :])
    return found


def misunderstood(arguments: list[str], *, may_lack: bool = False) -> str | None:
    """Tell what click would not take; None if it would.

    Args:
        arguments: After `mpc-bridge`.
        may_lack: Whether what is needed may be missing, as in running text.
    """
    command: click.Command = cli
    parent: click.Context | None = None
    name = "mpc-bridge"
    try:
        while True:
            context = click.Context(command, info_name=name, parent=parent)
            rest = list(arguments)
            # `--help` would be obeyed right here.
            rest = [each for each in rest if each not in ("--help", "-h", "--version")]
            asks_help = rest != arguments
            if not isinstance(command, click.Group):
                command.make_parser(context).parse_args(args=list(rest))
                if not (may_lack or asks_help):
                    _check(command, name, rest, parent)
                return None
            context.allow_interspersed_args = False
            _, rest, _ = command.make_parser(context).parse_args(args=rest)
            if not rest:
                return None
            found, child, arguments = command.resolve_command(context, rest)
            if child is None:
                return f"no command {rest[0]}"
            name, command, parent = found or name, child, context
    except click.MissingParameter as error:
        return None if may_lack else error.format_message()
    except click.UsageError as error:
        return error.format_message()


def _check(
    command: click.Command, name: str, rest: list[str], parent: click.Context | None
) -> None:
    try:
        command.make_context(name, rest, parent=parent)
    except click.BadParameter as error:
        # Whether a file exists is the run's to say.
        if "does not exist" not in error.format_message():
            raise
