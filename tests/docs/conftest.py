"""Says at the end what of the documentation was not run, and why."""

from collections import Counter

import pytest

from tests.docs.pages import all_pages


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A line for each reason, with the places."""
    places: dict[str, list[str]] = {}
    for page in all_pages():
        for block in page.blocks():
            reason = page.reason(block)
            if reason is not None and (block.is_shell or block.language == "python"):
                places.setdefault(reason, []).append(block.place)
    counts = Counter({reason: len(found) for reason, found in places.items()})
    terminalreporter.section(f"{counts.total()} blocks of the documentation not run")
    for reason, found in places.items():
        terminalreporter.write_line(f"{reason}: {', '.join(found)}")
