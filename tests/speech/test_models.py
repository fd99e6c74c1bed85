"""Where models come from."""

import asyncio
import hashlib
import sys
import threading
from pathlib import Path

import pytest

from bridge.errors import ConfigError
from bridge.speech import models


def test_a_file_of_a_package_is_found_and_checked() -> None:
    """Without importing the package; another file than expected is refused."""
    import mailbox  # noqa: PLC0415

    content = Path(mailbox.__file__).read_bytes()
    good = hashlib.sha256(content).hexdigest()
    assert models.asset("mailbox", "mailbox.py", sha256=good).content() == content
    with pytest.raises(ConfigError, match="another file than expected"):
        models.asset("mailbox", "mailbox.py", sha256="0" * 64).content()
    with pytest.raises(ConfigError, match=r"nothing\.onnx: No such file"):
        models.asset("mailbox", "nothing.onnx", sha256=good).content()


def test_what_is_missing_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights, and what runs them."""
    with pytest.raises(ConfigError, match=r"no_such_package.*mpc-bridge\[local\]"):
        models.asset("no_such_package", "x", sha256="")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match=r"onnxruntime.*mpc-bridge\[local\]"):
        models.session(b"")


async def test_a_model_is_loaded_once_by_whoever_comes_first() -> None:
    """Others wait for it."""
    made: list[int] = []

    def make() -> str:
        made.append(1)
        return "model"

    load = models.Loader(make)
    assert list(await asyncio.gather(load(), load(), load())) == ["model"] * 3
    assert made == [1]


def test_models_run_in_threads_of_their_own() -> None:
    """Never on the event loop."""

    async def main() -> str:
        return await models.in_thread(lambda: threading.current_thread().name)

    assert asyncio.run(main()).startswith("speech")


def test_what_is_not_installed_is_not() -> None:
    """Without importing what is."""
    assert models.is_installed("json")
    assert not models.is_installed("no_such_module")
