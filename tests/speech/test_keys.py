"""Entries of keys."""

import asyncio

from bridge.speech.keys import KeyPad


async def test_an_entry_ends_by_key_time_or_length() -> None:
    """The end key is no part of it; alone it is an empty one."""
    entries: list[str] = []
    pad = KeyPad("#", 4, 1.0, entries.append)
    for key in "12#":
        pad.press(key)
    pad.press("3")
    assert pad.is_open
    await asyncio.sleep(0.9)
    pad.press("4")
    await asyncio.sleep(0.9)
    assert entries == ["12"]
    await asyncio.sleep(0.2)
    for key in "5678#":
        pad.press(key)
    assert entries == ["12", "34", "5678", ""]
    assert not pad.is_open


async def test_nothing_comes_after_it_is_closed() -> None:
    """A call that is over enters nothing."""
    entries: list[str] = []
    pad = KeyPad("", 4, 1.0, entries.append)
    pad.press("#")
    pad.close()
    await asyncio.sleep(2.0)
    assert entries == []
