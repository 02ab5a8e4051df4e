"""The builder: one source, two notebooks, the same bytes every time.

``lab.py`` becomes ``lab.ipynb``, where every answer is a starter and nothing was run, and
``solution.ipynb``, which was run from top to bottom and keeps what it printed.  Cell ids
come from the lab and the position, so that building twice gives the same file; nbval holds
the solution to its outputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from labkit.core.errors import BuildError
from labkit.core.files import write_whole
from labkit.course.lab import Lab
from labkit.course.notebook_source import Cell, answer_code, read_cells
from labkit.course.solving import solve

__all__ = ["BuiltLab", "answer_code", "build", "participant_notebook", "solution_notebook", "stale"]

_CHECKED = "nbval-check-output"


@dataclass(frozen=True, slots=True)
class BuiltLab:
    """What the builder wrote; ``changed`` says whether it differs from what was there."""

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
    DeclarationError
        When the source is wrong; names file and line.
    BuildError
        When a cell of the solution fails; then nothing is written.
    StorageError
        When a notebook cannot be written; what was there stays.
    """
    participant, solution = lab.folder / "lab.ipynb", lab.folder / "solution.ipynb"
    files = {participant: _text(participant_notebook(lab))}
    if run:
        files[solution] = _text(solve(lab, solution_notebook(lab), progress=progress))
    changed = [_write(path, text) for path, text in files.items()]
    return BuiltLab(lab.id, participant, solution, any(changed))


def participant_notebook(lab: Lab, cells: Iterable[Cell] | None = None) -> NotebookNode:
    """Return the participant's notebook: starters in the place of answers, no outputs."""
    return _notebook(lab, cells, lambda cell: cell.starter)


def solution_notebook(lab: Lab, cells: Iterable[Cell] | None = None) -> NotebookNode:
    """Return the solution before it is run."""
    return _notebook(lab, cells, lambda cell: cell.solution)


def stale(lab: Lab, *, run: bool = False, progress: Callable[[str], None] | None = None) -> list[str]:
    """Return what differs between the notebooks on disk and what the source would build.

    The participant's notebook is compared byte for byte, the solution by its cells.  With
    ``run`` the solution is run again as well, and the outputs that a reader may rely on,
    those of cells tagged ``nbval-check-output``, are compared.
    """
    participant, solution = lab.folder / "lab.ipynb", lab.folder / "solution.ipynb"
    found = []
    if not participant.is_file() or participant.read_bytes() != _text(participant_notebook(lab)).encode():
        found.append("lab.ipynb is not what lab.py builds")
    if not solution.is_file():
        return [*found, "solution.ipynb is missing"]
    try:
        kept = nbformat.read(solution, as_version=4)
    except (ValueError, nbformat.ValidationError) as error:
        return [*found, f"solution.ipynb is no notebook: {error}"]
    wanted = solution_notebook(lab)
    if _sources(kept) != _sources(wanted):
        return [*found, "solution.ipynb is not what lab.py builds"]
    unrun = [cell.id for cell in kept.cells if cell.cell_type == "code" and cell.execution_count is None]
    if unrun:
        found.append(f"solution.ipynb has cells that were not run: {', '.join(unrun)}")
    if run:
        found += _differing(kept, solve(lab, wanted, progress=progress))
    return found


def _notebook(lab: Lab, cells: Iterable[Cell] | None, text: Callable[[Cell], str]) -> NotebookNode:
    notebook = new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "labkit": {"lab": lab.id, "title": lab.title},
        }
    )
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    for position, cell in enumerate(read_cells(lab.folder / "lab.py") if cells is None else cells):
        metadata: dict[str, Any] = {}
        if cell.tags:
            metadata["tags"] = list(cell.tags)
        if cell.answer:
            metadata["answer"] = cell.answer
        if cell.kind == "markdown":
            node = new_markdown_cell(text(cell), metadata=metadata)
        else:
            node = new_code_cell(text(cell), metadata=metadata)
        node["id"] = f"{lab.id.lower()}-{position:03d}"
        notebook.cells.append(node)
    return notebook


def _sources(notebook: NotebookNode) -> list[tuple[Any, ...]]:
    return [(cell.get("id"), cell.cell_type, cell.source, cell.metadata) for cell in notebook.cells]


def _differing(kept: NotebookNode, again: NotebookNode) -> list[str]:
    """Return which tagged cells of a solution have other outputs when they are run again."""
    return [
        f"solution.ipynb: the output of {old.id} changes when it is run again"
        for old, new in zip(kept.cells, again.cells, strict=True)
        if _CHECKED in old.metadata.get("tags", ()) and old.outputs != new.outputs
    ]


def _text(notebook: NotebookNode) -> str:
    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise BuildError(f"what was built is no valid notebook: {error}") from error
    return str(nbformat.writes(notebook, version=nbformat.NO_CONVERT)) + "\n"


def _write(path: Path, text: str) -> bool:
    """Write ``text`` if it differs from what is there; return whether it did.  Never half a file."""
    if path.is_file() and path.read_bytes() == text.encode():
        return False
    write_whole(path, text.encode())
    return True
