"""Kernels for the tests of the warm parent: real ones, through jupyter_client."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from pathlib import Path
from queue import Empty

import psutil
from jupyter_client.blocking import BlockingKernelClient
from jupyter_client.manager import KernelManager

__all__ = ["OpenKernel", "descriptors", "gone", "open_kernel", "until"]

PATIENCE = 60  # seconds; the machine may be busy


class OpenKernel:
    """A kernel and its client; ``run`` returns what the cell printed, or its error."""

    def __init__(self, manager, client):
        self.manager, self.client = manager, client

    @property
    def pid(self):
        return self.manager.provisioner.pid

    @property
    def process(self):
        return self.manager.provisioner.process

    def ask(self, code, timeout=PATIENCE, **options):
        """Send a cell and return its reply and what came over the output channel until it was idle."""
        request = self.client.execute(code, **options)
        said = []
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except Empty:
                continue
            if message["parent_header"].get("msg_id") != request:
                continue
            if message["content"].get("execution_state") == "idle":
                return said
            said.append(message)
        raise AssertionError(f"the kernel did not finish: {code}")

    def run(self, code, **options):
        text = ""
        for message in self.ask(code, **options):
            if message["msg_type"] == "stream":
                text += message["content"]["text"]
            if message["msg_type"] == "error":
                text += f"{message['content']['ename']}: {message['content']['evalue']}"
        return text.strip()


@contextmanager
def open_kernel(env=None, **options):
    """Start a kernel of our kernel spec; shut it down at the end."""
    manager = KernelManager(kernel_name="python3")
    manager.client_factory = BlockingKernelClient
    manager.start_kernel(env={**os.environ, **(env or {})}, **options)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=PATIENCE)
        yield OpenKernel(manager, client)
    finally:
        client.stop_channels()
        if manager.has_kernel:
            manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def until(condition, timeout=PATIENCE):
    """Wait for ``condition()`` and return it; an empty one at the end is a failure."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
    return found


def gone(pid):
    """Whether no such process runs; one that nobody has reaped counts as gone."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def descriptors(pid):
    """Return what each open file of a process is, by number."""
    found = {}
    for file in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found[int(file.name)] = str(file.readlink())
        except OSError:
            continue
    return found
