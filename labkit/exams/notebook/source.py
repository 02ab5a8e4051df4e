"""The part of the exam notebook that a task brings: ``cells.py`` in percent format.

One code cell is tagged ``answer-<task>``; the lines between ``# solution`` and ``# end solution``
in it are the reference solution, which an issued notebook does not have.  Nor does it have the
cells tagged ``solution``: what has to be said about the solution, and steps on the way to it.
"""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path

from labkit.core.errors import DeclarationError
from labkit.course.notebook_source import FORGIVING_TAGS
from labkit.exams.task.types import Task

__all__ = ["ExamCell", "read_cells", "read_exam_cells"]

_MARK = re.compile(r"# %%(?P<prose>\s*\[markdown\])?(?:\s+tags=(?P<tags>\[[^\]]*\]))?\s*$")
_ORDER = re.compile(r"\s*#+\s*(NBVAL_\w+|PYTEST_VALIDATE_\w+)\s*$")
_BEGIN, _END = "# solution", "# end solution"
_CHECKED = "nbval-check-output"
_SOLUTION = "solution"


@dataclass(frozen=True, slots=True)
class ExamCell:
    """One cell: prose, or code with its tags; ``line`` is where its mark stands."""

    kind: str
    text: str
    line: int
    tags: tuple[str, ...] = ()

    @property
    def only_solved(self) -> bool:
        """Whether an issued notebook does without the cell."""
        return _SOLUTION in self.tags

    @property
    def solved(self) -> str:
        """The cell without the two markers."""
        return "\n".join(each for each in self.text.splitlines() if each.strip() not in (_BEGIN, _END))

    @property
    def issued(self) -> str:
        """The cell without the solution."""
        kept, inside = [], False
        for line in self.text.splitlines():
            if line.strip() in (_BEGIN, _END):
                inside = line.strip() == _BEGIN
            elif not inside:
                kept.append(line)
        return "\n".join(kept).strip("\n")


def read_exam_cells(task: Task) -> list[ExamCell]:
    """Read and check ``cells.py`` of a task.

    Raises
    ------
    DeclarationError
        Naming file and line: no or two answer cells, markers that do not pair, a tag by which a
        runner skips or forgives, code that is not Python with or without the solution, an answer
        that does not end in ``exam.hand_in``, or that a step before it is needed for where only the
        answer is run again.
    """
    path = task.folder / "cells.py"
    cells = read_cells(path)
    answers = [cell for cell in cells if f"answer-{task.id}" in cell.tags]
    if len(answers) != 1:
        raise DeclarationError(path, None, f"expected one cell tagged answer-{task.id}, got {len(answers)}")
    for cell in cells:
        _check(path, cell, task.id)
        if cell.only_solved and cell.kind == "code" and task.reproduce:
            raise DeclarationError(
                path,
                cell.line,
                f"expected the whole solution in the answer: only answer-{task.id} is run again",
            )
    return cells


def read_cells(path: Path) -> list[ExamCell]:
    """Return the cells of a source in percent format."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(path, None, f"expected a readable UTF-8 file: {error}") from None
    marks = [number for number, line in enumerate(lines) if line.startswith("# %%")]
    if not marks or any(line.strip() for line in lines[: marks[0]]):
        raise DeclarationError(path, 1, "expected the first cell to begin here, with a line '# %%'")
    ends = [*marks[1:], len(lines)]
    return [_cell(path, mark + 1, lines[mark:end]) for mark, end in zip(marks, ends, strict=True)]


def _cell(path: Path, line: int, lines: list[str]) -> ExamCell:
    mark = _MARK.match(lines[0])
    try:
        tags = json.loads(mark["tags"] or "[]") if mark else None
    except ValueError:
        tags = None
    if mark is None or tags is None:
        raise DeclarationError(path, line, "expected '# %%', '# %% [markdown]' or '# %% tags=[\"...\"]'")
    if not mark["prose"]:
        return ExamCell("code", "\n".join(lines[1:]).strip("\n").rstrip(), line, tuple(tags))
    for offset, text in enumerate(lines[1:], start=1):
        if text.strip() and not text.startswith("#"):
            raise DeclarationError(path, line + offset, "expected every line of prose to begin with '#'")
    prose = "\n".join(re.sub(r"^# ?", "", text) for text in lines[1:])
    return ExamCell("markdown", prose.strip("\n"), line, tuple(tags))


def _check(path: Path, cell: ExamCell, task: str) -> None:
    answer = f"answer-{task}" in cell.tags
    for tag in cell.tags:
        if tag in FORGIVING_TAGS or tag not in (allowed := (f"answer-{task}", _SOLUTION, _CHECKED)):
            raise DeclarationError(path, cell.line, f"expected no tag but {', '.join(allowed)}, got {tag!r}")
    if cell.kind == "markdown":
        return
    for offset, text in enumerate(cell.text.splitlines(), start=1):
        if found := _ORDER.match(text):
            raise DeclarationError(
                path, cell.line + offset, f"the comment {found[1]} would make a runner treat this cell apart"
            )
    markers = [each.strip() for each in cell.text.splitlines() if each.strip() in (_BEGIN, _END)]
    if markers != [_BEGIN, _END] * (len(markers) // 2) or bool(markers) != answer:
        raise DeclarationError(
            path, cell.line, f"expected pairs of '{_BEGIN}' and '{_END}' in the answer, and nowhere else"
        )
    for face, code in (("solved", cell.solved), ("issued", cell.issued)):
        try:
            parsed = ast.parse(code)
        except SyntaxError as error:
            raise DeclarationError(path, cell.line, f"the {face} cell is no Python: {error.msg}") from None
        if answer and not _hands_in(parsed, task):
            raise DeclarationError(
                path, cell.line, f'expected the {face} answer to end in exam.hand_in("{task}", ...)'
            )


def _hands_in(code: ast.Module, task: str) -> bool:
    last = code.body[-1] if code.body else None
    if not isinstance(last, ast.Expr) or not isinstance(last.value, ast.Call) or not last.value.args:
        return False
    called = ast.unparse(last.value.func)
    return called == "exam.hand_in" and ast.unparse(last.value.args[0]) == repr(task)
