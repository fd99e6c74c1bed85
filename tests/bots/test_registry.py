"""Bots by name, by module, by file."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from bridge.bots import registry
from bridge.errors import ConfigError

MINE = """
from pydantic import BaseModel

async def plain(call): ...

class Simple:
    sample_rate_hz = 8000
    async def __call__(self, call): ...
    async def setup(self): ...

class Picky:
    class Options(BaseModel):
        words: int = 3
        voice: str
    def __init__(self, options): self.options = options
    async def __call__(self, call): ...

NOTHING = 5

class NotAsync:
    def __call__(self, call): ...

async def yields(call):
    yield

class Needy(Simple):
    def __init__(self, model): ...

class OddRate(Simple):
    sample_rate_hz = "8000"

class OddSetup(Simple):
    def setup(self): ...
"""


@pytest.fixture
def mine(tmp_path: Path) -> str:
    path = tmp_path / "my_bots.py"
    path.write_text(MINE)
    return str(path)


def test_the_box_has_five() -> None:
    """Found as any package's bots are."""
    described = [registry.describe(point) for point in registry.installed()]

    names = [each.name for each in described]
    assert names == ["conversation", "echo", "realtime", "remote", "scripted"]
    assert described[1].options[0].name == "sample_rate_hz"
    assert described[1].options[0].default == "16000"
    assert described[-1].options[0].default == ""
    assert all(each.text for each in described)
    assert all(option.text for each in described for option in each.options)


def test_an_installed_bot_is_made_with_its_options() -> None:
    """Given as text."""
    bot = registry.load("echo", {"sample_rate_hz": "24000"})

    assert (bot.name, bot.sample_rate_hz) == ("echo", 24000)


def test_functions_and_classes_from_files(mine: str) -> None:
    """With and without options."""
    assert registry.load(f"{mine}:plain").sample_rate_hz == 16000
    assert registry.load(f"{mine}:Simple", name="mine").name == "mine"
    assert registry.load(f"{mine}:Simple").sample_rate_hz == 8000
    picky = registry.load(f"{mine}:Picky", {"voice": "low", "words": "7"})
    assert picky.answer.options.words == 7  # type: ignore[attr-defined]


def test_a_module_is_found_in_the_working_folder(
    mine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with `python -m`."""
    monkeypatch.chdir(Path(mine).parent)
    monkeypatch.setattr("sys.path", [*sys.path])

    assert registry.load("my_bots:plain").name == "plain"


@pytest.mark.parametrize(
    ("spec", "options", "what"),
    [
        (
            "ecko",
            {},
            "no bot named 'ecko', did you mean 'echo'.*are conversation, echo",
        ),
        ("none.py:x", {}, "no file none.py"),
        ("no_such_module:x", {}, "cannot import no_such_module"),
        ("{mine}:plan", {}, "has no 'plan', did you mean 'plain'"),
        ("{mine}:NOTHING", {}, "no function or class: 5"),
        ("{mine}:plain", {"a": "1"}, "has no options, got a"),
        ("{mine}", {}, "which bot of .*there are .*:plain, .*:Simple, .*:Picky"),
        (":", {}, "expected module:name or file.py:name"),
        ("{mine}:NotAsync", {}, "is no async function"),
        ("{mine}:yields", {}, "without `yield`"),
        ("{mine}:Needy", {}, "its __init__ is given nothing"),
        ("{mine}:OddRate", {}, "sample_rate_hz is '8000', allowed are whole"),
        ("{mine}:OddSetup", {}, "setup is no async method"),
        ("{mine}:Picky", {"voise": "x"}, "no option 'voise', did you mean 'voice'"),
        ("{mine}:Picky", {}, "voice: Field required"),
        ("{mine}:Picky", {"voice": "x", "words": "many"}, "words: .*integer"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_wrong_is_said(
    mine: str, spec: str, options: dict[str, str], what: str
) -> None:
    """With the nearest name there is."""
    with pytest.raises(ConfigError, match=what):
        registry.load(spec.replace("{mine}", mine), options)


def test_a_file_that_does_not_compile_is_said(tmp_path: Path) -> None:
    """Not a traceback of the import."""
    (tmp_path / "bad.py").write_text("def (")

    with pytest.raises(ConfigError, match="cannot import .*bad.py"):
        registry.load(f"{tmp_path / 'bad.py'}:x")


def test_a_broken_package_names_its_entry_point() -> None:
    """Which one, and where it points."""
    point = EntryPoint("broken", "nowhere:x", registry.ENTRY_POINTS)

    with pytest.raises(ConfigError, match=r"bot broken \(nowhere:x\)"):
        registry.describe(point)


def test_what_is_made_already_takes_no_options(tmp_path: Path) -> None:
    """They would be passed over; and of a file, bots alone are offered."""
    path = tmp_path / "made_bots.py"
    path.write_text(
        "async def tool(people: int, day: str) -> str: ...\n"
        "import pydantic\nclass Bot:\n    class Options(pydantic.BaseModel): ...\n"
        "    async def __call__(self, call): ...\n"
        "made = Bot()\nasync def plain(call): ...\nnumber = 5\n"
    )
    with pytest.raises(ConfigError, match="made is made already, and takes no options"):
        registry.load(f"{path}:made", {"rules": "x"})
    with pytest.raises(ConfigError, match="there are .*:Bot, .*:made, .*:plain$"):
        registry.load(str(path))
