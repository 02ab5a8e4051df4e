"""The warm parent: a program that imports, freezes what it has, and forks kernels.

``python -P -m labkit.server.warm.parent NUMBER`` is started by the server, with the number of
a socket that it inherits; nobody else can reach it.  It has one thread, opens no connection of
its own, and runs no code of a participant: a kernel does that, after the fork.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import gc
import importlib
import os
import socket
import sys
import time
import traceback

from labkit.server.warm.child import Prepared, run
from labkit.server.warm.forking import Forker, Order, threads_of_this_process
from labkit.server.warm.imports import import_all, rehearse
from labkit.server.warm.kernel import list_modules
from labkit.server.warm.lifeline import tie, untie
from labkit.server.warm.wire import send

__all__ = ["main"]


def main() -> None:
    """Import, and fork until the server goes."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    tie(control, threads=False)
    began = time.monotonic()
    gc.disable()
    failed = import_all() + rehearse()
    report = {"ready": True, "seconds": time.monotonic() - began, "failed": failed}
    prepared = None
    while True:
        list_modules()
        _freeze()
        threads = threads_of_this_process()
        untie(control)
        with contextlib.suppress(OSError):
            send(control, {**report, "threads": threads})
        if threads != 1:
            os._exit(1)
        order = Forker(control).serve()
        if order.message["op"] == "kernel":
            run(order, prepared)
        control = order.line
        tie_branch(control)
        prepared, report = prepare(order)


def tie_branch(control: socket.socket) -> None:
    """Be a process group of its own that ends with the server."""
    os.setsid()
    tie(control, threads=False)


def prepare(order: Order) -> tuple[Prepared, dict[str, object]]:
    """Run a preparation; a process in which it fails says why and ends."""
    began = time.monotonic()
    name = str(order.message["name"])
    try:
        module, _, function = str(order.message["call"]).partition(":")
        prepared: Prepared = getattr(importlib.import_module(module), function)(name)
        record = base64.b64encode(prepared.record).decode()
    except BaseException as error:
        untie(order.line)
        said = {"refused": f"{type(error).__name__}: {error}", "details": traceback.format_exc()}
        with contextlib.suppress(OSError):
            send(order.line, said)
        os._exit(1)
    return prepared, {"ready": True, "seconds": time.monotonic() - began, "record": record, "failed": []}


def _freeze() -> None:
    """Leave nothing that a child's garbage collection would write to, and no memory unused."""
    gc.collect()
    gc.freeze()
    with contextlib.suppress(OSError, AttributeError):  # only the C library of GNU has it
        ctypes.CDLL(None).malloc_trim(0)


if __name__ == "__main__":
    main()
