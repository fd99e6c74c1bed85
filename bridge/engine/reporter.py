"""Says what happens, to whom it may concern: the callbacks of a Multiparty Call."""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

from bridge.engine.books import Books
from bridge.engine.clock import Clock
from bridge.engine.lines import Line
from bridge.engine.notifier import Notifier
from bridge.engine.recording import Recording
from bridge.engine.room import Member, Room
from bridge.engine.targets import Target
from bridge.multiparty.callbacks import (
    CallStatusEvent,
    ExitAction,
    MpcEvent,
    RecordingEvent,
    StreamEvent,
    StreamState,
    TranscriptEvent,
)
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import (
    ADD_EVENTS,
    EventName,
    ExitCause,
    HangupCause,
    group_of,
)

__all__ = ["Reporter"]


@dataclasses.dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody who wants to know of a call."""

    target: Target
    groups: frozenset[str]
    numbers: Iterator[int]
    """Callbacks are numbered for each receiver, so that none seems to be missing."""


class Reporter:
    """Turns what happens into callbacks.

    Args:
        notifier: Delivers them.
        clock: What time it is.
        books: What things cost.
        account: Whose calls they are.
    """

    def __init__(
        self, notifier: Notifier, clock: Clock, books: Books, account: str
    ) -> None:
        self.public_url = ""
        """Where recordings are found."""
        self._notifier = notifier
        self._clock = clock
        self._books = books
        self._account = account
        self._subscriptions: dict[str, dict[Target, Subscription]] = {}
        self._recording_numbers: dict[str, Iterator[int]] = {}

    def subscribe(self, room: Room, request: AddParticipant) -> None:
        """Tell a participant's URL of the whole call, from now on.

        Plivo does not say what becomes of a second participant's URL; here everybody
        who brings one is told.
        """
        if request.status_callback_url is None:
            return
        target = Target(request.status_callback_url, request.status_callback_method)
        groups = frozenset(request.status_callback_events.split(","))
        known = self._subscriptions.setdefault(room.mpc_uuid, {})
        if target in known:
            groups |= known[target].groups
            numbers = known[target].numbers
        else:
            numbers = itertools.count(1)
        known[target] = Subscription(target, groups, numbers)

    def forget(self, room: Room) -> None:
        """Nothing more happens in a room."""
        self._subscriptions.pop(room.mpc_uuid, None)

    def is_wanted(self, room: Room, group: str) -> bool:
        """Whether anybody wants events of a group."""
        known = self._subscriptions.get(room.mpc_uuid, {})
        return any(group in each.groups for each in known.values())

    def mpc(
        self,
        room: Room,
        name: EventName,
        line: Line | None = None,
        member: Member | None = None,
        **more: Any,
    ) -> None:
        """Tell of something in a room."""
        known = self._subscriptions.get(room.mpc_uuid)
        if not known:
            return
        facts: dict[str, Any] = {
            "name": name,
            "timestamp": self._clock.when(),
            "mpc_uuid": room.mpc_uuid,
            "mpc_name": room.name,
        }
        if line is not None:
            facts |= {
                "call_uuid": line.call_uuid,
                "call_from": line.sender,
                "call_to": line.address,
                "call_direction": line.direction,
                "member_address": line.peer,
            }
            if line.request is not None:
                facts["role"] = line.request.role.value
                facts["sip_headers"] = line.request.sip_headers
        if member is not None:
            facts |= {
                "member_id": member.member_id,
                "member_address": member.address,
                "call_uuid": member.call_uuid,
                "role": member.role.value,
                "coach_mode": member.coach_mode,
                "join_time": self._clock.when(member.join_s),
            }
        facts |= more
        for each in known.values():
            if group_of(name) in each.groups:
                event = MpcEvent(**facts, sequence=next(each.numbers))
                self._notifier.tell(room.mpc_uuid, each.target, event.params())

    def ended(self, room: Room) -> None:
        """Tell of a room's end."""
        bill = self._books.bill_for(room)
        over = room.termination
        self.mpc(
            room,
            EventName.MPC_END,
            termination_cause=over.cause if over else None,
            termination_cause_code=over.code if over else None,
            duration_s=bill.duration_s,
            billed_duration_s=bill.billed_s,
            billed_amount=bill.amount_usd,
        )

    def added(self, line: Line, outcome: str | None) -> None:
        """Tell that a participant is being added, or of the outcome."""
        if line.room is None or not line.is_added:
            return
        if not self.is_wanted(line.room, ADD_EVENTS):
            return
        name = EventName.ADD_INITIATED if outcome is None else EventName.ADD_COMPLETED
        self.mpc(
            line.room,
            name,
            line,
            line.member,
            add_outcome=outcome,
            request_uuid=line.request_uuid,
        )

    def call(self, line: Line) -> None:
        """Tell how a call that was made stands, whatever room it is in by now."""
        request = line.dialled_with
        if request is None or request.call_status_callback_url is None:
            return
        facts: dict[str, Any] = {}
        is_over = line.status not in ("ringing", "in-progress")
        if is_over:
            cause = line.hangup or HangupCause.NORMAL
            begun_s = line.answered_s
            talked_s = 0.0 if begun_s is None else self._clock.now_s - begun_s
            bill = self._books.bill(talked_s)
            facts = {
                "hangup_cause": cause.words,
                "hangup_cause_code": cause.code,
                "hangup_source": cause.source,
                "duration_s": bill.duration_s,
                "bill_duration_s": bill.billed_s,
                "total_cost": bill.amount_usd,
                "start_time": self._clock.when(line.created_s),
                "answer_time": None if begun_s is None else self._clock.when(begun_s),
                "end_time": self._clock.when(),
            }
        event = CallStatusEvent(
            call_uuid=line.call_uuid,
            status=line.status,
            event={"ringing": "Ring", "in-progress": "StartApp"}.get(
                line.status, "Hangup"
            ),
            from_=line.sender,
            to=line.address,
            direction=line.direction,
            request_uuid=line.request_uuid,
            parent_auth_id=self._account,
            session_start=self._clock.when(line.created_s),
            sip_headers=request.sip_headers,
            caller_name=request.caller_name or line.sender,
            bill_rate=self._books.bill(60.0).amount_usd,
            **facts,
        )
        target = Target(
            request.call_status_callback_url, request.call_status_callback_method
        )
        self._notifier.tell(line.call_uuid, target, event.params())

    def stream(self, line: Line, state: StreamState, **more: Any) -> None:
        """Tell what became of an AI agent's stream."""
        request = line.dialled_with
        if request is None or request.ai_agent_stream_status_callback_url is None:
            return
        target = Target(
            request.ai_agent_stream_status_callback_url,
            request.ai_agent_stream_status_callback_method,
        )
        event = StreamEvent(
            state=state,
            call_uuid=line.call_uuid,
            timestamp=self._clock.when(),
            from_=line.sender,
            to=line.address,
            direction=line.direction,
            **more,
        )
        # Streams write their times in their own way.
        params = event.params()
        params["Timestamp"] = self._clock.when().strftime("%Y-%m-%dT%H:%M:%SZ")
        self._notifier.tell(line.call_uuid, target, params)

    def recording(
        self,
        room: Room,
        recording: Recording,
        target: Target | None,
        name: EventName,
        member_id: str | None = None,
    ) -> None:
        """Tell of a recording."""
        if target is None:
            return
        numbers = self._recording_numbers.setdefault(
            recording.recording_id, itertools.count(1)
        )
        ended_s = recording.ended_s
        url = self.recording_url(recording)
        event = RecordingEvent(
            name=name,
            timestamp=self._clock.when(),
            sequence=next(numbers),
            mpc_uuid=None if member_id else room.mpc_uuid,
            mpc_name=None if member_id else room.name,
            member_id=member_id,
            recording_uuid=recording.recording_id,
            url=url,
            resource_url=url.rpartition(".")[0] + "/",
            format=recording.file_format,
            duration_s=round(recording.duration_s),
            start_time=self._clock.when(recording.started_s),
            end_time=None if ended_s is None else self._clock.when(ended_s),
        )
        self._notifier.tell(room.mpc_uuid, target, event.params())
        if name in (
            EventName.RECORDING_COMPLETED,
            EventName.RECORDING_FAILED,
            EventName.PARTICIPANT_RECORDING_COMPLETED,
            EventName.PARTICIPANT_RECORDING_FAILED,
        ):
            del self._recording_numbers[recording.recording_id]

    def recording_url(self, recording: Recording) -> str:
        """Where a recording is found once it is complete."""
        return (
            f"{self.public_url}/v1/Account/{self._account}/Recording/"
            f"{recording.recording_id}.{recording.file_format}"
        )

    def exit_action(
        self, line: Line, room: Room, member: Member, cause: ExitCause
    ) -> dict[str, str]:
        """What an exit URL is asked with."""
        event = ExitAction(
            mpc_uuid=room.mpc_uuid,
            mpc_name=room.name,
            member_id=member.member_id,
            call_uuid=line.call_uuid,
            role=member.role.value,
            join_time=self._clock.when(member.join_s),
            end_time=self._clock.when(member.exit_s),
            exit_cause=cause.value,
            from_=line.sender,
            to=line.address,
            direction=line.direction,
        )
        return event.params()

    def notify(self, line: Line, target: Target, params: dict[str, str]) -> None:
        """Tell a URL whose answer nobody waits for."""
        self._notifier.tell(line.call_uuid, target, params)

    def transcript(
        self, room: Room, member: Member, target: Target, text: str, length_s: float
    ) -> None:
        """Tell what somebody said."""
        now_s = self._clock.now_s
        event = TranscriptEvent(
            transcription=text,
            call_uuid=member.call_uuid,
            mpc_uuid=room.mpc_uuid,
            mpc_name=room.name,
            member_id=member.member_id,
            role=member.role.value,
            start_time=self._clock.when(now_s - length_s),
            end_time=self._clock.when(now_s),
            duration=round(length_s, 2),
        )
        self._notifier.tell(room.mpc_uuid, target, event.params())
