"""What keeps a warm parent there for one program that starts kernels."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from labkit.core.machine import thread_environment
from labkit.server.warm.handle import Handle, launched
from labkit.server.warm.process import ForkedProcess, GoneError, RefusedError

__all__ = ["Warmth", "possible"]

_INLINE = "module://matplotlib_inline.backend_inline"
# Read on import, by Python or by a library: a kernel that wants another value is launched.
_READ_ON_IMPORT = (
    "PYTHON", "LD_", "LANG", "LC_", "OMP_", "MKL_", "OPENBLAS_", "KMP_", "GOMP_", "NUMEXPR_",
    "TORCH", "ATEN_", "CUDA_", "MPL", "MALLOC_", "PYDEVD_",
)  # fmt: skip
_BACKOFF = (0.0, 0.5, 5.0, 30.0, 120.0)  # seconds before the parent is started again, by failures in a row
_MOMENT = 0.01  # seconds between two looks whether another parent is there
_NOTICED = 5.0  # seconds in which it is noticed that a parent has died, on a busy machine
_STEADY = 60.0  # seconds after which a parent that died was no failure to start


def possible() -> bool:
    """Whether kernels can be forked on this system."""
    return sys.platform.startswith("linux") and hasattr(os, "fork") and hasattr(os, "pidfd_open")


class Warmth:
    """A warm parent and its branches; one that dies is replaced.

    Parameters
    ----------
    log : logging.Logger
    patience : float
        Seconds that a kernel waits for a parent that still imports.
    """

    def __init__(self, log: logging.Logger, *, patience: float = 60.0) -> None:
        self._log, self.patience = log, patience
        self._environment = {**os.environ, **thread_environment()}
        self._environment.setdefault("MPLBACKEND", _INLINE)
        self._environment.pop("JPY_PARENT_PID", None)
        self._parent: Handle | None = None
        self._stopped = threading.Event()
        self._changed = threading.Condition()
        self._calls: dict[str, str] = {}
        self._branches: dict[str, Handle] = {}
        self._thread = threading.Thread(target=self._keep, name="warm-parent", daemon=True)
        self._thread.start()

    # ------------------------------------------------------------------ facts

    @property
    def ready(self) -> bool:
        """Whether a kernel would be forked at once."""
        parent = self._parent
        return parent is not None and parent.ready

    @property
    def stopped(self) -> bool:
        """Whether there will be no parent any more."""
        return self._stopped.is_set()

    @property
    def pid(self) -> int | None:
        """The number of the parent's process, if it is there."""
        parent = self._parent
        return parent.pid if parent is not None and parent.alive else None

    def report(self) -> dict[str, Any]:
        """Return what the parent said of itself when it was ready: ``seconds``, ``failed``, ``threads``."""
        parent = self._parent
        return dict(parent.report) if parent is not None else {}

    def wait(self, timeout: float) -> bool:
        """Wait until kernels can be forked, and say whether they can."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while not self.ready and not self._stopped.is_set():
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self._changed.wait(left)
        return self.ready

    # ------------------------------------------------------------------ kernels

    def fork(
        self,
        argv: list[str],
        environment: Mapping[str, str],
        cwd: str,
        files: tuple[int, ...] = (),
        prepared: str = "",
    ) -> ForkedProcess:
        """Fork a kernel, from the branch that holds ``prepared`` where there is one.

        Raises
        ------
        RefusedError
            When it has to be launched the ordinary way; the message says why.
        """
        self.check(environment)
        wanted = {"argv": argv, "env": dict(environment), "cwd": cwd}
        branch = self._branches.get(prepared)
        if branch is not None and branch.ready:
            try:
                process = branch.fork(wanted, files)
                process.prepared = True
                return process
            except RefusedError as error:
                self._log.warning("the prepared state %s is not used: %s", prepared, error)
        parent = self._ready_parent()
        try:
            return parent.fork(wanted, files)
        except GoneError:
            # Of the one that replaces it, or of the same if only the kernel died: that a parent is gone is
            # noticed in a moment.
            deadline = time.monotonic() + _NOTICED
            while self._parent is parent and not self.stopped and time.monotonic() < deadline:
                time.sleep(_MOMENT)
            return self._ready_parent().fork(wanted, files)

    def check(self, environment: Mapping[str, str]) -> None:
        """Refuse an environment that the parent's imports have read otherwise.

        Raises
        ------
        RefusedError
            When a variable that libraries read on import has another value.
        """
        for name in {*environment, *self._environment}:
            if not name.startswith(_READ_ON_IMPORT):
                continue
            ours, wanted = self._environment.get(name), environment.get(name)
            if ours != wanted and not (name == "MPLBACKEND" and wanted is None):
                raise RefusedError(f"it is to have {name}={wanted!r}, and the warm parent has {ours!r}")

    def prepare(self, name: str, call: str) -> None:
        """Have a branch run a preparation, and keep it for kernels that ask for it.

        Parameters
        ----------
        name : str
        call : str
            ``"package.module:function"``; ``function(name)`` returns a :class:`~.child.Prepared`.
        """
        self._calls[name] = call
        self._make_branch(name)

    def forget(self, name: str) -> None:
        """Give up a prepared state; kernels that were forked from it run on as long as they are used."""
        self._calls.pop(name, None)
        branch = self._branches.pop(name, None)
        if branch is not None:
            branch.retire()

    def prepared(self, name: str) -> bool:
        """Whether kernels can be forked with this state."""
        branch = self._branches.get(name)
        return branch is not None and branch.ready

    def preparing(self, name: str) -> bool:
        """Whether a preparation is under way."""
        branch = self._branches.get(name)
        return branch is not None and branch.alive and not branch.settled.is_set()

    def record(self, name: str) -> bytes:
        """Return what the preparation left for the server; empty while it is not ready."""
        branch = self._branches.get(name)
        return branch.record if branch is not None and branch.ready else b""

    def stop(self) -> None:
        """End the parent, its branches, and every kernel."""
        self._stopped.set()
        with self._changed:
            self._changed.notify_all()
        for handle in [*self._branches.values(), self._parent]:
            if handle is not None:
                handle.close()
        self._thread.join(timeout=5.0)

    def _ready_parent(self) -> Handle:
        parent = self._parent if self.wait(self.patience) else None
        if parent is None:
            raise RefusedError("the warm parent is not ready")
        return parent

    # ------------------------------------------------------------------ threads

    def _keep(self) -> None:
        """Keep a parent there until the program stops."""
        failures = 0
        while not self._stopped.wait(_BACKOFF[min(failures, len(_BACKOFF) - 1)]):
            began = time.monotonic()
            try:
                parent = self._parent = launched(self._environment)
            except OSError as error:
                self._log.warning("no warm parent: %s", error)
                failures += 1
                continue
            threading.Thread(target=self._welcome, args=(parent,), daemon=True).start()
            if self._stopped.is_set():
                parent.close()
            parent.attend()
            if self._stopped.is_set():
                return
            failures = failures + 1 if time.monotonic() - began < _STEADY else 0
            self._log.warning("the warm parent has ended; another one is started")

    def _welcome(self, parent: Handle) -> None:
        parent.settled.wait()
        if parent.ready:
            if parent.report["failed"]:
                self._log.warning("not imported by the warm parent: %s", ", ".join(parent.report["failed"]))
            for name in list(self._calls):
                self._make_branch(name)
        with self._changed:
            self._changed.notify_all()

    def _make_branch(self, name: str) -> None:
        parent, old = self._parent, self._branches.get(name)
        if parent is None or not parent.ready or (old is not None and old.alive):
            return
        with contextlib.suppress(RefusedError):
            branch = self._branches[name] = parent.branch(name, self._calls[name])
            threading.Thread(target=self._attend_branch, args=(name, branch), daemon=True).start()

    def _attend_branch(self, name: str, branch: Handle) -> None:
        branch.attend()
        if branch.report.get("refused"):
            self._log.warning("the prepared state %s failed: %s", name, branch.report["refused"])
            self._log.debug("%s", branch.report.get("details", ""))
