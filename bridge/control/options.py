"""Where the API is, and as whom it is asked."""

import dataclasses
from typing import TYPE_CHECKING

from pydantic import SecretStr

from bridge.errors import ConfigError

if TYPE_CHECKING:
    from bridge.control.client import MpcClient

__all__ = ["PLIVO_URL", "PlivoOptions"]

PLIVO_URL = "https://api.plivo.com"


@dataclasses.dataclass(frozen=True, slots=True)
class PlivoOptions:
    """The account; the variables are those that Plivo's SDKs read."""

    auth_id: str = ""
    """The account's auth id."""
    auth_token: SecretStr = dataclasses.field(default_factory=lambda: SecretStr(""))
    """Its auth token: for the API, and for the signatures of callbacks and streams:
    with it, what is not signed is refused (`stream_auth`)."""
    api_url: str = PLIVO_URL
    """Where the API is; the local engine prints its own."""
    stream_secret: SecretStr | None = None
    """Makes the tokens that AI agents' URLs carry; None makes none."""

    def client(self) -> "MpcClient":
        """A client of the API.

        Raises:
            ConfigError: If the account is not known.
        """
        if not self.auth_id or not self.auth_token.get_secret_value():
            raise ConfigError(
                "which account: set PLIVO_AUTH_ID and PLIVO_AUTH_TOKEN, or give "
                "--auth-id and --auth-token; or --local for the local engine"
            )
        # It brings httpx, which a server without an account does not need.
        from bridge.control.client import MpcClient  # noqa: PLC0415

        return MpcClient(
            self.auth_id,
            self.auth_token,
            url=self.api_url,
            stream_secret=self.stream_secret,
        )
