"""The far end in one process behaves as one behind a socket."""

import asyncio

from tests.performance.line import frame, lines, talk


async def test_every_frame_is_answered() -> None:
    """By one of audio, behind the cushion; checkpoints come back, once a second."""
    async with lines(2) as opened:
        await talk(opened, 200)
        await asyncio.sleep(0.2)

        # The last frame is still in the resampler, and in the lead.
        assert [line.answers for line in opened] == [201, 201]
        assert all(line.acknowledged >= 4 for line in opened)


async def test_it_stays_for_minutes() -> None:
    """Pings are answered."""
    async with lines(1, 8000, "audio/x-mulaw") as opened:
        for _ in range(120):
            await talk(opened, 1)
            await asyncio.sleep(1.0)

        assert not opened[0].is_closing()
        assert opened[0].answers >= 120


def test_frames_are_of_websocket() -> None:
    """Masked, as a client's; the length of longer ones takes two bytes more."""
    assert frame(b"ab") == b"\x81\x82\x00\x00\x00\x00ab"
    assert frame(b"x" * 300)[:4] == b"\x81\xfe\x01\x2c"
