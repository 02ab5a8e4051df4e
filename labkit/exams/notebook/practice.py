"""Build ``practice.ipynb`` and ``solution.ipynb`` of an exam, and run the solution on any draw."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import BuildError
from labkit.core.files import write_whole
from labkit.core.machine import thread_environment
from labkit.exams.blueprint import read_blueprint
from labkit.exams.notebook.building import exam_notebook, notebook_bytes
from labkit.exams.task import Task, tasks_of

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from labkit.exams.examiner import Session

__all__ = [
    "BuiltExam",
    "author_session",
    "build_practice",
    "run_solution",
    "solution_environment",
    "stale_practice",
]

PRACTICE, SOLUTION = "practice.ipynb", "solution.ipynb"
_CELL_SECONDS = 180
_RECEIPT = re.compile(r"receipt [0-9a-f]{16}")
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class BuiltExam:
    """What was written; ``changed`` says whether anything differs from what was there."""

    practice: Path
    solution: Path
    tasks: tuple[str, ...]
    changed: bool


def build_practice(folder: Path, progress: Progress | None = None) -> BuiltExam:
    """Write both notebooks of the exam in ``folder``; the solution is run on one draw.

    Tasks that are not available yet, or have no ``cells.py``, are left out.

    Raises
    ------
    DeclarationError
        When ``cells.py`` of a task is wrong.
    BuildError
        When a cell of the solution fails; then nothing is written.
    """
    tasks = _present(folder)
    blueprint = read_blueprint(folder)
    files = {
        folder / PRACTICE: notebook_bytes(exam_notebook(blueprint, tasks, "practice")),
        folder / SOLUTION: notebook_bytes(run_solution(folder, tasks, "author-1", progress)),
    }
    changed = [path for path, content in files.items() if not _same(path, content)]
    for path in changed:
        write_whole(path, files[path])
    ids = tuple(task.id for task in tasks)
    return BuiltExam(folder / PRACTICE, folder / SOLUTION, ids, bool(changed))


def stale_practice(folder: Path) -> list[str]:
    """Return what differs between the notebooks on disk and what the tasks would build; nothing is run."""
    import nbformat

    blueprint, tasks = read_blueprint(folder), _present(folder)
    if not tasks:
        return []
    found = []
    if not _same(folder / PRACTICE, notebook_bytes(exam_notebook(blueprint, tasks, "practice"))):
        found.append(f"{PRACTICE} is not what the tasks build: run `labkit exam check --build`")
    if not (folder / SOLUTION).is_file():
        return [*found, f"{SOLUTION} is missing: run `labkit exam check --build`"]
    kept = nbformat.read(folder / SOLUTION, as_version=4)
    wanted = exam_notebook(blueprint, tasks, "practice", solved=True)
    if [_source(cell) for cell in kept.cells] != [_source(cell) for cell in wanted.cells]:
        found.append(f"{SOLUTION} is not what the tasks build: run `labkit exam check --build`")
    return found


def run_solution(
    folder: Path,
    tasks: Iterable[Task],
    session: str,
    progress: Progress | None = None,
    *,
    sitting: Path | None = None,
) -> NotebookNode:
    """Run the solution in a practice sitting and return it with its outputs.

    Parameters
    ----------
    folder : Path
        The exam.
    tasks : iterable of Task
    session : str
        What the variants are drawn by: another one, another draw.
    progress : function, optional
    sitting : Path, optional
        Where the sitting is made and kept; by default it is thrown away.

    Raises
    ------
    BuildError
        When a cell fails or takes longer than three minutes.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

    from labkit.course.solving import settled

    notebook = exam_notebook(read_blueprint(folder), tasks, "practice", solved=True)
    total = len(notebook.cells)

    def tell(cell: NotebookNode, cell_index: int) -> None:
        if progress is not None:
            progress(cell_index, total, f"solution: {cell.id}")

    with tempfile.TemporaryDirectory(prefix="labkit-exam-") as home:
        place = Path(home) / "sitting" if sitting is None else sitting
        author_session(folder, session, Path(home) / "examiner", place)
        client = NotebookClient(
            notebook,
            timeout=_CELL_SECONDS,
            kernel_name="python3",
            resources={"metadata": {"path": str(place)}},
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
            on_cell_start=tell,
            extra_arguments=["--log-level=ERROR"],
        )
        try:
            client.execute(env=solution_environment(folder, place))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise BuildError(f"the solution of {folder.name} fails:\n{error}") from None
        hide = {str(place.resolve()): "sitting", str(place): "sitting"}
        return _without_receipts(settled(notebook, hide))


def author_session(folder: Path, session: str, examiner: Path, sitting: Path) -> Session:
    """Make a practice sitting whose draw depends on ``session`` alone, for builders and tests.

    The keys are those of nobody: whatever they sign is worth nothing.
    """
    from labkit.exams.examiner import Candidate, Examiner
    from labkit.exams.signing import Keys
    from labkit.exams.sitting import make_sitting

    made = Examiner.create(examiner, None, exam=folder, keys=Keys(b"\0" * 32, b"\0" * 32))
    opened = made.open_session(Candidate("author"), "practice", session=session)
    make_sitting(made, opened, sitting)
    return opened


def _without_receipts(notebook: NotebookNode) -> NotebookNode:
    """Return the notebook without the digests that depend on the time of day."""
    for output in (each for cell in notebook.cells for each in cell.get("outputs", ())):
        if output["output_type"] == "stream":
            output["text"] = _RECEIPT.sub("receipt ...", output["text"])
        else:
            output["data"]["text/plain"] = _RECEIPT.sub("receipt ...", output["data"]["text/plain"])
    return notebook


def _present(folder: Path) -> list[Task]:
    available = {slot.slot for slot in read_blueprint(folder).available}
    return [
        task
        for task in tasks_of(folder).values()
        if task.id in available and (task.folder / "cells.py").is_file()
    ]


def solution_environment(folder: Path, sitting: Path) -> dict[str, str]:
    """Return the environment of the kernel: one thread, the caller's victims, this sitting."""
    return {
        **os.environ,
        **thread_environment(),
        "LABKIT_EXAMS": str(folder.resolve().parent),
        "LABKIT_SITTING": str(sitting),
        "PYTHONHASHSEED": "0",
        "IPYTHONDIR": str(sitting.parent / "ipython"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }


def _same(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


def _source(cell: NotebookNode) -> tuple[Any, ...]:
    return (cell.get("id"), cell.cell_type, cell.source, tuple(cell.metadata.get("tags", ())))
