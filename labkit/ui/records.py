"""Hand in from a panel, and keep files of the evidence pack from which a check can be repeated.

A lab that keeps them has a table ``RECORDS`` in its ``case.py``: by checkpoint, a function from
the case and what was handed in to parameters, which the pack prints, and a record, which holds
enough to measure again.  It does not matter whether a panel or a cell of code handed it in.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labkit.course.modules import load_module
from labkit.scoring import Feedback

if TYPE_CHECKING:
    from labkit.ui.html import Fragment
    from labkit.ui.session import LabSession

__all__ = ["attach_record", "hand_in", "keep_record"]

_LOG = logging.getLogger(__name__)


def hand_in(lab: LabSession, checkpoint: str, params: Mapping[str, Any], **artefacts: Any) -> Fragment:
    """Have artefacts checked, keep how they were made as evidence, and return the feedback card.

    Parameters
    ----------
    lab : LabSession
    checkpoint : str
    params : mapping
        How they were made; stands beside what the record says of them.
    **artefacts
        What the checkpoint takes.
    """
    card = lab.check(checkpoint, **artefacts)
    said = lab.notes.get(checkpoint, {}) if checkpoint in lab.records else {}
    lab.note(checkpoint, {**said, **params})
    return card


def keep_record(lab: LabSession, checkpoint: str, artefacts: Mapping[str, Any], feedback: Feedback) -> None:
    """Keep what was handed in and what came out, if the lab says how."""
    table = getattr(load_module(lab.lab, "case"), "RECORDS", {})
    if checkpoint not in table:
        return
    try:
        parameters, handed_in = table[checkpoint](lab.case, **artefacts)
    except Exception:  # what was measured counts, whether or not a file of it can be written
        _LOG.exception("no record of %s", checkpoint)
        return
    measured = feedback.measured
    lab.records[checkpoint] = {
        "lab": lab.lab.id,
        "scenario": lab.scenario.id,
        "seed": lab.session.seed,
        "checkpoint": checkpoint,
        "measured": measured if abs(measured) < float("inf") else None,
        "target": str(feedback.target),
        "passed": feedback.passed,
        "facts": dict(feedback.facts),
        "handed_in": handed_in,
    }
    lab.note(checkpoint, parameters)


def attach_record(lab: LabSession, checkpoint: str) -> None:
    """Attach the record of a checkpoint, with how it was made."""
    if record := lab.records.get(checkpoint):
        whole = {**record, "parameters": lab.notes.get(checkpoint, {})}
        lab.attach(f"{checkpoint}.json", json.dumps(whole, indent=1, ensure_ascii=False))
