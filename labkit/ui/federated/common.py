"""What the panels of the federated lab share: have something judged, and what one run shows."""

from __future__ import annotations

from typing import Any

from labkit.course.cases.federated.case import FederatedCase
from labkit.course.cases.federated.running import Run
from labkit.metrics import client_accuracy
from labkit.ui.federated.pictures import curve, update_map
from labkit.ui.html import callout
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job

__all__ = ["judge", "shown", "status"]


def judge(job: Job, feedback: Any, lab: LabSession, checkpoint: str, **artefacts: Any) -> None:
    """Have artefacts judged while the page answers on, keep them as evidence, and show the card."""
    job.start(
        lambda _: hand_in(lab, checkpoint, artefacts, **artefacts),
        lambda card: setattr(feedback, "value", card.markup),
    )


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
