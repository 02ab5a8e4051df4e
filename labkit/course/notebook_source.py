"""The source of a lab, ``lab.py`` in percent format: cells, tags, answers and their starters.

A cell begins with ``# %%``, or ``# %% [markdown]`` and its text in comments; behind it may
stand ``tags=["..."]`` and ``answer="..."``.  In an answer the lines after ``# starter`` are
what a participant begins with, each commented out, and the lines after ``# solution`` are
what solves it; ``# end`` ends either.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.core.errors import DeclarationError, UnknownNameError
from labkit.course.answer_cells import check_answer, without
from labkit.course.lab import Lab

__all__ = ["FORGIVING_TAGS", "TAGS", "Cell", "answer_code", "read_cells"]

TAGS = ("answer", "dashboard", "hands-on", "nbval-check-output")
"""Tags a cell may carry; the guide to writing a lab says what each means."""

FORGIVING_TAGS = (
    "nbval-ignore-output",
    "nbval-raises-exception",
    "nbval-skip",
    "pytest-validate-ignore-output",
    "raises-exception",
    "skip",
    "skip-execution",
)
"""Tags that make a runner skip or forgive a cell; none of them may appear in a lab."""

_MARK = re.compile(r"# %%(?:\s+(?P<rest>.*))?$")
_KIND = re.compile(r"\[(\w+)\]\s*")
_PAIR = re.compile(r'(\w+)=(\[[^\]]*\]|"[^"]*")\s*')
_COMMENT = re.compile(r"\s*#+\s*(NBVAL_\w+|PYTEST_VALIDATE_\w+)\s*$")


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
        Where its mark stands in ``lab.py``.
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
        return without(self.text, "starter") if self.answer else self.text

    @property
    def starter(self) -> str:
        """The cell as a participant gets it: the solution gone, the starter uncommented."""
        return without(self.text, "solution") if self.answer else self.text


def read_cells(path: Path) -> list[Cell]:
    """Read ``lab.py`` and check its cells.

    Raises
    ------
    DeclarationError
        Naming file and line: something before the first cell, an unknown or forgiving tag,
        an answer without a solution or used twice, code that is not Python.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(path, None, f"expected a readable UTF-8 file: {error}") from None
    marks = [number for number, line in enumerate(lines) if _MARK.match(line)]
    for number in range(marks[0] if marks else len(lines)):
        if lines[number].strip():
            raise DeclarationError(path, number + 1, "expected a cell to begin here, with a line '# %%'")
    ends = [*marks[1:], len(lines)]
    cells = [_cell(path, mark + 1, lines[mark:end]) for mark, end in zip(marks, ends, strict=False)]
    _check_distinct(path, cells)
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


def _cell(path: Path, line: int, lines: list[str]) -> Cell:
    """Read one cell; ``lines`` begins with its mark, which stands on line ``line``."""
    mark = _MARK.match(lines[0])
    rest = (mark["rest"] or "" if mark else "").strip()
    kind = "code"
    if named := _KIND.match(rest):
        kind, rest = named[1], rest[named.end() :]
    if kind not in ("code", "markdown"):
        raise DeclarationError(path, line, f"expected [markdown] or nothing, got [{kind}]")
    about = _about(path, line, rest)
    text = _prose(path, line, lines[1:]) if kind == "markdown" else "\n".join(lines[1:]).strip("\n")
    cell = Cell(kind, text.rstrip(), line, tuple(about.get("tags", ())), about.get("answer", ""))
    _check_tags(path, cell)
    for offset, below in enumerate(lines[1:], start=1):
        if found := _COMMENT.match(below):
            raise DeclarationError(
                path,
                line + offset,
                f"the comment {found[1]} would make a runner treat this cell apart; remove it",
            )
    if kind == "code":
        check_answer(path, cell.line, cell.text, cell.answer)
    return cell


def _about(path: Path, line: int, rest: str) -> dict[str, Any]:
    """Return what stands behind the mark of a cell: its tags and the id of its answer."""
    found: dict[str, Any] = {}
    while rest:
        pair = _PAIR.match(rest)
        wanted = {"tags": list, "answer": str}
        try:
            value = json.loads(pair[2]) if pair else None
        except ValueError:
            value = None
        if pair is None or not isinstance(value, wanted.get(pair[1], tuple)) or pair[1] in found:
            raise DeclarationError(
                path, line, f'expected tags=["...", "..."] and answer="..." behind the mark, got {rest!r}'
            )
        found[pair[1]] = value
        rest = rest[pair.end() :]
    return found


def _prose(path: Path, line: int, lines: list[str]) -> str:
    kept = []
    for offset, text in enumerate(lines, start=1):
        if text.strip() and not text.startswith("#"):
            raise DeclarationError(path, line + offset, "expected every line of prose to begin with '#'")
        kept.append(re.sub(r"^# ?", "", text))
    return "\n".join(kept).strip("\n")


def _check_tags(path: Path, cell: Cell) -> None:
    for tag in cell.tags:
        if tag in FORGIVING_TAGS:
            raise DeclarationError(
                path, cell.line, f"the tag {tag!r} would make a runner skip or forgive this cell; remove it"
            )
        if tag not in TAGS:
            raise DeclarationError(path, cell.line, f"unknown tag {tag!r}. Known: {', '.join(TAGS)}.")
    if bool(cell.answer) != ("answer" in cell.tags):
        raise DeclarationError(path, cell.line, 'an answer cell has both tags=["answer"] and answer="its id"')


def _check_distinct(path: Path, cells: list[Cell]) -> None:
    seen: set[str] = set()
    for cell in cells:
        if cell.answer and cell.answer in seen:
            raise DeclarationError(path, cell.line, f"the answer {cell.answer!r} is used twice")
        seen.add(cell.answer)
