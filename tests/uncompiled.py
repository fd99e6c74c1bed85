"""A module as it is where nothing was compiled at installation."""

import importlib.util
import sys
from types import ModuleType

import pytest


def uncompiled(
    monkeypatch: pytest.MonkeyPatch, module: ModuleType, extension: str
) -> ModuleType:
    """Import a module anew, with an extension missing."""
    monkeypatch.delattr(extension, raising=False)
    monkeypatch.setitem(sys.modules, extension, None)
    spec = importlib.util.spec_from_file_location("plain", module.__file__)
    assert spec is not None
    assert spec.loader is not None
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)
    return plain
