"""Who gets in: probes are answered, streams are checked, counted and limited."""

import collections
import dataclasses
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus

from pydantic import SecretStr
from websockets.http11 import Request

from bridge import metrics as metrics_module
from bridge.call.bot import InService
from bridge.control.tokens import without_token
from bridge.metrics import Metrics
from bridge.server.allowance import Allowance
from bridge.server.authentication import Authentication, Grant
from bridge.server.connection import Connection
from bridge.server.elsewhere import STREAMS, Elsewhere, account_key, address_key
from bridge.server.guest import Refusal
from bridge.server.options import ServerOptions
from bridge.server.proxies import Origin, Proxies

__all__ = ["STREAM_PATH", "Admission", "Admitted"]

_LOG = logging.getLogger(__name__)

STREAM_PATH = "/stream"

PLAIN_PATH = re.compile(r"/(?!/)[!-\"$-~]*")
"""Without host, fragment, or what a terminal obeys."""

BURST_S = 5.0
"""So many seconds' worth of handshakes may come at once."""

MINUTE_S = 60.0

MOST_ADDRESSES = 10_000
"""Whose refusals are counted; of more, those refused least lately are forgotten."""


@dataclasses.dataclass(frozen=True, slots=True)
class Admitted:
    """An upgrade that was let in."""

    bot: InService
    address: str
    """Of the far end, behind proxies that are trusted."""
    grant: Grant


class Admission:
    """Looks at every request to the stream port.

    Args:
        bots: Who answers, by name.
        options: Of the listener.
        auth_token: Of the account, for signatures; None where it is not known.
        metrics: The process's counts.
        now_s: The loop's clock.

    Raises:
        ConfigError: If something is asked of streams that there is no secret for.
    """

    def __init__(
        self,
        bots: Mapping[str, InService],
        options: ServerOptions,
        auth_token: SecretStr | None,
        metrics: Metrics,
        now_s: Callable[[], float],
    ) -> None:
        self.is_ready = False
        self.authentication = Authentication(options.access, auth_token)
        self.elsewhere = Elsewhere()
        """The streams of other processes, which count as those of this one."""
        self.silent_workers: tuple[int, ...] = ()
        """Other processes of this server that do not answer now."""
        self._bots = bots
        self._options = options
        self._metrics = metrics
        self._now_s = now_s
        self._proxies = Proxies(options.access.trusted_proxies)
        self._handshakes = Allowance(
            options.access.handshakes_per_s,
            max(1.0, BURST_S * options.access.handshakes_per_s),
            now_s(),
        )
        self._refusals: collections.OrderedDict[str, Allowance] = (
            collections.OrderedDict()
        )

    def admit(
        self,
        request: Request,
        peer: str,
        streams: Iterable[Connection],
        *,
        may_resume: bool = False,
    ) -> Admitted:
        """Look at a request.

        Args:
            request: Its path and headers.
            peer: The address at the other end of the socket.
            streams: Those that are open.
            may_resume: Whether a call waits for its socket to come back: it may even
                when no new ones are taken.

        Raises:
            Refusal: If it is a probe, which is answered, or not let in.
        """
        if not PLAIN_PATH.fullmatch(request.path):
            raise Refusal(HTTPStatus.BAD_REQUEST, "that is no path\n")
        path = request.path.partition("?")[0].rstrip("/") or "/"
        upgrades = [word.lower() for word in request.headers.get_all("Upgrade")]
        if "websocket" not in upgrades:
            raise self._probe(path)
        origin = self._proxies.origin(peer, request.headers)
        try:
            return self._stream(
                request, path, origin, list(streams), may_resume=may_resume
            )
        except Refusal as refusal:
            raise self._counted(refusal, request, origin) from None

    def account_is_full(self, account_id: str, of_account: int) -> bool:
        """Whether an account has all the streams it may have."""
        most = self._options.access.max_streams_per_account
        of_account += self.elsewhere.count(account_key(account_id))
        if not most or of_account < most:
            return False
        self._metrics.streams_refused["account"] += 1
        _LOG.warning("account %s has %d streams: no more", account_id, of_account)
        return True

    # ------------------------------------------------------------------ inside

    def _stream(
        self,
        request: Request,
        path: str,
        origin: Origin,
        streams: list[Connection],
        *,
        may_resume: bool,
    ) -> Admitted:
        if len(request.path) > self._options.access.max_url_bytes:
            raise Refusal(
                HTTPStatus.REQUEST_URI_TOO_LONG, "the URL is too long\n", why="url"
            )
        grant = self.authentication.check(request, origin.host)
        bot = self._bot_at(path)
        if not self._handshakes.takes(self._now_s()):
            raise self._not_now("handshakes", "too many upgrades in a second")
        if not self.is_ready and not may_resume:
            raise self._not_now("draining", "this server is stopping")
        most = self._options.max_streams
        if len(streams) + self.elsewhere.count(STREAMS) >= most:
            raise self._not_now("full", f"{most} streams are open, no more fit")
        most = self._options.access.max_streams_per_address
        theirs = sum(each.address == origin.address for each in streams)
        theirs += self.elsewhere.count(address_key(origin.address))
        if most and theirs >= most:
            raise self._not_now("address", f"{most} streams are yours, no more fit")
        self.authentication.spend(grant)
        return Admitted(bot, origin.address, grant)

    def _counted(self, refusal: Refusal, request: Request, origin: Origin) -> Refusal:
        """Count a refusal; who is wrong again and again is cut short.

        Whoever is right gets in all the same, were it from the same address: behind a
        proxy that nobody told us of, all have one.
        """
        self._metrics.streams_refused[refusal.why] += 1
        if refusal.retry_after_s is not None:
            return refusal
        allowance = self._refusals.pop(origin.address, None)
        if allowance is None:
            most = self._options.access.refusals_per_minute
            allowance = Allowance(most / MINUTE_S, most, self._now_s())
        self._refusals[origin.address] = allowance
        if len(self._refusals) > MOST_ADDRESSES:
            self._refusals.popitem(last=False)
        if allowance.takes(self._now_s()):
            _LOG.warning(
                "refused %s from %s: %s",
                without_token(request.path)[:200],
                origin.address,
                refusal.body.strip(),
            )
            return refusal
        self._metrics.streams_refused["again_and_again"] += 1
        return Refusal(
            HTTPStatus.TOO_MANY_REQUESTS,
            "refused too often\n",
            retry_after_s=int(MINUTE_S),
        )

    def _not_now(self, why: str, text: str) -> Refusal:
        return Refusal(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{text}\n",
            retry_after_s=self._options.retry_after_s,
            why=why,
        )

    @property
    def readiness(self) -> str:
        """Whether new streams are taken, in a line."""
        if not self.is_ready:
            return "draining\n"
        if self.silent_workers:
            numbers = ", ".join(map(str, self.silent_workers))
            return f"ready; workers that do not answer: {numbers}\n"
        return "ready\n"

    def _bot_at(self, path: str) -> InService:
        if path == STREAM_PATH:
            return next(iter(self._bots.values()))
        prefix, _, name = path.rpartition("/")
        if prefix != STREAM_PATH or name not in self._bots:
            known = ", ".join(f"{STREAM_PATH}/{each}" for each in self._bots)
            raise Refusal(
                HTTPStatus.NOT_FOUND,
                f"no bot at {path}; there are {STREAM_PATH}, {known}\n",
                why="not_found",
            )
        return self._bots[name]

    def _probe(self, path: str) -> Refusal:
        match path:
            case "/healthz":
                return Refusal(HTTPStatus.OK, "ok\n")
            case "/readyz" if self.is_ready:
                return Refusal(HTTPStatus.OK, self.readiness)
            case "/readyz":
                return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, self.readiness)
            case "/metrics":
                return Refusal(
                    HTTPStatus.OK,
                    self._metrics.exposition().decode(),
                    content_type=metrics_module.CONTENT_TYPE,
                )
        if path.startswith(STREAM_PATH):
            return Refusal(
                HTTPStatus.UPGRADE_REQUIRED, "this is a WebSocket: connect with ws://\n"
            )
        return Refusal(
            HTTPStatus.NOT_FOUND,
            f"nothing at {path}; there are {STREAM_PATH} (WebSocket), /healthz, "
            "/readyz, /metrics\n",
        )
