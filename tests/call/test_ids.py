"""Every line of the log about a call says which call it is about."""

import asyncio
import logging
from collections.abc import Iterator

import pytest

from bridge import Call
from bridge.call.ids import CALL_IDS, stamp
from bridge.speech import models
from tests.fakes.far_end import STREAM_ID, calling

LOG = logging.getLogger("somebody.else")


class Kept(logging.Handler):
    """Keeps what a handler of the command line would have written."""

    def __init__(self) -> None:
        super().__init__()
        self.addFilter(stamp)
        self.streams: dict[str, str | None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.streams[record.getMessage()] = getattr(record, "stream_id", None)


@pytest.fixture
def kept() -> Iterator[Kept]:
    handler, root = Kept(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield handler
    root.removeHandler(handler)
    root.setLevel(before)


async def test_what_a_bot_logs_is_about_its_call(kept: Kept) -> None:
    """In its own task, in one it starts, in threads; and nobody else's is."""

    async def in_a_task() -> None:
        LOG.info("task")

    async def talkative(_call: Call) -> None:
        LOG.info("own")
        await asyncio.create_task(in_a_task())
        await asyncio.to_thread(LOG.info, "thread")
        await models.in_thread(LOG.info, "model")
        await models.at_once(LOG.info, "small model")

    async with calling(talkative):
        await asyncio.sleep(1)
        LOG.info("elsewhere")

    about = {words: kept.streams[words] for words in ("own", "task", "thread", "model")}
    assert set(about.values()) == {STREAM_ID}
    assert kept.streams["small model"] == STREAM_ID
    assert kept.streams["elsewhere"] is None


async def test_every_line_of_a_call_has_its_ids(kept: Kept) -> None:
    """What the socket brings is taken outside of the call's task."""

    async def wait(call: Call) -> None:
        async for _frame in call.listen():
            pass

    async with calling(wait) as far_end:
        await asyncio.sleep(0.1)
        far_end.session.receive(b"not json")
        await asyncio.to_thread(LOG.info, "elsewhere")

    lines = {words: stream for words, stream in kept.streams.items() if stream}
    assert [words.partition(" ")[0] for words in lines] == ["call", "<", "call"]
    assert set(lines.values()) == {STREAM_ID}


async def test_the_multiparty_call_is_named_once_it_is_known(kept: Kept) -> None:
    """By the callback that tells it; the same ids are in the log from then on."""

    async def wait(call: Call) -> None:
        async for _frame in call.listen():
            pass

    async with calling(wait) as far_end:
        call = far_end.session.call
        assert (call.mpc_uuid, "mpc_uuid" in call.ids) == ("", False)
        call.mpc_uuid = "m"
        assert (call.mpc_uuid, call.ids["mpc_uuid"]) == ("m", "m")


def test_a_line_about_another_call_keeps_to_that() -> None:
    """Ids are not mixed."""

    async def line() -> logging.LogRecord:
        CALL_IDS.set({"stream_id": "own", "trace_id": "own"})
        record = logging.makeLogRecord({"stream_id": "other"})
        assert stamp(record)
        return record

    record = asyncio.run(line())
    assert record.__dict__["stream_id"] == "other"
    assert "trace_id" not in record.__dict__
