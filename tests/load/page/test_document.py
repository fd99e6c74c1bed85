"""The page: whole, safe, and alone."""

import re
from html.parser import HTMLParser

import pytest

from bridge.load.page import page
from tests.load.made import a_report, a_tally

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Tags(HTMLParser):
    """Sees that what is opened is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            if name in ("src", "href", "xlink:href"):
                self.links.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    assert tags.open == []
    return tags


def test_it_is_whole_and_needs_nothing_else() -> None:
    tags = parsed(page(a_report(fail_if=["underruns > 3", "calls < 1"])))
    assert len(tags.ids) == len(set(tags.ids))
    assert all(link.startswith("#") for link in tags.links)
    assert "@import" not in tags.text


def test_it_says_what_the_report_says() -> None:
    text = parsed(page(a_report(fail_if=["underruns > 3"]))).text
    assert "Load test of ws://127.0.0.1:1/<b>&c?..." in text
    assert "Reliable" in text
    assert "FAILED" in text
    assert "<odd> & 'end'" in text
    assert "streams 2, underruns 4" in text


def test_an_unreliable_run_says_so_first() -> None:
    text = page(a_report(a_tally(late_s=0.02)))
    assert text.index("UNRELIABLE") < text.index("Key figures")
    assert "20.0 ms late" in text


def test_markup_in_names_stays_words() -> None:
    text = page(a_report())
    assert "<odd>" not in text
    assert "<b>&c" not in text


@pytest.mark.parametrize("figure", ["round_trip_ms", "own_late_ms"])
def test_what_was_not_measured_is_not_drawn(figure: str) -> None:
    tally = a_tally()
    del tally.histograms[figure]
    drawn = re.findall(r'aria-label="([^"]*)"', page(a_report(tally)))
    assert drawn
    assert not any(
        {"round_trip_ms": "Percentiles of round", "own_late_ms": "own sends"}[figure]
        in label
        for label in drawn
    )
