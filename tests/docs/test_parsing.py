"""A command that click would not take is found out without running it."""

import pytest

from tests.docs.parsing import misunderstood, our_commands


@pytest.mark.parametrize(
    "line",
    [
        "mpc-bridge demo --bot echo --press 1#@2.5",
        "mpc-bridge mpc --local add demo --role customer --from +1 --to +2",
        "mpc-bridge serve --no-callbacks --help",
        "mpc-bridge load --plan no-such-file.toml",
        "mpc-bridge",
    ],
)
def test_what_is_right_is_understood(line: str) -> None:
    """Whether files are there is the run's to say."""
    (arguments,) = our_commands(line)
    assert misunderstood(arguments) is None


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("mpc-bridge demo --bott echo", "--bott"),
        ("mpc-bridge dmeo", "dmeo"),
        ("mpc-bridge mpc --local muet demo 1", "muet"),
        ("mpc-bridge mpc mute demo", "MEMBERS"),
        ("mpc-bridge demo echo", "echo"),
        ("mpc-bridge completion csh", "csh"),
    ],
)
def test_what_is_wrong_is_told(line: str, wrong: str) -> None:
    """With the word that click stumbles over."""
    (arguments,) = our_commands(line)
    assert wrong in str(misunderstood(arguments))


def test_running_text_may_leave_things_out() -> None:
    """But not invent any."""
    assert misunderstood(["mpc", "mute"], may_lack=True) is None
    assert misunderstood(["mpc", "mute", "--loudly"], may_lack=True) is not None


def test_our_commands_are_found_in_a_line() -> None:
    """Among others, in quotes, before comments."""
    line = (
        "taskset -c 1 mpc-bridge load 'a;b' && mpc-bridge bots | grep x  # mpc-bridge y"
    )

    assert our_commands(line) == [["load", "a;b"], ["bots"]]
