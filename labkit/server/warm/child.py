"""What a forked process does to become a kernel like one that was launched."""

from __future__ import annotations

import contextlib
import gc
import os
import re
import signal
import stat
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, Protocol

from labkit.server.warm.forking import Order
from labkit.server.warm.lifeline import tie
from labkit.server.warm.wire import send

__all__ = ["Prepared", "run"]


class Prepared(Protocol):
    """What a preparation leaves in the parent for the kernels that are forked from it."""

    @property
    def record(self) -> bytes:
        """What the server is told of it."""
        ...

    def begin(self, environment: dict[str, str]) -> dict[str, Any]:
        """Adopt one participant, in the kernel; return what its cells find in their namespace."""
        ...


def run(order: Order, prepared: Prepared | None) -> None:
    """Be a kernel until it is shut down, and end this process."""
    code = 1
    try:
        _settle(order)
        _kernel(list(order.message["argv"]), prepared)
        code = 0
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        _finish(code)


def _settle(order: Order) -> None:
    """Take a session, files, environment, folder and random numbers of its own."""
    os.setsid()
    _arrange_files(order)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(order.message["env"])
    time.tzset()
    if order.message["cwd"]:
        os.chdir(order.message["cwd"])
    reseed()
    gc.enable()
    _name_process(order.message)
    send(order.line, {"pid": os.getpid()})
    tie(order.line, threads=True)
    order.line.detach()  # stays open for as long as the process lives


def _arrange_files(order: Order) -> None:
    """Keep the three standard files and the lifeline; close everything else."""
    nothing = os.open(os.devnull, os.O_RDWR)
    output, errors = (*order.files, nothing, nothing)[:2]
    for number, file in enumerate((nothing, output, errors)):
        os.dup2(file, number)
    kept = {0, 1, 2, order.line.fileno()}
    for number in [int(file.name) for file in Path("/proc/self/fd").iterdir()]:
        if number not in kept and not _reopened(number):
            with contextlib.suppress(OSError):
                os.close(number)


def _reopened(number: int) -> bool:
    """Open a file that a library holds for reading once more, under its old number.

    A font that matplotlib has loaded is one.  Processes that share an open file share the
    place in it, and each would read where another has just been.
    """
    import fcntl  # here, since Windows has none

    with contextlib.suppress(OSError):
        mode = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE
        if mode == os.O_RDONLY and stat.S_ISREG(os.fstat(number).st_mode):
            place = os.lseek(number, 0, os.SEEK_CUR)
            ours = os.open(f"/proc/self/fd/{number}", os.O_RDONLY)
            os.lseek(ours, place, os.SEEK_SET)
            os.dup2(ours, number, inheritable=False)
            os.close(ours)
            return True
    return False


def _name_process(message: dict[str, Any]) -> None:
    """Show which kernel this is where processes are listed: ``lab-`` and how its id begins."""
    found = re.search(r"kernel-([0-9a-f]{8})[0-9a-f-]*\.json", " ".join(message["argv"]))
    with contextlib.suppress(OSError):
        Path("/proc/self/comm").write_text(f"lab-{found[1] if found else 'kernel'}")


def reseed() -> None:
    """Give this process random numbers and temporary names that no brother has."""
    import random
    import tempfile

    import numpy as np
    import torch

    random.seed()
    np.random.seed()
    torch.default_generator.seed()  # torch.seed() asks every kind of device, too
    tempfile._name_sequence = None  # type: ignore[attr-defined]
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None:
        processes.current_process().authkey = os.urandom(32)


def _kernel(argv: list[str], prepared: Prepared | None) -> None:
    from labkit.server.warm import launched
    from labkit.server.warm.kernel import WarmApplication, WarmKernel

    sys.argv = [launched.__file__, *argv]
    # A parent with the number 1 is not watched: the lifeline does that.
    application: Any = WarmApplication.instance(parent_handle=1, kernel_class=WarmKernel)
    application.initialize(argv)
    _introduce()
    if prepared is not None:
        application.shell.user_ns.update(prepared.begin(dict(os.environ)))
    application.start()


def _introduce() -> None:
    """Do what some packages do on import when they find a shell; there was none in the parent."""
    import ipywidgets
    from matplotlib_inline import backend_inline

    ipywidgets.register_comm_target()
    inline: Any = backend_inline
    inline._enable_matplotlib_integration()


def _finish(code: int) -> None:
    """End without taking the interpreter apart, which would touch every page that is shared."""
    with contextlib.suppress(BaseException):
        threading._shutdown()  # type: ignore[attr-defined]
        import atexit

        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code & 0xFF)
