"""Real-time transcription: what members say, told utterance by utterance.

What Plivo posts for a Multiparty Call is not documented; here it is what it posts for
recordings (`transcription`, `duration`, `call_uuid`), with who said it and when.
"""

import asyncio
import collections
import dataclasses
import logging

import numpy as np

from bridge.audio.activity import Activity
from bridge.audio.pcm import FRAME_MS, Samples
from bridge.engine.conference import Conference
from bridge.engine.legs import RATE_HZ
from bridge.engine.lines import Line
from bridge.engine.reporter import Reporter
from bridge.engine.room import Member
from bridge.engine.targets import Target
from bridge.speech.recognition import Recognizer
from bridge.tasks import Spawn

__all__ = ["Transcriber"]

_LOG = logging.getLogger(__name__)

BEFORE_FRAMES = 15
"""Kept from before speech was noticed: the first sound of a word is quiet."""

MOST_S = 14.0
"""An utterance is cut after so long; recognizers do badly on longer ones."""


@dataclasses.dataclass(slots=True)
class _Ear:
    """What one member says."""

    activity: Activity = dataclasses.field(default_factory=Activity)
    before: collections.deque[Samples] = dataclasses.field(
        default_factory=lambda: collections.deque(maxlen=BEFORE_FRAMES)
    )
    utterance: list[Samples] = dataclasses.field(default_factory=list)


class Transcriber:
    """Listens to the calls that want it.

    Args:
        recognizer: Understands; None where none is installed.
        reporter: Is told what was said.
        spawn: Runs the recognition.
    """

    def __init__(
        self, recognizer: Recognizer | None, reporter: Reporter, spawn: Spawn
    ) -> None:
        self._recognizer = recognizer
        self._reporter = reporter
        self._spawn = spawn
        self._targets: dict[str, Target | None] = {}
        self._ears: dict[tuple[str, str], _Ear] = {}
        self._one_at_a_time = asyncio.Lock()

    @property
    def is_installed(self) -> bool:
        """Whether there is a recognizer."""
        return self._recognizer is not None

    def begin(self, conference: Conference, url: str | None) -> None:
        """Transcribe a call from now on."""
        target = Target(url) if url else None
        self._targets[conference.room.mpc_uuid] = target

    def over(self, conference: Conference) -> None:
        """A call has ended, or is not transcribed any more."""
        self._targets.pop(conference.room.mpc_uuid, None)

    def member_left(self, conference: Conference, member_id: str) -> None:
        """A member has gone; what they said last is still told."""
        ear = self._ears.pop((conference.room.mpc_uuid, member_id), None)
        if ear is None or not ear.utterance:
            return
        for line in conference.lines:
            if line.member is not None and line.member.member_id == member_id:
                self._end_utterance(conference, line, ear)

    def hear(self, conference: Conference) -> None:
        """Take what was said in this tick."""
        mpc_uuid = conference.room.mpc_uuid
        if mpc_uuid not in self._targets:
            return
        for line in conference.lines:
            if line.member is None or not line.is_audible:
                continue
            key = (mpc_uuid, line.member.member_id)
            ear = self._ears.setdefault(key, _Ear())
            turned = ear.activity.push(line.said)
            if ear.activity.is_speaking:
                if turned:
                    ear.utterance = list(ear.before)
                ear.utterance.append(line.said)
            elif turned:
                self._end_utterance(conference, line, ear)
            ear.before.append(line.said)
            if len(ear.utterance) * FRAME_MS > MOST_S * 1000:
                self._end_utterance(conference, line, ear)

    def _end_utterance(self, conference: Conference, line: Line, ear: _Ear) -> None:
        if not ear.utterance:
            return
        utterance = np.concatenate(ear.utterance)
        ear.utterance = []
        target = self._targets.get(conference.room.mpc_uuid)
        if target is not None and line.member is not None:
            work = self._recognize(conference, line.member, target, utterance)
            self._spawn("transcription", work)

    async def _recognize(
        self, conference: Conference, member: Member, target: Target, utterance: Samples
    ) -> None:
        assert self._recognizer is not None
        try:
            async with self._one_at_a_time:
                text = await self._recognizer.recognize(utterance, RATE_HZ)
        # The edge of a plug-in: what it raises must not end the engine.
        except Exception:  # noqa: BLE001
            _LOG.exception("an utterance was not transcribed")
            return
        if text:
            length_s = len(utterance) / RATE_HZ
            self._reporter.transcript(conference.room, member, target, text, length_s)
