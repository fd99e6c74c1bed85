"""The next frame of running speech: in C what it is in Python."""

import base64
import os
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.audio.codecs import ALAW, L16, ULAW, Codec
from bridge.audio.line import ToWire
from bridge.audio.pcm import Samples
from bridge.call import sending
from bridge.call.sending import PlainSending, new_sending
from tests.uncompiled import uncompiled

COMPILED = sending._sending  # type: ignore[attr-defined]
KINDS: list[Any] = [PlainSending]
if COMPILED is not None:
    KINDS.append(COMPILED.Sending)

BEGIN, END = b'\x81\x7e\x01\xc8{"payload":"', b'"}'


@pytest.mark.skipif("CI" not in os.environ, reason="elsewhere there may be no compiler")
def test_ci_compiles_it() -> None:
    """Else what is below has tried one of them only."""
    assert COMPILED is not None


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__module__.rpartition(".")[2])
def kind(request: pytest.FixtureRequest) -> Any:
    return request.param


def running(kind: Any, codec: Codec = L16, bot_hz: int = 8000) -> Any:
    """Speech that runs: 100 ms were sent at 0 s, and frames are due at once."""
    made = kind(8000)
    made.write_as(BEGIN, END, ToWire(codec, bot_hz, 8000), bot_hz // 50, 160, 0.14)
    made.book(800, 0.0)
    made.zero_s = made.runs_from_s = 0.0
    return made


def noise(count: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).integers(-32768, 32768, count).astype(np.int16)


@pytest.mark.parametrize("codec", [L16, ULAW, ALAW], ids=lambda codec: codec.name)
@pytest.mark.parametrize("bot_hz", [8000, 16000, 24000, 48000])
def test_a_frame_becomes_its_message(kind: Any, codec: Codec, bot_hz: int) -> None:
    """As it would on the long way: filtered, coded, and in base64 between its words."""
    made, speaking = running(kind, codec, bot_hz), ToWire(codec, bot_hz, 8000)
    for number in range(5):
        frame = noise(bot_hz // 50, number)

        message = made.next(frame, 0.02 * number)

        payload = base64.b64encode(speaking.payload(frame))
        assert message == BEGIN + payload + END
        assert made.samples == 800 + 160 * (number + 1)
    assert made.behind(800) == [
        (960 + 160 * number, pytest.approx(0.02 * number)) for number in range(5)
    ]


@pytest.mark.parametrize(
    ("frame", "now_s"),
    [
        (noise(159), 0.05),
        (noise(161), 0.05),
        (noise(0), 0.05),
        (noise(160), -0.041),
        (noise(160), 0.101),
    ],
    ids=["short", "long", "empty", "early", "late"],
)
def test_what_is_out_of_the_ordinary_is_left_alone(
    kind: Any, frame: Samples, now_s: float
) -> None:
    """And nothing has happened."""
    made = running(kind)

    assert made.next(frame, now_s) is None

    assert made.samples == 800
    assert made.behind(0) == [(800, 0.0)]
    assert made.next(noise(160), 0.05) is not None


def test_a_model_that_may_be_dry_is_somebody_elses_matter(kind: Any) -> None:
    """The ledger looks at it, and asks again."""
    made = running(kind)
    made.runs_from_s = -0.06

    assert made.next(noise(160), 0.05) is None
    assert made.next(noise(160), 0.03) is not None


def test_before_it_is_told_how_it_writes_nothing(kind: Any) -> None:
    """And what it was told first does not stay."""
    made = kind(8000)
    made.zero_s = made.runs_from_s = 0.0
    assert made.next(noise(160), 0.0) is None

    made = running(kind)
    made.write_as(b"<", b">", ToWire(ULAW, 8000, 8000), 160, 160, 0.14)
    assert made.next(noise(160), 0.05) == (
        b"<" + base64.b64encode(ULAW.encode(noise(160))) + b">"
    )


def test_only_so_many_sendings_are_remembered(kind: Any) -> None:
    """Older ones count as sent with the oldest of these."""
    made = kind(8000)
    for number in range(1, 301):
        made.book(160, number / 50)

    assert made.behind(160 * 299) == [(160 * 300, 6.0)]
    assert len(made.behind(0)) == 128
    assert made.behind(0)[0] == (160 * 173, 173 / 50)
    assert made.behind(160 * 300) == []


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["next", "next", "next", "every other", "book", "go on"]),
        st.sampled_from([160, 320, 320, 320, 480]),
        st.integers(-10, 60),
    ),
    max_size=30,
)


@pytest.mark.skipif(COMPILED is None, reason="there was no compiler at installation")
@given(steps=STEPS, codec=st.sampled_from([L16, ULAW]))
def test_both_do_the_same(steps: Sequence[tuple[str, int, int]], codec: Codec) -> None:
    """Bit for bit, whatever comes when."""
    assert COMPILED is not None
    both = [
        running(PlainSending, codec, 16000),
        running(COMPILED.Sending, codec, 16000),
    ]
    now_s = 0.0
    for number, (step, count, passed_ms) in enumerate(steps):
        now_s += passed_ms / 1000
        said = []
        for made in both:
            match step:
                case "next":
                    said.append(made.next(noise(count, number), now_s))
                case "every other" if made is both[1]:
                    # It wants them in one piece.
                    assert made.next(noise(2 * count, number)[::2], now_s) is None
                case "book":
                    made.book(count, now_s)
                case "go on":
                    made.zero_s = now_s - made.samples / 8000
                    made.runs_from_s = made.zero_s - passed_ms / 1000
        assert len(set(said)) <= 1
        assert both[0].samples == both[1].samples
        assert both[0].behind(0) == both[1].behind(0)


class TestCompiled:
    """What the one in C says to those who misuse it."""

    pytestmark = pytest.mark.skipif(
        COMPILED is None, reason="there was no compiler at installation"
    )

    @pytest.mark.parametrize(
        ("begin", "frame", "wire_frame", "codes"),
        [
            (b"x" * 239, 160, 160, None),
            (b"x" * 256, 160, 160, None),
            (b"", 0, 160, None),
            (b"", 961, 961, None),
            (b"", 320, 160, None),
            (b"", 160, 160, b"few"),
            (b"", 160, 160, "text"),
        ],
    )
    def test_frames_that_cannot_be_written(
        self, begin: bytes, frame: int, wire_frame: int, codes: object
    ) -> None:
        """They are refused at once, and nothing is written then."""
        assert COMPILED is not None
        made = running(COMPILED.Sending)
        speaking: Any = SimpleNamespace(filter=None, codes=codes)

        with pytest.raises(ValueError, match="no frames are written like that"):
            made.write_as(begin, END, speaking, frame, wire_frame, 0.14)

        assert made.next(noise(160), 0.05) is None

    def test_a_filter_must_be_one_and_fit(self) -> None:
        """Else no memory is touched."""
        assert COMPILED is not None
        made = running(COMPILED.Sending)
        made.write_as(
            b"", b"", SimpleNamespace(filter=object(), codes=None), 160, 160, 0.14
        )
        assert made.next(noise(160), 0.05) is None

        made.write_as(b"", b"", ToWire(L16, 16000, 8000), 320, 161, 0.14)
        assert made.next(noise(320), 0.05) is None

    @pytest.mark.parametrize(
        "misuse",
        [
            lambda made: made.next(noise(160)),
            lambda made: made.next(noise(160), "now"),
            lambda made: made.book("a frame", 0.0),
            lambda made: made.behind("here"),
            lambda made: made.write_as(b"", b"", object(), 160, 160, 0.14),
            lambda made: made.write_as(
                b"", b"", SimpleNamespace(filter=None), 160, 160, 0.14
            ),
            lambda made: made.write_as(b""),
        ],
    )
    def test_misuse(self, misuse: Any) -> None:
        """It is an exception, as of Python's own."""
        assert COMPILED is not None
        with pytest.raises((TypeError, AttributeError)):
            misuse(running(COMPILED.Sending))


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is the other one."""
    plain = uncompiled(monkeypatch, sending, "bridge.call._sending")

    assert type(plain.new_sending(8000)) is plain.PlainSending
    assert type(new_sending(8000)) is KINDS[-1]
