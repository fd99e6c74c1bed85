"""What the API answers, as Plivo's pages print it."""

from bridge.multiparty.objects import Added, Mpc, MpcPage, Participant, Played
from bridge.multiparty.vocabulary import MpcStatus, Termination


def test_the_documented_mpc_is_read() -> None:
    """The list's example; the status in any case, unknown fields kept."""
    mpc = Mpc.model_validate(
        {
            "billed_amount": "0.05000",
            "billed_duration": 60,
            "duration": 2,
            "creation_time": "2020-12-24 15:23:38+05:30",
            "friendly_name": "test_mpc_1",
            "mpc_uuid": "4ed623a5-9f3e-45e0-9e7e-3d19a94b3bd3",
            "status": "ended",
            "termination_cause": "No Active Participants",
            "termination_cause_code": 1000,
            "something_new": 1,
        }
    )

    assert mpc.status is MpcStatus.ENDED
    assert mpc.model_extra == {"something_new": 1}
    over = Termination.NO_ACTIVE_PARTICIPANTS
    assert (mpc.termination_cause_code, mpc.termination_cause) == (
        over.code,
        over.cause,
    )


def test_an_exit_cause_has_two_names() -> None:
    """The tables say one, the examples the other; roles come in any case."""
    for name in ("exit_cause", "participant_exit_cause"):
        member = Participant.model_validate(
            {"member_id": "355", "mpc_uuid": "u", "role": "Agent", name: "why"}
        )
        assert (member.exit_cause, member.role) == ("why", "agent")


def test_adding_answers_with_calls() -> None:
    """One for each destination."""
    added = Added.model_validate(
        {
            "message": "add participant action initiated",
            "request_uuid": "8420",
            "calls": [
                {"to": "917702643094", "from": "918888888888", "call_uuid": "0b"}
            ],
        }
    )

    assert added.calls[0].from_ == "918888888888"
    assert MpcPage.model_validate({"objects": []}).meta.count is None


def test_nonsense_is_left_to_the_types() -> None:
    """A role or status that is no string stays what it is, and fails there."""
    for model, body in (
        (Mpc, {"mpc_uuid": "u", "friendly_name": "n", "status": 5}),
        (Participant, {"member_id": "1", "mpc_uuid": "u", "role": 5}),
    ):
        try:
            model.model_validate(body)
        except ValueError as error:
            assert "5" in str(error)
        else:
            raise AssertionError(model)


def test_adding_is_answered_in_two_forms() -> None:
    """A list of calls, or one flat call."""
    flat = Added.model_validate({"call_uuid": "c", "member_id": "5"})
    assert flat.call_uuid == "c"
    assert Added.model_validate({"request_uuid": "r", "calls": []}).call_uuid == "r"
    assert Added.model_validate({}).call_uuid == ""


def test_playing_is_answered_with_the_members() -> None:
    """In Plivo's own spelling."""
    body = {"message": "play queued", "mpcMemberId": ["355"], "mpcName": "demo"}
    played = Played.model_validate(body)
    assert (played.member_ids, played.mpc_name) == (["355"], "demo")


def test_a_members_id_may_be_a_number() -> None:
    """It is a string here."""
    body = {"member_id": 5, "mpc_uuid": "u", "role": "Agent"}
    assert Participant.model_validate(body).member_id == "5"
