"""The builder: one source, two notebooks, the same bytes every time.

``lab.py`` becomes ``lab.ipynb``, where every answer is a starter and nothing was run, and
``solution.ipynb``, which was run from top to bottom and keeps what it printed.  Cell ids
come from the lab and the position, so that building twice gives the same file; nbval holds
the solution to its outputs.
"""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labkit.core.errors import LabkitError
from labkit.core.machine import thread_environment
from labkit.core.paths import cache_dir
from labkit.course.lab import Lab
from labkit.course.notebook_source import Cell, answer_code, read_cells

__all__ = [
    "BuildError",
    "BuiltLab",
    "answer_code",
    "build",
    "participant_notebook",
    "solution_notebook",
    "stale",
]

CELL_TIMEOUT = 180  # seconds; a cell of a lab that takes longer is a mistake
_WIDGET = "application/vnd.jupyter.widget-view+json"
_ADDRESS = re.compile(r" at 0x[0-9a-f]{6,}")


class BuildError(LabkitError):
    """A notebook cannot be built, or what was built is not what the source says."""


@dataclass(frozen=True, slots=True)
class BuiltLab:
    """What the builder wrote."""

    lab: str
    participant: Path
    solution: Path
    changed: bool


def build(lab: Lab, *, run: bool = True, progress: Callable[[str], None] | None = None) -> BuiltLab:
    """Write both notebooks of a lab beside its source.

    Parameters
    ----------
    lab : Lab
        The lab; its folder is written to.
    run : bool
        Run the solution.  Without it only ``lab.ipynb`` is written.
    progress : function, optional
        Called with a sentence at each stage.

    Raises
    ------
    BuildError
        When a cell of the solution fails.
    """
    tell = progress or (lambda _message: None)
    cells = read_cells(lab.folder / "lab.py")
    participant, solution = lab.folder / "lab.ipynb", lab.folder / "solution.ipynb"
    tell(f"{lab.id}: the participant's notebook")
    changed = _write(participant, participant_notebook(lab, cells))
    if run:
        tell(f"{lab.id}: running the solution")
        changed |= _write(solution, _run(lab, solution_notebook(lab, cells)))
    return BuiltLab(lab.id, participant, solution, changed)


def participant_notebook(lab: Lab, cells: Iterable[Cell]) -> NotebookNode:
    """Return the participant's notebook: starters in the place of answers, no outputs."""
    return _notebook(lab, cells, lambda cell: cell.starter if cell.answer else cell.text)


def solution_notebook(lab: Lab, cells: Iterable[Cell]) -> NotebookNode:
    """Return the solution before it is run."""
    return _notebook(lab, cells, lambda cell: cell.solution if cell.answer else cell.text)


def stale(lab: Lab) -> list[str]:
    """Return what differs between the notebooks on disk and what the source would build.

    The participant's notebook is compared byte for byte; the solution by its cells, whose
    outputs nbval checks by running them.
    """
    cells = read_cells(lab.folder / "lab.py")
    found = []
    participant, solution = lab.folder / "lab.ipynb", lab.folder / "solution.ipynb"
    if not participant.is_file() or participant.read_text(encoding="utf-8") != _text(
        participant_notebook(lab, cells)
    ):
        found.append(f"{participant.name} is not what lab.py builds")
    if not solution.is_file():
        return [*found, f"{solution.name} is missing"]
    kept = nbformat.read(solution, as_version=4)
    wanted = solution_notebook(lab, cells)
    if [(c.id, c.source, c.metadata) for c in kept.cells] != [
        (c.id, c.source, c.metadata) for c in wanted.cells
    ]:
        found.append(f"{solution.name} is not what lab.py builds")
    unrun = [c.id for c in kept.cells if c.cell_type == "code" and c.execution_count is None]
    if unrun:
        found.append(f"{solution.name} has cells that were not run: {', '.join(unrun)}")
    return found


def _notebook(lab: Lab, cells: Iterable[Cell], text: Callable[[Cell], str]) -> NotebookNode:
    notebook = new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "labkit": {"lab": lab.id, "title": lab.title},
        }
    )
    for position, cell in enumerate(cells):
        metadata: dict[str, Any] = {}
        if cell.tags:
            metadata["tags"] = list(cell.tags)
        if cell.answer:
            metadata["answer"] = cell.answer
        make = new_markdown_cell if cell.kind == "markdown" else new_code_cell
        node = make(text(cell), metadata=metadata)
        node["id"] = f"{lab.id.lower()}-{position:03d}"
        notebook.cells.append(node)
    return notebook


def _run(lab: Lab, notebook: NotebookNode) -> NotebookNode:
    """Run the solution as its author, with progress in a folder that is thrown away."""
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    with tempfile.TemporaryDirectory(prefix="labkit-build-") as home:
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            kernel_name="python3",
            resources={"metadata": {"path": str(lab.folder)}},
            store_widget_state=False,
        )
        try:
            client.execute(env=author_environment(Path(home)))
        except CellExecutionError as error:
            raise BuildError(f"the solution of {lab.id} fails:\n{error}") from None
    return _settled(notebook)


def author_environment(home: Path) -> dict[str, str]:
    """Return the environment in which a solution is run: fixed seed, progress thrown away.

    Victims come from the caller's cache, so that they are not trained again.
    """
    _link_cache(home)
    return {
        **os.environ,
        **thread_environment(),
        "LABKIT_HOME": str(home),
        "LABKIT_LEARNER": "author",
        "LABKIT_SEED": "0",
        "LABKIT_THINK_SECONDS": "0",
        "PYTHONWARNINGS": "default",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }


def _link_cache(home: Path) -> None:
    cache = cache_dir()
    cache.mkdir(parents=True, exist_ok=True)
    if not (home / "cache").exists():
        (home / "cache").symlink_to(cache, target_is_directory=True)


def _settled(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without anything that differs from run to run."""
    for number, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), start=1):
        cell["execution_count"] = number
        cell["metadata"].pop("execution", None)
        cell["outputs"] = [kept for output in cell["outputs"] if (kept := _settled_output(output, number))]
    notebook["metadata"].pop("widgets", None)
    notebook["metadata"]["language_info"] = {"name": "python"}
    return notebook


def _settled_output(output: NotebookNode, number: int) -> NotebookNode | None:
    if output["output_type"] == "stream":
        return output if output["name"] == "stdout" else None
    if output["output_type"] == "error":
        return output
    data = output["data"]
    if _WIDGET in data or "text/html" in data:
        # What a widget shows lives in the kernel, and pictures differ between machines.
        return None
    output["data"] = {"text/plain": _ADDRESS.sub("", data.get("text/plain", ""))}
    output["metadata"] = {}
    if "execution_count" in output:
        output["execution_count"] = number
    return output


def _text(notebook: NotebookNode) -> str:
    nbformat.validate(notebook)
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _write(path: Path, notebook: NotebookNode) -> bool:
    """Write ``notebook`` if it differs; return whether it did.  Never half a file."""
    text = _text(notebook)
    if path.is_file() and path.read_text(encoding="utf-8") == text:
        return False
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return True
