"""TLS whose certificate may be renewed while the server runs."""

import asyncio
import logging
import ssl
from pathlib import Path

from bridge.errors import ConfigError

__all__ = ["Certificate"]

_LOG = logging.getLogger(__name__)

LOOK_S = 10.0
"""How often it is looked whether the files have changed."""


class Certificate:
    """A certificate and its key, for as many listeners as need them.

    Args:
        chain: PEM file of the certificate and those that sign it.
        key: PEM file of its key; None: it is in the same file.

    Raises:
        ConfigError: If they cannot be read, or do not fit each other.
    """

    def __init__(self, chain: Path, key: Path | None) -> None:
        self._files = (chain, key or chain)
        self.context = self._loaded()
        self._seen = self._stamps()

    async def follow(self) -> None:
        """Load the files anew whenever they change, for ever.

        Connections that are open stay as they are. Files that do not fit, as in the
        middle of a renewal, change nothing, and are said once.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            self.reload()

    def reload(self) -> bool:
        """Load the files if they have changed; whether they have, and are right."""
        stamps = self._stamps()
        if stamps == self._seen:
            return False
        self._seen = stamps
        try:
            # Tried on a context of its own: half a renewal must not be taken.
            self._loaded()
            self.context.load_cert_chain(*self._files)
        except (ConfigError, OSError) as error:
            _LOG.error("the certificate was not renewed: %s", error)
            return False
        _LOG.info("certificate %s renewed", self._files[0])
        return True

    def _loaded(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            # The empty password: else an encrypted key asks for one at the terminal.
            context.load_cert_chain(*self._files, password="")
        except ssl.SSLError as error:
            chain, key = self._files
            raise ConfigError(
                f"tls_certificate: {chain} and {key} are no certificate and its key: "
                f"{error.reason or error}"
            ) from error
        except OSError as error:
            raise ConfigError(
                f"tls_certificate: {error.filename or self._files[0]}: {error.strerror}"
            ) from error
        return context

    def _stamps(self) -> tuple[tuple[int, int], ...]:
        """Tell files from their successors, also behind symbolic links."""
        stamps = []
        for file in self._files:
            try:
                found = file.stat()
                stamps.append((found.st_mtime_ns, found.st_ino))
            except OSError:
                stamps.append((0, 0))
        return tuple(stamps)
