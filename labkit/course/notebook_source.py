"""The source of a lab, ``lab.py`` in percent format: cells, tags, answers and their starters."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import jupytext

from labkit.core.errors import DeclarationError, UnknownNameError
from labkit.course.lab import Lab

__all__ = ["FORGIVING_TAGS", "TAGS", "Cell", "answer_code", "read_cells"]

TAGS = ("answer", "dashboard", "hands-on", "nbval-check-output")
"""Tags a cell may carry: what they mean stands in ``docs/reference/labs.md``."""

FORGIVING_TAGS = (
    "nbval-ignore-output",
    "nbval-raises-exception",
    "nbval-skip",
    "raises-exception",
    "skip",
    "skip-execution",
)
"""Tags that make a runner skip or forgive a cell; none of them may appear in a lab."""

_STARTER, _SOLUTION, _END = "# starter", "# solution", "# end"


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the source.

    Attributes
    ----------
    kind : str
        ``"markdown"`` or ``"code"``.
    text : str
        What stands in it, the markers of an answer included.
    line : int
        Where it begins in ``lab.py``.
    tags : tuple of str
    answer : str
        Id of the answer, empty when it is none.
    """

    kind: str
    text: str
    line: int
    tags: tuple[str, ...] = ()
    answer: str = ""

    @property
    def solution(self) -> str:
        """The cell as it is solved: without markers and without the starter."""
        return _without(self.text, starter=True)

    @property
    def starter(self) -> str:
        """The cell as a participant gets it: the solution gone, the starter uncommented."""
        return _without(self.text, starter=False)


def read_cells(path: Path) -> list[Cell]:
    """Read ``lab.py`` and check its cells.

    Raises
    ------
    DeclarationError
        Naming file and line: unknown or forgiving tags, an answer without a solution.
    """
    notebook = jupytext.reads(path.read_text(encoding="utf-8"), fmt="py:percent")
    lines = _cell_lines(path)
    cells = []
    for position, node in enumerate(notebook.cells):
        line = lines[position] if position < len(lines) else 1
        cell = Cell(
            kind=node.cell_type,
            text=node.source,
            line=line,
            tags=tuple(node.metadata.get("tags", ())),
            answer=node.metadata.get("answer", ""),
        )
        _check(path, cell)
        cells.append(cell)
    return cells


def answer_code(lab: Lab, answer_id: str) -> str:
    """Return the code that solves an answer cell.

    Raises
    ------
    UnknownNameError
        When the lab has no such answer.
    """
    answers = {cell.answer: cell for cell in read_cells(lab.folder / "lab.py") if cell.answer}
    if answer_id not in answers:
        raise UnknownNameError(f"answer in the lab {lab.id}", answer_id, answers)
    return answers[answer_id].solution


def _cell_lines(path: Path) -> list[int]:
    text = path.read_text(encoding="utf-8").splitlines()
    return [number for number, line in enumerate(text, start=1) if re.match(r"# %%( |$)", line)]


def _check(path: Path, cell: Cell) -> None:
    for tag in cell.tags:
        if tag in FORGIVING_TAGS:
            raise DeclarationError(
                path, cell.line, f"the tag {tag!r} would make a runner skip or forgive this cell; remove it"
            )
        if tag not in TAGS:
            raise DeclarationError(path, cell.line, f"unknown tag {tag!r}. Known: {', '.join(TAGS)}.")
    if bool(cell.answer) != ("answer" in cell.tags):
        raise DeclarationError(path, cell.line, 'an answer cell has both tags=["answer"] and answer="its id"')
    if cell.answer and not any(line.strip() == _SOLUTION for line in cell.text.splitlines()):
        raise DeclarationError(path, cell.line, f"the answer {cell.answer!r} has no line {_SOLUTION!r}")


def _without(text: str, *, starter: bool) -> str:
    """Return the text of an answer cell without its starter, or without its solution."""
    kept, state = [], ""
    for line in text.splitlines():
        mark = line.strip()
        if mark in (_STARTER, _SOLUTION, _END):
            state = "" if mark == _END else mark
        elif state == _STARTER:
            if not starter:
                kept.append(re.sub(r"^(\s*)# ?", r"\1", line))
        elif state != _SOLUTION or starter:
            kept.append(line)
    return "\n".join(kept).strip("\n")
