"""The Multiparty Call REST API, one method per operation."""

from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self

import httpx
from pydantic import SecretStr

from bridge.control import agents, keeping, tokens
from bridge.control.agents import Brief, Transfer
from bridge.control.asking import Asking
from bridge.control.calls import CallOperations
from bridge.control.media import MediaOperations
from bridge.control.operations import checked
from bridge.control.options import PLIVO_URL
from bridge.multiparty.objects import Participant
from bridge.multiparty.requests import AddParticipant
from bridge.multiparty.vocabulary import Role
from bridge.stream.headers import format_extra_headers

__all__ = ["PLIVO_URL", "MpcClient"]


class MpcClient(CallOperations, MediaOperations):
    """Drives Multiparty Calls; an async context manager.

    A call is addressed by its friendly name while it lives, or by `uuid=` for ever.
    Members are ids as the API gives them: one, several by commas, or `all`.

    Every operation raises `RefusedError` if the API says no, `UnavailableError` if it
    cannot be reached or may work later, and `MisuseError` if what is asked cannot be.
    GET and DELETE are tried again when the API fails.

    Args:
        auth_id: The account.
        auth_token: Its token; never logged, never in a repr.
        url: Where the API is; the local engine prints its own.
        timeout_s: For each request.
        stream_secret: Shared with the stream server: AI agents are added with a token
            in their URL; see `bridge.control.tokens`. None: without.
        transport: For tests.
    """

    def __init__(  # noqa: PLR0913 - most are keywords with defaults
        self,
        auth_id: str,
        auth_token: str | SecretStr,
        *,
        url: str = PLIVO_URL,
        timeout_s: float = 10.0,
        stream_secret: str | SecretStr | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        token = SecretStr(auth_token) if isinstance(auth_token, str) else auth_token
        self._auth_id = auth_id
        super().__init__(Asking(auth_id, token, url, timeout_s, transport))
        if stream_secret:
            secret = stream_secret
            secret = SecretStr(secret) if isinstance(secret, str) else secret
            tokens.check_secret(secret)
            self._stream_secret = secret

    def __repr__(self) -> str:
        return f"<MpcClient {self._auth_id} at {self._asking.host}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        await self._asking.aclose()

    # --------------------------------------------------------------------- agents

    def ai_agent(  # noqa: PLR0913 - what is asked for is its keywords
        self,
        name: str = "",
        *,
        url: str,
        uuid: str = "",
        content_type: str = "audio/x-l16;rate=8000",
        headers: dict[str, str] | None = None,
        join_timeout_s: float = agents.JOIN_TIMEOUT_S,
        keep: bool = False,
        returned: keeping.Returned = lambda _member: None,
        **parameters: Any,
    ) -> AbstractAsyncContextManager[Participant]:
        """Have an AI agent in a call for the length of a block.

        Args:
            name: The call's; it is created if there is none.
            url: Of the stream server, `ws://` or `wss://`.
            uuid: The call's, instead of its name.
            content_type: Of the stream.
            headers: Told to the server with each message.
            join_timeout_s: How long it may take to join.
            keep: Whether it is added again whenever it is lost and the call lives:
                its server or the way there failed, or its bot left. Kicked out, as
                after a transfer, it stays out.
            returned: Told of the new member then.
            parameters: Others of `AddParticipant`.

        Returns:
            A context manager that gives the member, once it has joined; on the way
            out it is removed, whatever happened.

        Raises:
            UnavailableError: On entering, if it does not join in time.
        """
        given = {
            "role": Role.AI_AGENT,
            "ai_agent_stream_service_url": url,
            "ai_agent_stream_content_type": content_type,
            "ai_agent_stream_extra_headers": format_extra_headers(headers or {}),
            **parameters,
        }
        mpc = {"uuid": uuid} if uuid else {"name": name}
        request = checked(AddParticipant, given)
        if keep:
            return keeping.kept(self, mpc, request, join_timeout_s, returned)
        return agents.ai_agent(self, mpc, request, join_timeout_s)

    async def transfer(  # noqa: PLR0913 - its wishes are its keywords
        self,
        name: str = "",
        *,
        to: str,
        sender: str,
        uuid: str = "",
        brief: Brief | None = None,
        customer_hears: str = "hold music",
        answer_timeout_s: float = 45.0,
    ) -> Transfer:
        """Hand a call over from its AI agent to a person, warmly.

        See `bridge.control.agents.transfer`.
        """
        wishes = agents.Wishes(to, sender, brief, customer_hears, answer_timeout_s)
        mpc = {"uuid": uuid} if uuid else {"name": name}
        return await agents.transfer(self, mpc, wishes)
