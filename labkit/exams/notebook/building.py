"""The exam notebook: one for a sitting, with the cells of its tasks, or with their solutions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from labkit.exams.blueprint import Blueprint
from labkit.exams.notebook.source import ExamCell, read_exam_cells
from labkit.exams.task.types import Task

if TYPE_CHECKING:
    from nbformat import NotebookNode

__all__ = ["exam_notebook", "is_cell_of", "issued_notebook", "notebook_bytes"]

_HEAD = """# {title}: {mode}

Each task below has its brief, its materials and one cell to hand in with. Write what you like
around it; what counts is what `exam.hand_in` accepts. You get a receipt, never a score. Hand in
as often as you want: the last version counts, and all are kept.

Run the next two cells. The second shows your desk: every task and item, how much time is left, and
the way to submit. Items are answered there, or with `exam.answer(item, positions, confidence)`. If
the kernel, the browser or the machine stops, open this notebook again and run both cells:
everything is where it was."""

_HEAD_SOLVED = """# {title}: a solution

One way through the tasks of the {mode} notebook, with its outputs. Other ways earn the same. It solves
what one sitting drew; yours has other materials, so read why a step is taken before you take it. The
desk, with time, items and submission, is left out: it stands in the notebook of your own sitting."""

_OPENS = "exam-open"

_OPEN = """from labkit.exams.sitting import open_sitting

exam = open_sitting()"""

# Widgets have new numbers in every run, so the solution, whose outputs are compared, goes without.
_DESK = """from labkit.ui.exam import exam_desk

exam_desk(exam)"""

_AGAIN = """The examiner runs the answer cell of this task again, after the cells above it as they were
issued, and compares what it hands in with what you handed in. So everything that it needs has to
stand in it, and what it draws by chance has to come out the same."""

_TAIL = """## Submit

Go back to your desk, look at what is open, and submit there; `exam.submit()` does the same. You get
a receipt: keep it. Nothing can be changed afterwards."""


def is_cell_of(name: str, slots: Iterable[str]) -> bool:
    """Return whether a cell with this id opens the sitting, or belongs to one of the tasks ``slots``."""
    return name == _OPENS or any(name.startswith(_start(slot)) for slot in slots)


def issued_notebook(blueprint: Blueprint, tasks: Iterable[Task], mode: str) -> bytes:
    """Return the notebook that a candidate gets, the same bytes for the same tasks."""
    return notebook_bytes(exam_notebook(blueprint, tasks, mode))


def exam_notebook(
    blueprint: Blueprint, tasks: Iterable[Task], mode: str, *, solved: bool = False
) -> NotebookNode:
    """Put the notebook together.

    Parameters
    ----------
    blueprint : Blueprint
    tasks : iterable of Task
        In the order of the notebook.
    mode : str
        ``practice``, ``rehearsal`` or ``exam``.
    solved : bool
        With the solutions, before it is run.

    Raises
    ------
    DeclarationError
        When a task's ``cells.py`` is missing or wrong.
    """
    from nbformat.v4 import new_notebook

    notebook: NotebookNode = new_notebook(
        metadata={
            "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
            "labkit": {"exam": blueprint.id, "blueprint": blueprint.version, "mode": mode},
        }
    )
    notebook["nbformat"], notebook["nbformat_minor"] = 4, 5
    head = (_HEAD_SOLVED if solved else _HEAD).format(title=blueprint.title, mode=mode)
    notebook.cells += [_node("exam-head", "markdown", head), _node(_OPENS, "code", _OPEN)]
    if not solved:
        notebook.cells.append(_node("exam-desk", "code", _DESK))
    for task in tasks:
        notebook.cells += _cells_of(task, solved)
    if not solved:
        notebook.cells.append(_node("exam-tail", "markdown", _TAIL))
    return notebook


def _cells_of(task: Task, solved: bool) -> list[Any]:
    """Return the cells of a task; a cell of the issued notebook has the same id in the solved one."""
    found: list[Any] = []
    read = read_exam_cells(task)
    kept = [cell for cell in read if not cell.only_solved]
    names = {cell.line: f"{number:03d}" for number, cell in enumerate(kept)}
    for cell in read if solved else kept:
        if task.reproduce and f"answer-{task.id}" in cell.tags:
            found.append(_node(f"{_start(task.id)}again", "markdown", _AGAIN))
        name = names.get(cell.line, f"solution-{cell.line}")
        found.append(
            _node(f"{_start(task.id)}{name}", cell.kind, cell.solved if solved else cell.issued, cell)
        )
    return found


def notebook_bytes(notebook: NotebookNode) -> bytes:
    """Return a notebook as it is written to disk.

    Raises
    ------
    BuildError
        When it is no valid notebook.
    """
    import nbformat

    from labkit.core.errors import BuildError

    try:
        nbformat.validate(notebook)
    except nbformat.ValidationError as error:
        raise BuildError(f"what was built is no valid notebook: {error}") from error
    return str(nbformat.writes(notebook, version=nbformat.NO_CONVERT)).encode() + b"\n"


def _start(slot: str) -> str:
    """Return what the ids of a task's cells begin with."""
    return f"{slot.lower()}-"


def _node(name: str, kind: str, text: str, cell: ExamCell | None = None) -> Any:
    from nbformat.v4 import new_code_cell, new_markdown_cell

    metadata = {"tags": list(cell.tags)} if cell is not None and cell.tags else {}
    new: Callable[..., Any] = new_markdown_cell if kind == "markdown" else new_code_cell
    node = new(text, metadata=metadata)
    node["id"] = name
    return node
