"""Attack the sandbox from inside: what a candidate's code would try, and what must come of it."""

from __future__ import annotations

import json
import secrets
import sys
import tempfile
import time
from pathlib import Path

from labkit.exams.reproduction.sandbox import Ended, Sandbox, SandboxLimits

__all__ = ["probe"]

_LIMITS = SandboxLimits(seconds=20, memory=1 << 30, disk=8 << 20, processes=24)

# Runs inside.  Each name is a promise; what is printed is whether it was broken.
_CODE = """
import json, os, resource, socket, sys
broken = {}

def tried(promise, attack):
    try:
        broken[promise] = bool(attack())
    except (OSError, MemoryError, ValueError):
        broken[promise] = False

def network():
    sockets = socket.socket()
    sockets.settimeout(0.5)
    return sockets.connect_ex(("192.0.2.1", 80)) not in (101, 113)

def forks():
    children = 0
    try:
        while children < 200:
            child = os.fork()
            if not child:
                import time
                time.sleep(30)
                os._exit(0)
            children += 1
    except OSError:
        pass
    return children >= 100

def disk(folder):
    for number in range(8):
        with open(f"{folder}/f{number}", "wb") as file:
            file.write(bytes(4 << 20))
    return True

here, port, allowed = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
tried("a file of ours can be read", lambda: open(here + "/secret").read())
tried("a file of ours can be written", lambda: open(here + "/secret", "a"))
tried("our passwords can be read", lambda: open("/etc/shadow").read())
tried("the home of root can be listed", lambda: set(os.listdir("/root")) - set(allowed))
tried("there is a network", network)
tried("a service of this machine can be reached", lambda: socket.create_connection(("127.0.0.1", port), 0.5))
tried("there are interfaces beside lo", lambda: [n for _, n in socket.if_nameindex() if n != "lo"])
tried("it runs as root", lambda: os.getuid() == 0 or os.geteuid() == 0)
tried("it can become root", lambda: os.setuid(0) is None and False)
tried("it has capabilities", lambda: int(open("/proc/self/status").read().split("CapEff:")[1].split()[0], 16))
tried("it can gain rights", lambda: "NoNewPrivs:\\t1" not in open("/proc/self/status").read())
tried("it can write beside its home", lambda: open(sys.prefix + "/x", "w"))
tried("it can see other processes", lambda: len([n for n in os.listdir("/proc") if n.isdigit()]) > 4)
tried("it can take more memory", lambda: bytearray(2 << 30))
for folder in (".", "/tmp", "/dev", "/dev/shm", "/dev/mqueue", "/run", "/var/tmp"):
    tried(f"it can fill {folder}", lambda: disk(folder))
tried("it can start any number of processes", forks)
print(json.dumps(broken), flush=True)
os._exit(0)
"""


def probe() -> list[str]:
    """Return the promises that the sandbox breaks.

    Raises
    ------
    SandboxError
        When there is no sandbox.
    """
    import socket

    with tempfile.TemporaryDirectory() as folder, socket.socket() as service:
        service.bind(("127.0.0.1", 0))
        service.listen()
        (Path(folder) / "secret").write_text(secrets.token_hex(8))
        port = str(service.getsockname()[1])
        ended = Sandbox(_LIMITS).run([sys.executable, "-I", "-c", _CODE, folder, port, *_under_root()])
    broken = _read(ended)
    if not broken and _endless():
        broken.append("it can run for any time")
    return broken


def _read(ended: Ended) -> list[str]:
    try:
        told = json.loads(ended.output.strip().splitlines()[-1])
        return [promise for promise, is_broken in told.items() if is_broken]
    except (ValueError, IndexError, AttributeError):
        return [f"the probe ended with {ended.status}: {ended.output.strip()[-300:] or 'no word'}"]


def _endless() -> bool:
    """Return whether a program that never ends, in a child of its own, outlives its time."""
    mark = f"labkit-endless-{secrets.token_hex(8)}"
    code = f"import os, time\nif not os.fork(): os.setsid()\nmark = {mark!r}\nwhile True: time.sleep(1)"
    limits = SandboxLimits(seconds=1.0, memory=1 << 30, disk=1 << 20, processes=24)
    ended = Sandbox(limits).run([sys.executable, "-I", "-c", code])
    patience = time.monotonic() + 5
    while (left := _running(mark)) and time.monotonic() < patience:
        time.sleep(0.05)  # the kernel ends them when the first of them is gone
    return not ended.timed_out or left


def _running(mark: str) -> bool:
    processes = [each for each in Path("/proc").iterdir() if each.name.isdigit()]
    return any(mark.encode() in _command_line(each) for each in processes)


def _under_root() -> list[str]:
    """Return what may be seen of root's home: the way to a Python that lies there."""
    places = [Path(sys.prefix), Path(sys.base_prefix), Path(__file__)]
    return [place.relative_to("/root").parts[0] for place in places if place.is_relative_to("/root")]


def _command_line(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""
