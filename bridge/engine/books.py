"""What is written down of calls: rows of the history, durations, and what they cost."""

import dataclasses
import math
from typing import Any

from bridge.engine.clock import Clock
from bridge.engine.recording import Recording
from bridge.engine.room import Member, Room
from bridge.multiparty.vocabulary import RecordingState

__all__ = ["Bill", "Books"]

BILLED_S = 60
"""A minute that has begun is billed."""


@dataclasses.dataclass(frozen=True, slots=True)
class Bill:
    """What somebody's time costs."""

    duration_s: int
    billed_s: int
    amount_usd: str
    """Five places, as in the API."""


class Books:
    """Writes rows.

    Args:
        clock: What time it is.
        account: Whose calls they are.
        per_minute_usd: What a minute of one participant costs.
    """

    def __init__(self, clock: Clock, account: str, per_minute_usd: float) -> None:
        self._clock = clock
        self._account = account
        self._per_minute_usd = per_minute_usd

    def bill(self, *durations_s: float) -> Bill:
        """Bill participants, each by the begun minute."""
        billed_s = sum(BILLED_S * math.ceil(each / BILLED_S) for each in durations_s)
        amount = billed_s / BILLED_S * self._per_minute_usd
        return Bill(round(sum(durations_s)), billed_s, f"{amount:.5f}")

    def bill_for(self, room: Room) -> Bill:
        """Bill a whole call: its duration is its own, the minutes are everybody's."""
        bill = self.bill(*(_stayed_s(member) for member in room.former))
        began_s = room.created_s if room.started_s is None else room.started_s
        lasted_s = (room.ended_s or began_s) - began_s
        return dataclasses.replace(bill, duration_s=round(lasted_s))

    def mpc(self, room: Room, recording: RecordingState) -> dict[str, Any]:
        """A call, as a row."""
        over = room.termination
        bill = self.bill_for(room) if room.is_over else None
        return {
            "mpc_uuid": room.mpc_uuid,
            "account": self._account,
            "friendly_name": room.name,
            "status": room.status.value,
            "creation_time": self._clock.epoch_s(room.created_s),
            "start_time": self._epoch_s(room.started_s),
            "end_time": self._epoch_s(room.ended_s),
            "stay_alone": room.stay_alone,
            "max_participants": room.max_participants,
            "max_duration": room.max_duration_s,
            "recording": recording.value,
            "termination_cause": over.cause if over else None,
            "termination_cause_code": over.code if over else None,
            "billed_duration": bill.billed_s if bill else None,
            "billed_amount": bill.amount_usd if bill else None,
        }

    def participant(self, room: Room, member: Member) -> dict[str, Any]:
        """A member, as a row."""
        bill = self.bill(_stayed_s(member)) if member.exit_s is not None else None
        return {
            "mpc_uuid": room.mpc_uuid,
            "member_id": int(member.member_id),
            "call_uuid": member.call_uuid,
            "member_address": member.address,
            "role": member.role.value,
            "join_time": self._clock.epoch_s(member.join_s),
            "exit_time": self._epoch_s(member.exit_s),
            "exit_cause": member.exit_cause.value if member.exit_cause else None,
            "mute": member.mute,
            "hold": member.hold,
            "coach_mode": member.coach_mode,
            "start_mpc_on_enter": member.start_mpc_on_enter,
            "end_mpc_on_exit": member.end_mpc_on_exit,
            "billed_duration": bill.billed_s if bill else None,
            "billed_amount": bill.amount_usd if bill else None,
        }

    def recording(
        self, room: Room, recording: Recording, member_id: str | None
    ) -> dict[str, Any]:
        """A recording, as a row."""
        is_over = recording.ended_s is not None
        return {
            "recording_id": recording.recording_id,
            "mpc_uuid": room.mpc_uuid,
            "member_id": int(member_id) if member_id else None,
            "file_format": recording.file_format,
            "start_time": self._clock.epoch_s(recording.started_s),
            "end_time": self._epoch_s(recording.ended_s),
            "duration": recording.duration_s if is_over else None,
            "error": recording.error,
        }

    def _epoch_s(self, loop_s: float | None) -> float | None:
        return None if loop_s is None else self._clock.epoch_s(loop_s)


def _stayed_s(member: Member) -> float:
    return 0.0 if member.exit_s is None else member.exit_s - member.join_s
