"""The servers that are compared: a class of ours, and plain Voilà with the same notebook and kernel."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import psutil

from benchmarks.visitor import Visitor
from labkit.core.errors import LabkitError
from labkit.core.paths import cache_dir
from labkit.course import find_lab

__all__ = ["KINDS", "Server", "serving"]

KINDS = ("plain Voilà", "ours")
_PATIENCE = 120.0  # seconds until a server answers, and until its pages are prepared
_HIDDEN = "hands-on"  # cells with this tag are no part of a dashboard


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs.

    Attributes
    ----------
    page : str
        Address of the lab.
    home : str
        Address of the catalogue; of plain Voilà, the lab.
    started : float
        Seconds from the command until it answered.
    """

    page: str
    home: str
    started: float
    process: subprocess.Popen[bytes]
    is_class: bool

    async def admit(self, name: str) -> str:
        """Let somebody in, and return the cookie that says so; plain Voilà lets everybody in."""
        return await Visitor(self.home).enter(name) if self.is_class else ""

    def kernels(self, numbers: list[str]) -> list[psutil.Process]:
        """Return the processes of kernels, given by their numbers."""
        found = []
        for each in psutil.Process(self.process.pid).children(recursive=True):
            name, words = each.name(), " ".join(each.cmdline())
            if any(name == f"lab-{number[:8]}" or number in words for number in numbers):
                found.append(each)
        return found

    def everything(self) -> list[psutil.Process]:
        """Return the server and all that it started."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]


@contextmanager
def serving(kind: str, lab_id: str) -> Iterator[Server]:
    """Start a server with an empty home and trained victims, wait until it is ready, and end it."""
    with tempfile.TemporaryDirectory(prefix="labkit-benchmark-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        (home / "cache").mkdir()
        (home / "cache" / "victims").symlink_to(cache_dir() / "victims", target_is_directory=True)
        port = _free_port()
        address = f"http://127.0.0.1:{port}"
        began = time.perf_counter()
        process = subprocess.Popen(
            _command(kind, lab_id, home, port),
            cwd=home,
            env={**os.environ, "LABKIT_HOME": str(home), "JUPYTER_NO_CONFIG": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            ours = kind == "ours"
            _wait(process, port, "/labkit/alive" if ours else "/api/kernels", lambda _: True)
            started = time.perf_counter() - began
            if ours:
                asyncio.run(_prepared(address, lab_id))
            page = f"{address}/dashboards/{lab_id}" if ours else address
            yield Server(page, address, started, process, ours)
        finally:
            process.terminate()
            process.wait(timeout=60)


def _command(kind: str, lab_id: str, home: Path, port: int) -> list[str]:
    if kind == "ours":
        options = ["--class", "benchmark", "--no-browser", "--no-training"]
        return [*_python("labkit.cli"), "serve", *options, "--port", str(port)]
    notebook = nbformat.read(find_lab(lab_id).folder / "lab.ipynb", as_version=4)
    notebook.cells = [c for c in notebook.cells if _HIDDEN not in c.metadata.get("tags", [])]
    copy = home / "lab.ipynb"
    nbformat.write(notebook, copy)
    return [*_python("voila"), str(copy), "--no-browser", f"--port={port}", "--Voila.ip=127.0.0.1"]


def _python(module: str) -> list[str]:
    return [sys.executable, "-m", module]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _prepared(address: str, lab_id: str) -> None:
    """Wait until the page of a lab is recorded, as it is when a class begins."""
    visitor = Visitor(address)
    await visitor.enter("Whoever unlocks the room")
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        answer = await visitor.ask("labkit/pages")
        if lab_id in json.loads(answer.body)["labs"]:
            return
        await asyncio.sleep(0.1)
    raise LabkitError(f"the page of {lab_id} was not prepared within {_PATIENCE:.0f} seconds")


def _wait(process: subprocess.Popen[bytes], port: int, path: str, good: object) -> None:
    deadline = time.monotonic() + _PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
                connection.request("GET", path)
                body = connection.getresponse().read()
                if callable(good) and good(body):
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise LabkitError(f"the server did not answer to {path}; start it by hand to see why")
