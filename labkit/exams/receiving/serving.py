"""Run the service: where it listens, how it is encrypted, and that there is one at a time."""

from __future__ import annotations

import asyncio
import signal
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from labkit.core.errors import InvalidInputError, StorageError
from labkit.exams.envelope.archive import Limits
from labkit.exams.receiving.agreement import is_loopback
from labkit.exams.receiving.folder import Receiving
from labkit.exams.signing import Keys

__all__ = ["Place", "serve"]

_MOST_OPEN = 1 << 16


@dataclass(frozen=True, slots=True)
class Place:
    """Where the service listens.

    Attributes
    ----------
    host : str
    port : int
    certificate, key : Path or None
        Files of TLS, in PEM.
    behind_proxy : bool
        Whether a proxy on this machine encrypts.
    """

    host: str = "127.0.0.1"
    port: int = 8870
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False

    def insist(self) -> None:
        """Refuse a place where somebody on the way could listen.

        Raises
        ------
        InvalidInputError
            When another machine can reach it and nothing encrypts, or a proxy can be passed by.
        """
        if not 0 < self.port < 1 << 16:
            raise InvalidInputError(f"expected a port from 1 to 65535, got {self.port}")
        if (self.certificate is None) != (self.key is None):
            raise InvalidInputError("expected --certificate FILE and --key FILE together")
        if self.behind_proxy and (self.certificate is not None or not is_loopback(self.host)):
            raise InvalidInputError(
                "expected neither --host nor --certificate beside --behind-proxy: the proxy encrypts, and "
                "the service listens on this machine alone, so that nobody can pass the proxy by"
            )
        if self.certificate is None and not is_loopback(self.host):
            raise InvalidInputError(
                f"{self.host} can be reached from other machines: give --certificate FILE and --key FILE, "
                "or let a proxy on this machine encrypt and say --behind-proxy"
            )

    def encryption(self) -> ssl.SSLContext | None:
        """Return what encrypts; None on this machine alone."""
        if self.certificate is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.load_cert_chain(self.certificate, self.key)
        except (OSError, ssl.SSLError) as error:
            raise InvalidInputError(f"cannot use {self.certificate} with {self.key}: {error}") from None
        return context


def serve(receiving: Receiving, keys: Keys, place: Place, tell: Callable[[str], None]) -> None:
    """Receive until the process is asked to end.

    Raises
    ------
    InvalidInputError
        When the place will not do, or cannot be listened at.
    StorageError
        When another service runs for the same folder.
    """
    place.insist()
    encryption = place.encryption()
    alone = FileLock(receiving.folder / ".serving.lock")
    try:
        alone.acquire(timeout=0)
    except Timeout:
        raise StorageError(
            f"a service for {receiving.folder} runs already, it may be without a window: end it first"
        ) from None
    try:
        asyncio.run(_serve(receiving, keys, place, encryption, tell))
    finally:
        alone.release()


async def _serve(
    receiving: Receiving,
    keys: Keys,
    place: Place,
    encryption: ssl.SSLContext | None,
    tell: Callable[[str], None],
) -> None:
    from labkit.exams.receiving.server import make_server
    from labkit.exams.receiving.taking import Desk

    _allow_connections()
    desk = Desk(receiving, keys, Limits().archive)
    server = make_server(desk, keys.master, encryption, tell)
    try:
        server.listen(place.port, place.host)
    except OSError as error:
        raise InvalidInputError(f"cannot listen at {place.host}:{place.port}: {error.strerror}") from None
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    if hasattr(signal, "SIGHUP"):
        # The window that it prints to was closed: the exam goes on.
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows ends the process by itself.
        with suppress(NotImplementedError):
            loop.add_signal_handler(number, ended.set)
    scheme = "http" if encryption is None else "https"
    tell(f"receiving at {scheme}://{place.host}:{place.port}, for candidates {receiving.receiver.url}")
    await ended.wait()
    server.stop()
    await server.close_all_connections()
    arrivals = desk.arrivals
    tell(f"stopped after {len(arrivals.lines)} entries; head {arrivals.head}")


def _allow_connections() -> None:
    """Let as many come as the system allows: each is an open file, and many systems begin with 1024."""
    try:
        import resource
    except ImportError:  # Windows counts no files
        return
    now, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_OPEN if most == resource.RLIM_INFINITY else min(most, _MOST_OPEN)
    if 0 <= now < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
