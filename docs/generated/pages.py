"""The generated parts of the reference pages, by the name that a page calls them by."""

import json
from collections.abc import Callable, Mapping

from bridge.bots import registry
from docs.generated import rows
from docs.generated.commands import command_pages
from docs.generated.markdown import code, table

__all__ = ["PARTS"]


def options() -> str:
    """Every option, by section of the file."""
    parts = []
    for section, text in rows.option_sections():
        parts.append(f"## [{section}]\n\n{text}\n")
        parts += map(_option, rows.option_rows(section))
    return "\n".join(parts)


def _option(row: rows.OptionRow) -> str:
    return (
        f"{code(row.flag)}\n: {row.text}\n\n"
        f"  {code(row.variable)} in the environment, {code(row.line)} in the file.\n"
    )


def metrics() -> str:
    """Every metric of `serve`."""
    return table(
        ["metric", "type", "labels", "what"],
        [
            (code(each.name), each.kind, ", ".join(map(code, each.labels)), each.text)
            for each in rows.metric_rows()
        ],
    )


def messages() -> str:
    """Every message of the stream, with an example."""
    parts = []
    sender = ""
    for each in rows.message_rows():
        if each.sender != sender:
            sender = each.sender
            parts.append(f"## From {sender}\n")
        parts.append(f"### {each.event} (from {sender})\n\n{each.text}\n")
        parts.append(f"```json\n{json.dumps(each.example, indent=2)}\n```\n")
        fields = [
            (code(name), kind, "yes" if is_demanded else "")
            for name, kind, is_demanded in each.fields
        ]
        if fields:
            parts.append(table(["field", "read as", "needed"], fields))
    return "\n".join(parts)


def operations() -> str:
    """Every operation of the engine's API."""
    return table(
        ["request", "what", "answer"],
        [
            (f"{each.method} {code(_short(each.path))}", each.text, each.success)
            for each in rows.operation_rows()
        ],
    )


def operation_parameters() -> str:
    """What each operation can be given."""
    return table(
        ["operation", "parameters"],
        [
            (each.text, ", ".join(map(code, each.parameters)))
            for each in rows.operation_rows()
            if each.parameters
        ],
    )


def _short(path: str) -> str:
    return path.replace("/v1/Account/{auth_id}", "")


def errors() -> str:
    """Every exception that is raised on purpose."""
    return table(
        ["error", "is a", "what"],
        [(code(each.name), code(each.parent), each.text) for each in rows.error_rows()],
    )


def bots() -> str:
    """Every bot of the package and its options."""
    parts = []
    for point in registry.installed():
        bot = registry.describe(point)
        parts.append(f"## {bot.name}\n\n{bot.text}\n")
        options = [
            (code(option.name), _kind(option), option.text) for option in bot.options
        ]
        if options:
            parts.append(table(["option", "value", "what"], options))
    return "\n".join(parts)


def _kind(option: registry.Option) -> str:
    choices = [each.strip() for each in option.kind.split("|") if "|" in option.kind]
    if "None" in choices:
        # A type of Python, not words to choose from.
        choices = []
    values = " or ".join(map(code, choices))
    is_said = option.default not in ("", "None")
    default = f"default {code(option.default)}" if is_said else "optional"
    return "; ".join(filter(None, [values, "needed" if option.is_needed else default]))


PARTS: Mapping[str, Callable[[], str]] = {
    "bots": bots,
    "commands": command_pages,
    "errors": errors,
    "messages": messages,
    "metrics": metrics,
    "operations": operations,
    "operation parameters": operation_parameters,
    "options": options,
}
"""What may stand in a page as `<!-- generated: NAME -->`."""
