"""``labkit lab``: start the lab and say its address once it answers."""

from __future__ import annotations

import argparse
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import webbrowser
from pathlib import Path

from labkit.core.errors import InvalidInputError, LabkitError
from labkit.core.machine import thread_environment
from labkit.core.paths import data_dir, ensure_dir

__all__ = ["add_arguments", "run"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_JUPYTER = Path(__file__).parent / "jupyter"
_PATIENCE = 60  # seconds until a server that does not answer is given up


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes; the environment (PORT, HOST, OPEN) gives the defaults."""
    parser.add_argument("--port", default=os.environ.get("PORT", "8888"), help="port to listen on (PORT)")
    parser.add_argument(
        "--host", default=os.environ.get("HOST", "127.0.0.1"), help="address to listen on (HOST)"
    )
    parser.add_argument(
        "--no-browser",
        action="store_true",
        default=os.environ.get("OPEN", "").lower() in {"no", "0", "false"},
        help="do not open a browser (OPEN=no)",
    )
    parser.add_argument(
        "--no-training", action="store_true", help="do not train the victims in the background"
    )


def run(args: argparse.Namespace) -> int:
    """Start the server and stay until it is stopped."""
    port = _port(args.port)
    _check_free(args.host, port)
    workspace = ensure_dir(data_dir() / "hands-on")
    _prepare_environment()
    # Imported late: everything above must be able to fail in an instant.
    from labkit.server.app import make_server

    server = make_server(host=args.host, port=port, workspace=workspace)
    threading.Thread(target=_announce, args=(server, args.no_browser), daemon=True).start()
    trainer = None if args.no_training else _train_in_background()
    signal.signal(signal.SIGTERM, lambda *_: server.stop(from_signal=True))
    signal.signal(signal.SIGINT, lambda *_: server.stop(from_signal=True))
    try:
        server.start()
    finally:
        if trainer is not None and trainer.poll() is None:
            trainer.terminate()
            trainer.wait()
    print("labkit: stopped; your progress is kept", flush=True)
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise InvalidInputError(f"expected a port from 1 to 65535, got {text!r}")
    return int(text)


def _check_free(host: str, port: int) -> None:
    """Say who holds the port before anything is started."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            return
        except OSError as error:
            reason = error.strerror
    if _answers("127.0.0.1" if host in LOOPBACK else host, port):
        raise LabkitError(
            f"the lab is running already: open http://{host}:{port}/ "
            f"or start a second one with PORT={port + 1} make lab"
        )
    raise LabkitError(
        f"cannot listen on {host} port {port}: {reason}. Choose another port, for example "
        f"PORT={port + 1} make lab, or labkit lab --port {port + 1}."
    )


def _prepare_environment() -> None:
    """Set what this process and its kernels inherit: our templates, threads, no user configuration."""
    known = os.environ.get("JUPYTER_PATH")
    os.environ["JUPYTER_PATH"] = os.pathsep.join([str(_JUPYTER), *([known] if known else [])])
    os.environ["JUPYTER_NO_CONFIG"] = "1"
    # The debugger's warning about frozen modules is nothing a participant can act on.
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    os.environ.update(thread_environment())


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


def _announce(server: object, quiet: bool) -> None:
    """Print the address once the server answers, and open the browser."""
    host, port = server.ip, server.port  # type: ignore[attr-defined]
    token = server.identity_provider.token  # type: ignore[attr-defined]
    shown = f"[{host}]" if ":" in host else host
    address = f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
    probe = "127.0.0.1" if host in (*LOOPBACK, "0.0.0.0", "") else host  # noqa: S104
    deadline = time.monotonic() + _PATIENCE
    while not _answers(probe, port):
        if time.monotonic() > deadline:
            print(f"labkit: {address} does not answer; labkit doctor says what may be wrong", file=sys.stderr)
            return
        time.sleep(0.05)
    print(f"\n  The lab is ready: {address}\n  Stop it with Ctrl-C.\n", flush=True)
    if not quiet:
        webbrowser.open(address)


def _train_in_background() -> subprocess.Popen[bytes]:
    """Train the victims of the labs in a process of its own, out of everybody's way."""
    return subprocess.Popen(
        [sys.executable, "-m", "labkit.server.training"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
