"""The Multiparty Call that a stream is in, for the bot that answers it."""

from collections.abc import Awaitable, Callable

from bridge.control.client import MpcClient
from bridge.errors import RefusedError, UnavailableError
from bridge.multiparty.vocabulary import MpcStatus, Role

__all__ = ["BoundCall"]


class BoundCall:
    """Operations on one Multiparty Call.

    A stream knows its own leg only. Callbacks tell which call that is in; where none
    come, it is looked for among the calls that go on, once.

    Args:
        client: Of the API.
        call_uuid: The AI agent's leg.
        told: The call's uuid, once a callback told it; else empty.
        invited: Its name or uuid, where the stream's token says it.
    """

    def __init__(
        self,
        client: MpcClient,
        call_uuid: str,
        told: Callable[[], str],
        invited: str = "",
    ) -> None:
        self._client = client
        self._invited = invited
        self._call_uuid = call_uuid
        self._told = told
        self._found = ""

    def __repr__(self) -> str:
        return f"<BoundCall {self._told() or self._found or 'not known yet'}>"

    async def uuid(self) -> str:
        """Which call it is.

        Raises:
            UnavailableError: If none of those that go on has the leg.
        """
        if self._told() or self._found:
            return self._told() or self._found
        if self._invited:
            self._found = await self._by_invitation()
            return self._found
        async for mpc in self._client.mpcs(status=MpcStatus.ACTIVE):
            if await self._has_leg(mpc.mpc_uuid):
                self._found = mpc.mpc_uuid
                return self._found
        raise UnavailableError(
            "find MPC", None, f"no call that goes on has the leg {self._call_uuid}"
        )

    async def _by_invitation(self) -> str:
        try:
            return (await self._client.get(self._invited)).mpc_uuid
        except RefusedError as error:
            # 404: it is no name, so it is the uuid.
            if error.status != 404:
                raise
            return self._invited

    async def _has_leg(self, mpc_uuid: str) -> bool:
        try:
            return bool(
                await self._client.participants(
                    uuid=mpc_uuid, call_uuid=self._call_uuid
                )
            )
        except RefusedError as error:
            # 404: it has ended meanwhile, or the leg was never in it.
            if error.status != 404:
                raise
            return False

    async def transfer(
        self,
        *,
        to: str,
        sender: str,
        brief: Callable[[], Awaitable[object]] | None = None,
        answer_timeout_s: float = 45.0,
    ) -> bool:
        """Hand the call over to a person, warmly; see `bridge.call.control`."""

        async def briefed(_person: object) -> None:
            if brief is not None:
                await brief()

        transfer = await self._client.transfer(
            uuid=await self.uuid(),
            to=to,
            sender=sender,
            brief=briefed,
            answer_timeout_s=answer_timeout_s,
        )
        return transfer.answered

    async def hold(self, *, is_held: bool) -> None:
        """Put the customers on hold, or back."""
        uuid = await self.uuid()
        for member in await self._client.participants(uuid=uuid):
            if member.role == Role.CUSTOMER:
                await self._client.update(
                    members=member.member_id, uuid=uuid, hold=is_held
                )

    async def record(self, *, is_on: bool) -> None:
        """Begin or end the recording of the whole call."""
        uuid = await self.uuid()
        if is_on:
            await self._client.start_recording(uuid=uuid)
        else:
            await self._client.stop_recording(uuid=uuid)
