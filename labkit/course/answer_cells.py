"""Answer cells: one text that holds both what a participant begins with and what solves it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from labkit.core.errors import DeclarationError

__all__ = ["check_answer", "without"]

_PARTS = ("starter", "solution")


def without(text: str, part: str) -> str:
    """Return an answer cell without its ``"starter"`` or without its ``"solution"``; no marker stays."""
    kept, inside = [], ""
    for line in text.splitlines():
        if (marker := _marker(line)) is not None:
            inside = marker
        elif inside == "starter" and part != "starter":
            kept.append(re.sub(r"^(\s*)# ?", r"\1", line))
        elif inside != part:
            kept.append(line)
    return "\n".join(kept).strip("\n")


def check_answer(path: Path, line: int, text: str, answer: str) -> None:
    """Check a code cell whose mark stands on ``line``; ``answer`` is empty when it is no answer.

    Raises
    ------
    DeclarationError
        For markers out of order, a starter that is not commented out, a solution that is
        missing, or code that is not Python.
    """
    if answer:
        _check_parts(path, line, text, answer)
    elif markers := [place for place, _ in _markers(text)]:
        raise DeclarationError(
            path,
            line + markers[0],
            'markers of an answer need a cell with tags=["answer"] and answer="its id"',
        )
    for part in _PARTS if answer else ("",):
        code = without(text, part) if part else text
        try:
            compile(code, str(path), "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except SyntaxError as error:
            face = {"": "this cell", "starter": "the solution", "solution": "the starter"}[part]
            raise DeclarationError(path, line, f"{face} is not plain Python: {error.msg}") from None


def _check_parts(path: Path, line: int, text: str, answer: str) -> None:
    order = [marker for _, marker in _markers(text) if marker]
    if order not in (["solution"], ["starter", "solution"]):
        raise DeclarationError(
            path,
            line,
            f"the answer {answer!r} needs one line '# solution', after at most one line '# starter'; "
            f"found {', '.join(order) or 'none'}",
        )
    if without(text, "solution") == without(text, "starter"):
        raise DeclarationError(path, line, f"the answer {answer!r} is solved by its starter already")
    inside = ""
    for offset, each in enumerate(text.splitlines(), start=1):
        marker = _marker(each)
        inside = inside if marker is None else marker
        if inside == "starter" and marker is None and each.strip() and not each.strip().startswith("#"):
            raise DeclarationError(path, line + offset, "expected the starter to be commented out with '# '")


def _markers(text: str) -> list[tuple[int, str]]:
    """Return the markers of a cell with their line in it, from 1; ``# end`` is an empty text."""
    found = [(place, _marker(line)) for place, line in enumerate(text.splitlines(), start=1)]
    return [(place, marker) for place, marker in found if marker is not None]


def _marker(line: str) -> str | None:
    return {"# starter": "starter", "# solution": "solution", "# end": ""}.get(line.strip())
