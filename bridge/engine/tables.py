"""The tables of the history."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import sqlalchemy as sa

__all__ = ["METADATA", "MPCS", "PARTICIPANTS", "RECORDINGS", "Row"]

Row: TypeAlias = Mapping[str, Any]

METADATA = sa.MetaData()

MPCS = sa.Table(
    "mpcs",
    METADATA,
    sa.Column("mpc_uuid", sa.String(36), primary_key=True),
    sa.Column("engine", sa.String(64), nullable=False),
    sa.Column("account", sa.String(64), nullable=False, index=True),
    sa.Column("friendly_name", sa.Text, nullable=False, index=True),
    sa.Column("status", sa.String(16), nullable=False),
    sa.Column("creation_time", sa.Float, nullable=False, index=True),
    sa.Column("start_time", sa.Float),
    sa.Column("end_time", sa.Float),
    sa.Column("stay_alone", sa.Boolean, nullable=False),
    sa.Column("max_participants", sa.Integer, nullable=False),
    sa.Column("max_duration", sa.Integer, nullable=False),
    sa.Column("recording", sa.String(16), nullable=False),
    sa.Column("termination_cause", sa.Text),
    sa.Column("termination_cause_code", sa.Integer),
    sa.Column("billed_duration", sa.Integer),
    sa.Column("billed_amount", sa.String(24)),
)

PARTICIPANTS = sa.Table(
    "participants",
    METADATA,
    sa.Column("mpc_uuid", sa.String(36), primary_key=True),
    sa.Column("member_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("call_uuid", sa.String(36), nullable=False, index=True),
    sa.Column("member_address", sa.Text, nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("join_time", sa.Float, nullable=False),
    sa.Column("exit_time", sa.Float),
    sa.Column("exit_cause", sa.Text),
    sa.Column("mute", sa.Boolean, nullable=False),
    sa.Column("hold", sa.Boolean, nullable=False),
    sa.Column("coach_mode", sa.Boolean, nullable=False),
    sa.Column("start_mpc_on_enter", sa.Boolean, nullable=False),
    sa.Column("end_mpc_on_exit", sa.Boolean, nullable=False),
    sa.Column("billed_duration", sa.Integer),
    sa.Column("billed_amount", sa.String(24)),
)

RECORDINGS = sa.Table(
    "recordings",
    METADATA,
    sa.Column("recording_id", sa.String(36), primary_key=True),
    sa.Column("engine", sa.String(64), nullable=False),
    sa.Column("mpc_uuid", sa.String(36), nullable=False, index=True),
    sa.Column("member_id", sa.Integer),
    sa.Column("file_format", sa.String(3), nullable=False),
    sa.Column("start_time", sa.Float, nullable=False),
    sa.Column("end_time", sa.Float),
    sa.Column("duration", sa.Float),
    sa.Column("error", sa.Text, nullable=False),
)
