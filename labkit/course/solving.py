"""Run a solution from top to bottom, and keep of its outputs what is the same every time."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from nbformat import NotebookNode

from labkit.core.errors import BuildError
from labkit.core.machine import thread_environment
from labkit.core.paths import cache_dir, ensure_dir
from labkit.course.lab import Lab

__all__ = ["CELL_TIMEOUT", "author_environment", "settled", "solve"]

CELL_TIMEOUT = 180
"""Seconds; a cell of a lab that takes longer is a mistake."""

_WIDGET = "application/vnd.jupyter.widget-view+json"
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]{6,}")
_MUTE = re.compile(r"<[^<>\n]*>")  # what an object says that has nothing to say as text
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_FROM_A_PAGE = ("LABKIT_SCENARIO", "QUERY_STRING", "SERVER_SOFTWARE", "PYTHONSTARTUP")


def solve(lab: Lab, notebook: NotebookNode, *, progress: Callable[[str], None] | None = None) -> NotebookNode:
    """Run ``notebook`` as the author of the lab, in its folder, and return it with outputs.

    Progress and evidence go to a folder that is thrown away.  Victims come from the
    caller's cache, so that they are not trained again.

    Raises
    ------
    BuildError
        When a cell fails or takes longer than :data:`CELL_TIMEOUT`.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    total = len(notebook.cells)

    def tell(cell: NotebookNode, cell_index: int) -> None:
        if progress is not None:
            progress(f"{lab.id}: cell {cell_index + 1} of {total}")

    with tempfile.TemporaryDirectory(prefix="labkit-build-") as home:
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            kernel_name="python3",
            resources={"metadata": {"path": str(lab.folder)}},
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            on_cell_start=tell,
            extra_arguments=["--log-level=ERROR"],
        )
        try:
            client.execute(env=author_environment(lab, Path(home)))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise BuildError(f"the solution of {lab.id} fails:\n{_COLOUR.sub('', str(error))}") from None
        hide = {str(Path(home).resolve()): "LABKIT_HOME", home: "LABKIT_HOME", str(lab.folder.resolve()): "."}
    return settled(notebook, hide)


def author_environment(lab: Lab, home: Path) -> dict[str, str]:
    """Return the environment in which a solution runs: fixed seed, one thread, a home of its own."""
    _link_cache(home)
    kept = {name: value for name, value in os.environ.items() if name not in _FROM_A_PAGE}
    return {
        **kept,
        **thread_environment(),
        "LABKIT_HOME": str(home),
        "LABKIT_NOTEBOOKS": str(lab.folder.resolve().parent),
        "LABKIT_LEARNER": "author",
        "LABKIT_SEED": "0",
        "LABKIT_THINK_SECONDS": "0",
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": str(home / "ipython"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }


def _link_cache(home: Path) -> None:
    cache = ensure_dir(cache_dir()).resolve()
    try:
        (home / "cache").symlink_to(cache, target_is_directory=True)
    except OSError:
        # Windows allows links to developers only; the victims are then trained once more.
        ensure_dir(home / "cache")


def settled(notebook: NotebookNode, hide: dict[str, str]) -> NotebookNode:
    """Return the notebook without anything that differs from run to run or from place to place."""
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell["execution_count"] = number
        cell["metadata"].pop("execution", None)
        outputs = (_settled_output(output, number, hide) for output in cell["outputs"])
        cell["outputs"] = [output for output in outputs if output is not None]
    notebook["metadata"].pop("widgets", None)
    notebook["metadata"]["language_info"] = {"name": "python"}
    return notebook


def _settled_output(output: NotebookNode, number: int, hide: dict[str, str]) -> NotebookNode | None:
    """Return what stays of one output: what was printed, and what it says as text."""
    if output["output_type"] == "stream":
        output["text"] = _plain(output["text"], hide)
        return output if output["name"] == "stdout" else None
    text = _plain(output["data"].get("text/plain", ""), hide)
    if _WIDGET in output["data"] or not text or _MUTE.fullmatch(text):
        return None
    output["data"], output["metadata"] = {"text/plain": text}, {}
    if "execution_count" in output:
        output["execution_count"] = number
    return output


def _plain(text: str, hide: dict[str, str]) -> str:
    for place, name in hide.items():
        text = text.replace(place, name)
    return _ADDRESS.sub("", text)
