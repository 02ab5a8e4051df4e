"""``labkit lab``: start the lab and say its address once it answers."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import ipaddress
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError, LabkitError
from labkit.core.paths import data_dir, ensure_dir
from labkit.server.browse import open_address
from labkit.server.environment import prepare_environment

if TYPE_CHECKING:
    from labkit.server.keeping import Limits
    from labkit.server.room import Room

__all__ = ["add_arguments", "address", "is_loopback", "port_of", "run", "serve"]

_PATIENCE = 60  # seconds until a server that does not answer is given up
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not listened on


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes; the environment (PORT, HOST, OPEN) gives the defaults."""
    parser.add_argument(
        "--port", default=os.environ.get("PORT") or "8888", help="port to listen on (PORT, or 8888)"
    )
    parser.add_argument(
        "--host",
        default=os.environ.get("HOST") or "127.0.0.1",
        help="address to listen on (HOST, or 127.0.0.1); any other address asks for a token",
    )
    parser.add_argument(
        "--no-browser",
        action="store_true",
        default=os.environ.get("OPEN", "").strip().lower() in {"no", "0", "false", "off"},
        help="do not open a browser (OPEN=no)",
    )
    parser.add_argument(
        "--no-training", action="store_true", help="do not train the victims of the labs in the background"
    )
    parser.add_argument(
        "--no-warm",
        action="store_true",
        help="launch every kernel by itself, instead of forking it from one that has imported everything",
    )


def run(args: argparse.Namespace) -> int:
    """Start the server and stay until it is stopped."""
    return serve(args, None, _announcement)


def serve(
    args: argparse.Namespace,
    room: Room | None,
    announcement: Callable[[Any], list[str]],
    limits: Limits | None = None,
    proxy: str = "",
) -> int:
    """Start a server, say its address once it answers, and stay until it is stopped.

    Parameters
    ----------
    args : argparse.Namespace
        What :func:`add_arguments` declares.
    room : Room or None
        The class that is served.
    announcement : function
        Returns the lines to print; the last address in the first line is what the browser opens.
    limits : Limits, optional
        What each lab may use.
    proxy : str
        The name under which a proxy with a certificate passes requests on to here.
    """
    port = port_of(args)
    workspace = ensure_dir(data_dir() / "hands-on")
    prepare_environment()
    # jsonschema takes it when it finds it, for a check that nothing here asks for, and building its
    # grammar takes a third of the whole start.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    # Imported late: everything above must be able to fail in an instant.
    from labkit.server import warm
    from labkit.server.app import make_server

    server = make_server(
        host=args.host,
        port=port,
        workspace=workspace,
        training=not args.no_training,
        warm=not args.no_warm,
        room=room,
        limits=limits,
        proxy=proxy,
    )
    threading.Thread(target=_announce, args=(server, args.no_browser, announcement), daemon=True).start()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: server.stop(from_signal=True))
    try:
        server.start()
    finally:
        warm.stop()
    with contextlib.suppress(OSError):  # the terminal may be gone
        print("labkit: stopped; your progress is kept", flush=True)
    return 0


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach a server that listens on ``host``."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def port_of(args: argparse.Namespace) -> int:
    """Return the port that was asked for, once nobody else holds it."""
    if not args.port.isdecimal() or not 1 <= int(args.port) <= 65535:
        raise InvalidInputError(f"expected a port from 1 to 65535, got {args.port!r}")
    port = int(args.port)
    _check_free(args.host, port)
    return port


def _check_free(host: str, port: int) -> None:
    """Say who holds the port before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # Somebody who listens on another address of this port would get half of the visits.
            probe.listen(1)
            return
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
    other = port + 1 if port < 65535 else port - 1
    advice = f"PORT={other} make lab, or labkit lab --port {other}"
    if _answers(_reachable(host), port):
        raise LabkitError(
            f"the lab is running already: open {_address(host, port)} in your browser. To start a second one "
            f"beside it: {advice}."
        )
    holder = _holder(port)
    who = f"{holder} holds it" if holder else reason
    raise LabkitError(f"cannot listen on {host} port {port}: {who}. Choose another port: {advice}.")


def _holder(port: int) -> str:
    """Return who listens on a port, as far as this user may know; else an empty text."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for found in psutil.net_connections(kind="tcp"):
            if found.status == psutil.CONN_LISTEN and found.laddr.port == port and found.pid:
                return f"the program {psutil.Process(found.pid).name()!r} (process {found.pid})"
    return ""


def _reachable(host: str) -> str:
    """Return where this machine reaches a server that listens on ``host``."""
    return "127.0.0.1" if host in (*_EVERYWHERE, "localhost", "") else host


def _address(host: str, port: int, token: str = "", path: str = "") -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/{path}" + (f"?token={token}" if token else "")


def _answers(host: str, port: int) -> bool:
    """Whether our own server answers there."""
    connection = http.client.HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/labkit/alive", headers={"Host": f"localhost:{port}"})
        response = connection.getresponse()
        return response.status == 200 and response.read() == b"labkit"
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _announce(server: Any, quiet: bool, announcement: Callable[[Any], list[str]]) -> None:
    """Print the address once the server answers, and open the browser."""
    here = address(server)
    deadline = time.monotonic() + _PATIENCE
    while not _answers(_reachable(server.ip), server.port):
        if time.monotonic() > deadline:
            print(f"labkit: {here} does not answer; labkit doctor says what may be wrong", file=sys.stderr)
            return
        time.sleep(0.05)
    lines = announcement(server)
    print("", *(f"  {line}" for line in [*lines, "Stop it with Ctrl-C."]), "", sep="\n", flush=True)
    if not quiet:
        open_address(lines[0].rpartition(" ")[2], data_dir() / "jupyter" / "runtime")


def _announcement(server: Any) -> list[str]:
    token = server.identity_provider.token
    lines = [f"The lab is ready: {address(server, token)}"]
    if server.ip in _EVERYWHERE:
        lines.append(f"From other machines: {address(server, token, outside=True)}")
    if token:
        lines.append("Whoever has this address can run programs here as you: pass it on with care.")
    return lines


def address(server: Any, token: str = "", *, outside: bool = False, path: str = "") -> str:
    """Return an address of a server: as this machine knows it, or as others do."""
    if proxy := server.web_app.settings.get("labkit_proxy"):
        return f"https://{proxy}/{path}" + (f"?token={token}" if token else "")
    everywhere = server.ip in _EVERYWHERE
    host = _own_address() if outside and everywhere else _reachable(server.ip)
    return _address(host, server.port, token, path)


def _own_address() -> str:
    """Return the address that other machines know this one by; nothing is sent to find it."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return socket.gethostname()
