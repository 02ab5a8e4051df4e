"""How jupyter_client gets its kernels: forked where that is possible, launched where it is not."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from labkit.core.machine import thread_environment
from labkit.server.warm.keeper import Warmth
from labkit.server.warm.process import ForkedProcess, RefusedError
from labkit.server.warm.shared import warmth

__all__ = ["PREPARED", "WarmProvisioner"]

PREPARED = "LABKIT_PREPARED"
_LAUNCH = ["-P", "-m", "labkit.server.warm.launched"]  # what our kernel spec gives to this Python
_PAUSE = 0.02  # seconds
_KNOWN = {"env", "cwd", "stdin", "stdout", "stderr", "independent", "kernel_id", "extra_arguments"}


class WarmProvisioner(LocalProvisioner):
    """Forks from the warm parent of this program, if it has one."""

    process: Any  # a Popen, or what looks like one

    @property
    def prepared(self) -> bool:
        """Whether the kernel began with the state that ``LABKIT_PREPARED`` asked for."""
        return bool(getattr(self.process, "prepared", False))

    async def pre_launch(self, **kwargs: Any) -> dict[str, Any]:
        """Give the kernel the threads that ``LABKIT_THREADS`` asks for, forked or launched."""
        kwargs = await super().pre_launch(**kwargs)
        kwargs["env"].update(thread_environment())
        return kwargs

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:
        """Start the kernel; whatever speaks against a fork leads to an ordinary launch."""
        kept = warmth()
        if kept is not None and _plain(cmd, kwargs):
            try:
                self.process = await self._forked(kept, cmd, kwargs)
            except (RefusedError, OSError) as error:
                self.log.info("this kernel is launched, not forked: %s", error)
            else:
                self.pid = self.pgid = self.process.pid
                self.cwd = kwargs.get("cwd") or Path.cwd()
                return self.connection_info
        environment = kwargs.get("env")
        if environment is not None:
            environment.pop(PREPARED, None)
        return await super().launch_kernel(cmd, **kwargs)

    async def send_signal(self, signum: int) -> None:
        """Send a signal to the kernel and to what it started, unless it has ended."""
        if isinstance(self.process, ForkedProcess):
            self.process.signal_group(signal.Signals(signum))
        else:
            await super().send_signal(signum)

    async def wait(self) -> int | None:
        """Wait for the end, at a shorter beat than the ordinary launcher's."""
        while isinstance(self.process, ForkedProcess) and self.process.poll() is None:
            await asyncio.sleep(0.01)
        return await super().wait()

    async def _forked(self, kept: Warmth, cmd: list[str], kwargs: dict[str, Any]) -> ForkedProcess:
        environment = dict(kwargs.get("env") or os.environ)
        environment["JPY_PARENT_PID"] = str(os.getpid())
        kept.check(environment)
        # Waited for here and not in a thread, which a program that ends would have to wait for.
        deadline = time.monotonic() + kept.patience
        while not (kept.ready or kept.stopped) and time.monotonic() < deadline:
            await asyncio.sleep(_PAUSE)
        prepared = environment.pop(PREPARED, "")
        output, errors = _file(kwargs.get("stdout"), 1), _file(kwargs.get("stderr"), 2)
        if kwargs.get("stderr") == subprocess.STDOUT:
            errors = output
        cwd = str(kwargs.get("cwd") or Path.cwd())
        return await asyncio.get_running_loop().run_in_executor(
            None, kept.fork, cmd[len(_LAUNCH) + 1 :], environment, cwd, (output, errors), prepared
        )


def _plain(cmd: list[str], kwargs: dict[str, Any]) -> bool:
    """Whether this is a kernel of this Python, with nothing that only a launch can give it."""
    return (
        cmd[: len(_LAUNCH) + 1] == [sys.executable, *_LAUNCH]
        and set(kwargs) <= _KNOWN
        and not kwargs.get("independent")
        and subprocess.PIPE not in (kwargs.get("stdin"), kwargs.get("stdout"), kwargs.get("stderr"))
    )


def _file(given: Any, own: int) -> int:
    """Return the number of the file that a kernel writes to; ours, where nothing was said."""
    if given is None:
        return own
    return int(given) if isinstance(given, int) else int(given.fileno())
