"""What the panels of the federated lab share: hand in, and what one run shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.cases.federated.case import FederatedCase
from labkit.course.cases.federated.running import Run
from labkit.metrics import client_accuracy
from labkit.ui.federated.pictures import curve, update_map
from labkit.ui.html import Fragment, callout
from labkit.ui.session import LabSession

__all__ = ["hand_in", "shown", "status"]


def hand_in(lab: LabSession, checkpoint: str, params: Mapping[str, Any], **artefacts: Any) -> Fragment:
    """Have artefacts checked, keep how they were made as evidence, and return the feedback card."""
    card = lab.check(checkpoint, **artefacts)
    lab.note(checkpoint, {**lab.notes.get(checkpoint, {}), **params})
    return card


def status(words: str, kind: str = "info", title: str = "") -> str:
    """Return one sentence that a screen reader announces."""
    return callout(kind, words, title=title)


def shown(case: FederatedCase, run: Run, title: str) -> str:
    """Return the rounds, the map of the updates and the clinics of one run, as HTML."""
    series = {"accuracy": run.accuracy}
    if run.attack["attack"] == "model_replacement":
        series["sign works"] = run.backdoor
    each = client_accuracy(run.model, case.own_tests(run.federation)).each
    worst = min(range(len(each)), key=lambda i: each[i].value)
    words = (
        f"Served worst: {run.federation.names[worst]}, {each[worst].value:.0%} of its own forms read right."
    )
    served = [f"{rate.value:.0%}" for rate in each]
    table_of = f"Clinics: {title[0].lower()}{title[1:]}"
    return curve(series, title) + status(words) + update_map(run, table_of, served)
