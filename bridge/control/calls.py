"""Operations on calls and on who is in them."""

from collections.abc import AsyncIterator
from typing import Any

from bridge.control import tokens
from bridge.control.operations import (
    Operations,
    body_of,
    checked,
    member_path,
    path_of,
)
from bridge.errors import MisuseError
from bridge.multiparty.objects import (
    Added,
    Mpc,
    MpcPage,
    Participant,
    ParticipantPage,
    Updated,
)
from bridge.multiparty.requests import AddParticipant, ListMpcs, UpdateParticipant

__all__ = ["CallOperations"]


class CallOperations(Operations):
    """Lists, adds, changes, ends."""

    # -------------------------------------------------------------- whole calls

    async def page(self, wanted: ListMpcs | None = None, **filters: Any) -> MpcPage:
        """List one page of calls, the newest first.

        Args:
            wanted: Which; or as keywords: `status="active"`, `end_time__gt=...`.
        """
        wanted = wanted or checked(ListMpcs, filters)
        query = wanted.model_dump(mode="json", exclude_none=True)
        if "status" in query:
            query["status"] = query["status"].lower()
        return await self._ask(MpcPage, "list MPCs", "GET", "", query=query)

    async def mpcs(self, **filters: Any) -> AsyncIterator[Mpc]:
        """Go through all calls that fit, page by page.

        Args:
            filters: As `page` takes them; `limit` is the size of a page.
        """
        offset = int(filters.pop("offset", 0))
        while True:
            page = await self.page(**filters, offset=offset)
            for mpc in page.objects:
                yield mpc
            offset += len(page.objects)
            total = page.meta.count
            if not page.objects or (total is not None and offset >= total):
                return

    async def get(self, name: str = "", *, uuid: str = "") -> Mpc:
        """Look a call up; by name only while it lives."""
        return await self._ask(Mpc, "get MPC", "GET", path_of(name, uuid))

    async def activate(self, name: str = "", *, uuid: str = "") -> None:
        """Start a call that waits for it."""
        body = {"status": "active"}
        await self._do("activate MPC", "POST", path_of(name, uuid), body)

    async def end(self, name: str = "", *, uuid: str = "") -> None:
        """End a call for everybody."""
        await self._do("end MPC", "DELETE", path_of(name, uuid))

    # -------------------------------------------------------------- participants

    async def add_participant(
        self,
        name: str = "",
        request: AddParticipant | None = None,
        *,
        uuid: str = "",
        **parameters: Any,
    ) -> Added:
        """Add a participant to a call, which is created if there is none.

        Args:
            name: The call's.
            request: Whom and how; or as keywords, with the API's names (`from_`).
            uuid: The call's, instead of its name.
            parameters: Instead of `request`.
        """
        request = request or checked(AddParticipant, parameters)
        body = body_of(request)
        url = request.ai_agent_stream_service_url
        if url and self._stream_secret is not None:
            body["ai_agent_stream_service_url"] = tokens.invited(
                url, self._stream_secret, mpc=uuid or name
            )
        # Servers disagree on these two defaults, so they are always said.
        body["status_callback_method"] = request.status_callback_method
        body["recording_callback_method"] = request.recording_callback_method
        path = f"{path_of(name, uuid)}Participant/"
        return await self._ask(Added, "add participant", "POST", path, body)

    async def participants(
        self, name: str = "", *, uuid: str = "", call_uuid: str = ""
    ) -> list[Participant]:
        """List the members of a call, the newest first.

        Args:
            name: The call's.
            uuid: The call's, instead of its name.
            call_uuid: Only those on this leg.
        """
        path = f"{path_of(name, uuid)}Participant/"
        query = {"call_uuid": call_uuid} if call_uuid else None
        page = await self._ask(
            ParticipantPage, "list participants", "GET", path, query=query
        )
        return page.objects

    async def participant(
        self, name: str = "", member_id: str = "", *, uuid: str = ""
    ) -> Participant:
        """Look a member up, also one who has left."""
        path = member_path(name, uuid, member_id)
        return await self._ask(Participant, "get participant", "GET", path)

    async def update(  # noqa: PLR0913 - each is a switch of its own
        self,
        name: str = "",
        members: str = "all",
        *,
        uuid: str = "",
        mute: bool | None = None,
        hold: bool | None = None,
        coach_mode: bool | None = None,
        disable_state_change_sound: bool = False,
    ) -> Updated:
        """Mute, hold or coach; what is None stays as it is."""
        change = checked(
            UpdateParticipant,
            {
                "mute": mute,
                "hold": hold,
                "coach_mode": coach_mode,
                "disable_state_change_sound": disable_state_change_sound,
            },
        )
        if coach_mode is not None and members == "all":
            raise MisuseError("coach_mode: cannot be updated for all members at once")
        path = member_path(name, uuid, members)
        # It says how things are to be, not what to do: asking twice does no harm.
        return await self._ask(
            Updated,
            "update participant",
            "POST",
            path,
            body_of(change),
            is_repeatable=True,
        )

    async def kick(self, name: str = "", members: str = "", *, uuid: str = "") -> None:
        """Throw members out."""
        await self._do("kick participant", "DELETE", member_path(name, uuid, members))
