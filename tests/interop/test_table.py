"""The documents say what the tests found."""

import inspect

from plivo.resources.multipartycall import MultiPartyCalls

from tests.interop import test_plivo_python
from tests.interop.table import DOCUMENT, table
from tests.interop.test_plivo_python import RESULTS


def test_the_table_is_what_was_tested() -> None:
    """`python -m tests.interop.table` writes it."""
    assert DOCUMENT.read_text() == table()


def test_every_method_of_the_sdk_is_tested() -> None:
    """None is left out, and none is claimed."""
    methods = {
        name
        for name, value in vars(MultiPartyCalls).items()
        if callable(value) and not name.startswith("_")
    }
    assert set(RESULTS) == methods
    source = inspect.getsource(test_plivo_python)
    for name in methods:
        assert f"calls.{name}" in source
