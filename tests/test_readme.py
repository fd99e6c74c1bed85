"""The README tells the truth: its options, its commands, its bot.

Run as a program, it writes the table of options.
"""

import re
from pathlib import Path
from typing import Any

from bridge import config
from bridge.call.bot import InService
from bridge.cli.main import COMMANDS

README = Path(__file__).parents[1] / "README.md"
MARKS = re.compile(r"(<!-- options[^\n]*-->\n).*?(<!-- /options -->)", re.DOTALL)


def table() -> str:
    rows = ["| flag | default | what |", "|---|---|---|"]
    for section in config.SECTIONS:
        rows.append(f"| **[{section}]** | | `{variable(section)}` |")
        for option in config.options_of(section):
            shown = "" if option.name.endswith("token") else f"`{option.default}`"
            rows.append(f"| `{option.flag}` | {shown} | {option.text} |")
    return "\n".join(rows) + "\n"


def variable(section: str) -> str:
    first = next(config.options_of(section))
    return f"{first.variable}=..."


def written(text: str) -> str:
    return MARKS.sub(lambda found: found[1] + table() + found[2], text)


def test_the_options_are_those_of_the_code() -> None:
    """Flags, defaults and words; `python tests/test_readme.py` writes them."""
    text = README.read_text()

    assert text == written(text)


def test_it_opens_with_the_two_commands() -> None:
    """That are all a fresh machine needs."""
    lines = README.read_text().splitlines()

    assert lines[2].strip().startswith("make demo")
    assert lines[3].strip().startswith("make test")


def test_every_command_it_shows_exists() -> None:
    """None is misspelt or gone."""
    shown = set(re.findall(r"mpc-bridge ([a-z]+)", README.read_text()))

    assert shown <= set(COMMANDS) | {"is"}


def test_its_bots_are_bots() -> None:
    """What a newcomer copies is Python, and would be taken."""
    codes = re.findall(
        r"```python\n# my_bots.py.*?\n(.*?)```", README.read_text(), re.S
    )
    names: dict[str, Any] = {}
    for code in codes:
        exec(compile(code, "README.md", "exec"), names)

    assert InService.of("parrot", names["parrot"]).sample_rate_hz == 16000
    greeter = names["Greeter"](names["Greeter"].Options(greeting="hello.wav"))
    assert InService.of("greeter", greeter).sample_rate_hz == 8000


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
