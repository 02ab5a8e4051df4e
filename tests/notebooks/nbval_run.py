"""Run nbval over a notebook in a process of its own, and count what it did."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["NbvalRun", "nbval"]


@dataclass(frozen=True)
class NbvalRun:
    """How many cells were run, failed and skipped, and what was said about it."""

    cells: int
    failed: int
    skipped: int
    said: str


def nbval(notebook: Path, environment: Mapping[str, str], report: Path, *, cell_timeout: int) -> NbvalRun:
    """Run every cell of ``notebook``; those tagged ``nbval-check-output`` are held to their output."""
    options = ["--nbval-lax", "--nbval-current-env", f"--nbval-cell-timeout={cell_timeout}"]
    # The settings of our own tests (warnings are errors) are not meant for nbval's inside.
    plain = ["-c", os.devnull, "--rootdir", str(notebook.parent), "-p", "no:cacheprovider", "-q"]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *plain, *options, f"--junitxml={report}", notebook.name],
        cwd=notebook.parent,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert report.is_file(), result.stdout + result.stderr
    # The report was written by the process above.
    suite = next(ElementTree.parse(report).iter("testsuite"))  # noqa: S314
    count = {name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")}
    return NbvalRun(
        count["tests"], count["failures"] + count["errors"], count["skipped"], result.stdout[-4000:]
    )
