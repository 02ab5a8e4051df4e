"""Lay a candidate's answers over the issued notebook, and take nothing else from the candidate."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from labkit.core.errors import DataFormatError
from labkit.exams.envelope.strict import read_json

__all__ = ["Overlaid", "overlay"]

_ANSWER = re.compile(r"answer-[A-Za-z0-9_-]{1,16}")
_CHECKED = "nbval-check-output"

# Tags and metadata by which a runner skips a cell or forgives it.
_FORGIVING = re.compile(
    r"(nbval-)?(skip|ignore-output|raises-exception|test-skip)|raises-exception|skip-execution|allow[-_]errors"
    r"|no-?execute|remove[-_].*|hide[-_].*|papermill.*|injected-parameters|parameters",
    re.IGNORECASE,
)
# Words at the start of a line that nbval takes as an order.
_ORDER = re.compile(r"(?im)^(\s*)#\s*(NBVAL|PYTEST)[_A-Z]*")

_MOST = 32 << 20


@dataclass(frozen=True, slots=True)
class Overlaid:
    """The issued notebook with somebody's answers in it.

    Attributes
    ----------
    notebook : dict
        As JSON holds it.
    notes : tuple of str
        What a human should look at: cells that are gone, orders to a runner.
    asides : tuple of str
        Cells of the candidate's own, and issued ones that were changed.  Everybody may write and
        try things; they matter when something fails.
    """

    notebook: dict[str, Any]
    notes: tuple[str, ...]
    asides: tuple[str, ...]


def overlay(issued: bytes, handed_in: bytes, runs: Callable[[str], bool] = lambda name: True) -> Overlaid:
    """Lay the candidate's answer cells over the issued notebook.

    A cell is an answer when it is tagged ``answer-…`` in the *issued* notebook; its source is
    taken from the cell of the same id.  The output that the candidate's notebook shows for a cell
    that is checked is taken as what it claims.  Tags, metadata, new cells,
    and changes of any other cell are left where they are; what would tell a runner to skip or to
    forgive is named.

    Parameters
    ----------
    issued, handed_in : bytes
        Notebooks as JSON (nbformat 4.5).
    runs : function, optional
        Returns whether the cell with an id is to be run at all; the others are taken out.

    Raises
    ------
    DataFormatError
        When the candidate's file is no notebook with cells.
    """
    ours, theirs = json.loads(issued), read_json("exam.ipynb", handed_in, most=_MOST)
    cells = theirs.get("cells") if isinstance(theirs, dict) else None
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise DataFormatError("exam.ipynb: no notebook with cells")
    given: dict[str, Mapping[str, Any]] = {}
    notes = _forgiving("the notebook", theirs.get("metadata"))
    for cell in cells:
        name = cell.get("id")
        if not isinstance(name, str) or name in given:
            notes.append("a cell without an id of its own was left out")
            continue
        given[name] = cell
        notes += _forgiving(f"the cell {name[:40]!r}", cell.get("metadata"))
    asides: list[str] = []
    issued_names = {cell["id"] for cell in ours["cells"]}
    ours["cells"] = [cell for cell in ours["cells"] if runs(cell["id"])]
    for cell in ours["cells"]:
        tags = cell["metadata"].get("tags", [])
        cell["metadata"]["tags"] = [tag for tag in tags if not _FORGIVING.fullmatch(tag)]
        answer = any(_ANSWER.fullmatch(tag) for tag in tags)
        mine = given.get(cell["id"])
        if mine is None:
            notes.append(f"the cell {cell['id']!r} is gone from the candidate's notebook")
        elif cell["cell_type"] != "code":
            continue
        elif answer:
            cell["source"], orders = _source(mine)
            notes += [f"an order to the runner in the answer {cell['id']!r} was left out"] * orders
        elif _text(mine.get("source")) != _text(cell["source"]):
            asides.append(f"the cell {cell['id']!r} was changed; the issued one is run")
        if mine is not None and _CHECKED in tags:
            claims = _claims(mine.get("outputs"))
            # nbval compares a cell that was run, and takes one without a number for one that was not.
            cell["outputs"], cell["execution_count"] = claims, 1 if claims else None
            if not claims:
                notes.append(f"the cell {cell['id']!r} shows no output to compare with")
    more = [name for name in given if name not in issued_names]
    asides += [f"the cell {name[:40]!r} is not in the issued notebook and was left out" for name in more]
    return Overlaid(ours, tuple(notes), tuple(asides))


def _forgiving(where: str, metadata: Any) -> list[str]:
    """Return what in the metadata of a candidate would tell a runner to skip or to forgive."""
    if not isinstance(metadata, dict):
        return []
    tags = metadata.get("tags")
    words = [str(tag) for tag in tags] if isinstance(tags, list) else []
    words += [str(key) for key in metadata]
    # What every notebook carries, and what JupyterLab writes by itself.
    found = [word for word in words if _FORGIVING.fullmatch(word)]
    return [f"{where} says {word[:40]!r} to a runner; it was left out" for word in found]


def _source(cell: Mapping[str, Any]) -> tuple[str, int]:
    """Return a source without orders to nbval, and whether there were any."""
    text, count = _ORDER.subn(r"\1# (left out)", _text(cell.get("source")))
    return text, min(count, 1)


def _text(source: Any) -> str:
    if isinstance(source, list):
        return "".join(each for each in source if isinstance(each, str))
    return source if isinstance(source, str) else ""


def _claims(outputs: Any) -> list[dict[str, Any]]:
    """Return the texts among the outputs; pictures, widgets and metadata claim nothing."""
    kept: list[dict[str, Any]] = []
    for output in outputs if isinstance(outputs, list) else []:
        if not isinstance(output, dict):
            continue
        if output.get("output_type") == "stream" and output.get("name") in ("stdout", "stderr"):
            kept.append({"output_type": "stream", "name": output["name"], "text": _text(output.get("text"))})
        elif output.get("output_type") in ("execute_result", "display_data"):
            data = output.get("data")
            text = _text(data.get("text/plain")) if isinstance(data, dict) else ""
            kept.append({"output_type": "display_data", "data": {"text/plain": text}, "metadata": {}})
    return kept
