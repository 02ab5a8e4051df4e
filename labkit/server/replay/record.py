"""What the page of a dashboard is made of, as the server gets it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["HIDDEN_TAG", "WIDGET", "Output", "Record"]

HIDDEN_TAG = "hands-on"
"""Cells with this tag are no part of a dashboard."""

WIDGET = "application/vnd.jupyter.widget-view+json"
"""How the notebook format says that an output is a widget."""

Output = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """What a page is made of, in terms of the notebook format.

    Attributes
    ----------
    lab, scenario : str
    notebook : str
        SHA-256 of the notebook that was run, in hexadecimal.
    outputs : dict
        The outputs of each code cell, by the cell's id.
    rehearsed : bool
        Whether the kernels share what the panels use, such as a trained victim.
    """

    lab: str
    scenario: str
    notebook: str
    outputs: dict[str, list[Output]]
    rehearsed: bool = False

    def to_json(self) -> bytes:
        """Return the record as it is sent to the server."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, sent: bytes) -> Record:
        """Return the record that :meth:`to_json` made."""
        return cls(**json.loads(sent))
