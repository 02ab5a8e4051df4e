"""From a lab's notebook to the page of its dashboard: Voilà's renderer, prepared once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from nbformat import NotebookNode, from_dict
from voila.exporter import VoilaExporter
from voila.notebook_renderer import NotebookRenderer

from labkit.course import Lab, next_lab
from labkit.server.mathml import with_mathml
from labkit.server.replay.record import HIDDEN_TAG, Record

__all__ = ["NUMBER", "RecordedRenderer", "Renderer", "beating", "lab_path", "prepared"]

NUMBER = "6b65726e-656c-4000-8000-6e756d626572"
"""Stands in a recorded page where the number of its kernel belongs."""

_HEARTBEAT = 10.0  # seconds
_BEAT = "<script>window.voila_heartbeat()</script>\n"


class Renderer(NotebookRenderer):  # type: ignore[misc]
    """Renders one page; the compiled template is shared by all pages of a server.

    Voilà compiles its templates anew for every page, which takes longer than all the rest
    that happens before a kernel is needed.
    """

    _exporters: dict[str, VoilaExporter] = {}  # noqa: RUF012 - one for the process, by address

    async def initialize(self, **kwargs: Any) -> None:
        await super().initialize(**kwargs)
        self.exporter: VoilaExporter = self._exporters.setdefault(self.base_url, self.exporter)

    async def _jinja_kernel_start(self, nb: NotebookNode, kernel_id: None, kernel_future: Any) -> str:
        """Wait for the kernel, whose number is not known before; the page's head is on its way."""
        number, kernel = await kernel_future
        return str(await super()._jinja_kernel_start(nb, number, kernel))


class RecordedRenderer(Renderer):
    """Renders a page from a record; no kernel is needed for it."""

    def __init__(self, record: Record, **settings: Any) -> None:
        super().__init__(**settings)
        self._record = record

    async def _jinja_kernel_start(self, *_: Any, **__: Any) -> str:
        return NUMBER

    async def _jinja_cell_generator(self, nb: NotebookNode, kernel_id: str) -> AsyncIterator[NotebookNode]:
        for cell in nb.cells:
            if cell.cell_type == "code":
                cell.outputs = [from_dict(each) for each in self._record.outputs.get(cell.id, [])]
            yield cell


def prepared(notebook: NotebookNode, lab: Lab) -> NotebookNode:
    """Drop the cells that are written by hand, set formulas, and tell the template about the lab."""
    notebook.cells = [
        cell for cell in notebook.cells if HIDDEN_TAG not in cell.get("metadata", {}).get("tags", [])
    ]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = with_mathml(cell.source)
    following = next_lab(lab)
    notebook.metadata["title"] = f"{lab.title} · AI security lab"
    notebook.metadata["labkit"] = {
        "id": lab.id,
        "title": lab.title,
        "demo": bool(lab.demo),
        "victims": sorted({f"{each.victim} on {each.dataset}" for each in lab.scenarios if each.victim}),
        "next_id": following.id if following else "",
        "next_title": following.title if following else "",
    }
    # Whatever a notebook asks for, it is shown in our template and run by our kernel.
    notebook.metadata.pop("voila", None)
    notebook.metadata["kernelspec"] = NotebookNode(
        name="python3", display_name="Python 3 (ipykernel)", language="python"
    )
    return notebook


async def beating(pieces: AsyncIterator[tuple[str, Any]]) -> AsyncIterator[str]:
    """Return the pieces of a page, with a sign of life in between when one takes long."""
    following = asyncio.ensure_future(anext(pieces, None))
    try:
        while True:
            done, _ = await asyncio.wait({following}, timeout=_HEARTBEAT)
            if not done:
                yield _BEAT
                continue
            piece = following.result()
            if piece is None:
                return
            yield piece[0]
            following = asyncio.ensure_future(anext(pieces, None))
    finally:
        following.cancel()


def lab_path(lab: Lab) -> str:
    """Return where the notebook of a lab lies, as the contents manager of the labs names it."""
    return Path(lab.folder.name, "lab.ipynb").as_posix()
