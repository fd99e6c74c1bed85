"""Options from a file, the environment and flags."""

from pathlib import Path

import pytest

from bridge import config
from bridge.errors import ConfigError


def test_every_option_has_words_and_a_default() -> None:
    """They become help and reference."""
    for section in config.SECTIONS:
        options = list(config.options_of(section))
        assert options
        assert all(len(option.text) > 10 for option in options)


def test_later_sources_win() -> None:
    """File, then environment, then flags; the default where nobody says."""
    file = {"server": {"port": 1, "max_streams": 2, "drain_s": 3}}
    environment = {"BRIDGE_MAX_STREAMS": "20", "BRIDGE_DRAIN_S": "30"}
    flags = {"drain_s": 300.0, "host": None}

    assert config.compose("server", file, environment, flags) == {
        "port": 1,
        "max_streams": 20,
        "drain_s": 300.0,
    }


def test_the_engines_variables_carry_its_name() -> None:
    """Both may run on one machine."""
    environment = {"BRIDGE_PORT": "1", "BRIDGE_ENGINE_PORT": "2"}

    assert config.compose("engine", {}, environment, {}) == {"port": 2}
    assert config.compose("server", {}, environment, {}) == {"port": 1}


@pytest.mark.parametrize(
    ("file", "environment", "what"),
    [
        ({"server": {"port": "x"}}, {}, r"\[server\] port: .*integer.*, got 'x'"),
        ({}, {"BRIDGE_PORT": "x"}, "BRIDGE_PORT: .*integer"),
    ],
)
def test_a_wrong_value_names_its_source(
    file: dict[str, dict[str, str]], environment: dict[str, str], what: str
) -> None:
    """The file's section and key, or the variable."""
    with pytest.raises(ConfigError, match=what):
        config.compose("server", file, environment, {})


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[servre]", "unknown section: 'servre'; did you mean 'server'"),
        (
            "[server]\nprot = 1",
            r"unknown option in \[server\]: 'prot'; did you mean 'port'",
        ),
        ("[server]\nzzz = 1", "known: host, port"),
        ("server = 1", r"server is a section: write \[server\]"),
        ("[server", "bridge.toml: "),
        (None, "No such file"),
    ],
    ids=str,
)
def test_a_file_with_a_mistake_is_refused(
    tmp_path: Path, text: str | None, what: str
) -> None:
    """With the nearest name there is."""
    path = tmp_path / "bridge.toml"
    if text is not None:
        path.write_text(text)

    with pytest.raises(ConfigError, match=what):
        config.read_file(path)


def test_a_file_is_read(tmp_path: Path) -> None:
    """Bots have sections of their own."""
    path = tmp_path / "bridge.toml"
    path.write_text('[server]\nport = 1\n[bots.sales]\nuse = "echo"')

    assert config.read_file(path) == {
        "server": {"port": 1},
        "bots": {"sales": {"use": "echo"}},
    }


def test_a_secret_is_not_repeated_in_an_error() -> None:
    """Nor anywhere else."""
    file = {"engine": {"auth_token": 12345}}

    with pytest.raises(ConfigError) as caught:
        config.compose("engine", file, {}, {})
    assert "12345" not in str(caught.value)
