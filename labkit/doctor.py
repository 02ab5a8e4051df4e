"""``labkit doctor``: what is missing or slow here, and how to mend it, in plain words."""

from __future__ import annotations

import argparse
import json
import locale
import os
import platform
import shutil
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

from labkit.core.errors import LabkitError
from labkit.core.machine import recommended_threads
from labkit.core.paths import cache_dir, data_dir, ensure_dir
from labkit.core.tables import format_table

__all__ = ["Finding", "add_arguments", "examine", "run"]

FINE, ADVICE, BROKEN = "fine", "advice", "broken"
_ENOUGH_DISK = 2 * 2**30  # bytes: victims, hands-on copies and evidence stay far below
_ENOUGH_MEMORY = 3 * 2**30  # bytes: server, browser and two kernels with torch
_IN_ORDER = "Everything that the lab needs is in order."
_AGAIN = "Run make lab again: it repairs the installation."


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: ``state`` is ``fine``, ``advice`` or ``broken``."""

    name: str
    state: str
    found: str
    mend: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("--json", action="store_true", help="print JSON for scripts")


def run(args: argparse.Namespace) -> int:
    """Print what was found; 1 when something is broken."""
    findings = examine()
    if args.json:
        whole = {"fine": not any(finding.state == BROKEN for finding in findings)}
        print(json.dumps(whole | {"findings": [asdict(finding) for finding in findings]}, indent=1))
    else:
        rows = [
            [finding.state, finding.name, f"{finding.found}{'. ' if finding.mend else ''}{finding.mend}"]
            for finding in findings
        ]
        print(format_table(["state", "what", "found, and what to do"], rows))
        broken = sum(finding.state == BROKEN for finding in findings)
        print(f"\nBroken: {broken}. The last column says what to do." if broken else f"\n{_IN_ORDER}")
    return 1 if any(finding.state == BROKEN for finding in findings) else 0


def examine() -> list[Finding]:
    """Look at everything and return what was found; a check that fails is a finding too."""
    return [_looked_at(name, check) for name, check in CHECKS.items()]


def _looked_at(name: str, check: Callable[[], tuple[str, str, str]]) -> Finding:
    try:
        return Finding(name, *check())
    except LabkitError as error:  # its message says what to do
        return Finding(name, BROKEN, str(error))
    except Exception as error:  # whatever goes wrong in a check is what the doctor was asked for
        return Finding(name, BROKEN, f"{type(error).__name__}: {error}", _AGAIN)


def _python() -> tuple[str, str, str]:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    return FINE, found, ""


def _packages() -> tuple[str, str, str]:
    wanted = _locked()
    if not wanted:
        return FINE, "not compared: labkit was installed without its lock", ""
    found = {name: _version(name) for name in wanted}
    missing = sorted(name for name, installed in found.items() if installed is None)
    other = sorted(
        f"{name} {installed} instead of {wanted[name]}"
        for name, installed in found.items()
        if installed is not None and Version(installed).public != Version(wanted[name]).public
    )
    if missing:
        return BROKEN, f"missing: {', '.join(missing)}", _AGAIN
    if other:
        return ADVICE, f"other than the lock says: {', '.join(other)}", _AGAIN
    return FINE, f"all {len(wanted)} are installed as the lock says", ""


def _locked() -> dict[str, str]:
    """Return the version of each package that the lock asks for on this machine."""
    lock = Path(__file__).resolve().parent.parent / "locks" / "lab.txt"
    if not lock.is_file():
        return {}
    lines = (line.rstrip(" \\") for line in lock.read_text(encoding="utf-8").splitlines())
    wanted = [Requirement(line) for line in lines if line and line[0] not in "# "]
    here = [each for each in wanted if each.marker is None or each.marker.evaluate()]
    return {each.name: next(iter(each.specifier)).version for each in here}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _torch() -> tuple[str, str, str]:
    import torch

    usual = torch.get_num_threads()
    one = _step_seconds(1)
    every = _step_seconds(os.cpu_count() or 1)
    torch.set_num_threads(usual)
    recommended_threads()  # complains when LABKIT_THREADS is no number
    found = (
        f"torch {torch.__version__}; a training step takes {1000 * one:.1f} ms with one thread and "
        f"{1000 * every:.1f} ms with {os.cpu_count()}"
    )
    if one > 0.25:
        return ADVICE, found, "This machine is slow or busy: close other programs, and expect longer waits."
    if every < one / 2 and recommended_threads() == 1:
        return ADVICE, found, f"Set LABKIT_THREADS={os.cpu_count()} to use every core."
    return FINE, found, ""


def _step_seconds(threads: int) -> float:
    """Return the median time of a training step of the small CNN, in seconds."""
    import torch

    from labkit.models import build

    torch.set_num_threads(threads)
    module = build("cnn", (1, 8, 8), 10)
    x, y = torch.rand(64, 1, 8, 8), torch.zeros(64, dtype=torch.int64)
    times = []
    for _ in range(12):
        start = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(module(x), y)
        torch.autograd.grad(loss, list(module.parameters()))
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2]


def _memory() -> tuple[str, str, str]:
    import psutil

    free = psutil.virtual_memory().available
    found = f"{free / 2**30:.1f} GiB are free"
    if free < _ENOUGH_MEMORY:
        return ADVICE, found, "Close other programs; one lab with the browser wants about 3 GiB."
    return FINE, found, ""


def _storage(folder: Path) -> tuple[str, str, str]:
    ensure_dir(folder)
    with tempfile.NamedTemporaryFile(dir=folder) as file:
        file.write(b"labkit")
    free = shutil.disk_usage(folder).free
    found = f"{folder} can be written to; {free / 2**30:.1f} GiB are free"
    if free < _ENOUGH_DISK:
        return ADVICE, found, "Free some space, or set LABKIT_HOME to a folder on another disk."
    return FINE, found, ""


def _progress() -> tuple[str, str, str]:
    with tempfile.TemporaryDirectory(dir=ensure_dir(data_dir())) as folder:
        connection = sqlite3.connect(Path(folder) / "try.sqlite")
        mode = connection.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        connection.close()
    found = f"SQLite {sqlite3.sqlite_version}, journal mode {mode}"
    if mode != "wal":
        return ADVICE, found, "The folder is on a network disk; set LABKIT_HOME to a local one."
    return FINE, found, ""


def _port() -> tuple[str, str, str]:
    port = os.environ.get("PORT", "8888")
    with socket.socket() as probe:
        probe.settimeout(1)
        if port.isdecimal() and probe.connect_ex(("127.0.0.1", int(port))) == 0:
            return (
                ADVICE,
                f"{port} is in use",
                f"If it is not the lab, take another: PORT={int(port) + 1} make lab",
            )
    return FINE, f"{port} is free", ""


def _text() -> tuple[str, str, str]:
    encoding = locale.getpreferredencoding(False).upper().replace("-", "")
    if encoding != "UTF8":
        return ADVICE, f"files are read as {encoding}", "Set PYTHONUTF8=1 if letters look wrong."
    return FINE, "files are read as UTF-8", ""


def _kernel() -> tuple[str, str, str]:
    from jupyter_client.kernelspec import KernelSpecManager

    specs = KernelSpecManager().find_kernel_specs()
    if "python3" not in specs:
        return BROKEN, "Jupyter knows no Python kernel", _AGAIN
    return FINE, "Jupyter finds its Python kernel", ""


def _data_sets() -> tuple[str, str, str]:
    from labkit.data import verify

    wrong = [verdict for verdict in verify() if not verdict.ok]
    if wrong:
        return (
            BROKEN,
            f"{wrong[0].name}: {wrong[0].problem}",
            "Restore its files (git checkout), or add it again if it is your own.",
        )
    return FINE, "every data set is what its card says", ""


def _victims() -> tuple[str, str, str]:
    from labkit import data
    from labkit.course import labs
    from labkit.models import trained

    wanted = {(s.victim, s.dataset) for lab in labs() for s in lab.scenarios if s.victim and s.dataset}
    missing = sorted(f"{v} on {d}" for v, d in wanted if not trained(v, data.load(d)))
    if missing:
        return ADVICE, f"not trained yet: {', '.join(missing)}", "They are trained when the lab starts."
    return FINE, f"all {len(wanted)} are trained", ""


def _browser() -> tuple[str, str, str]:
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return FINE, "Chromium is there for the browser tests", ""
    return ADVICE, "no Chromium", "Only the browser tests need one; the lab runs in any browser."


CHECKS: dict[str, Callable[[], tuple[str, str, str]]] = {
    "Python": _python,
    "packages": _packages,
    "torch": _torch,
    "memory": _memory,
    "your files": lambda: _storage(data_dir()),
    "cache": lambda: _storage(cache_dir()),
    "progress log": _progress,
    "port": _port,
    "text": _text,
    "kernel": _kernel,
    "data sets": _data_sets,
    "victims": _victims,
    "browser tests": _browser,
}
"""What is looked at, in this order."""
