"""Choose a rule and let three kinds of liars come; the least that is kept counts."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.core import derive
from labkit.course.cases.federated.case import FederatedCase
from labkit.course.cases.federated.running import Run
from labkit.course.cases.federated.sieges import SIEGE, besiege
from labkit.ui.controls import button, output, panel, row
from labkit.ui.federated.common import status
from labkit.ui.federated.dials import ServerDials, named_attack, named_server
from labkit.ui.federated.pictures import update_map
from labkit.ui.html import Fragment, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["DefendPanel", "defend_panel"]

_KEPT = 8
_HEAD = (
    "The server takes",
    "Loud: accuracy",
    "Stealthy: accuracy",
    "Backdoor: accuracy",
    "Sign works",
    "Least kept",
)


def defend_panel(lab: LabSession, checkpoint: str = "defend", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel in which a rule is held against three attacks.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``FederatedCase``.
    checkpoint : str
        The checkpoint that takes the ``recipe`` of a server.
    state : mapping or None
        Dials to start from: ``aggregator`` and the settings of the rule.
    """
    prepared = lab.state("defend_panel") if state is None else state
    return lab.when_ready(lambda: DefendPanel(lab, checkpoint, prepared).view, "defend_panel")


class DefendPanel:
    """The dials of a rule, and what every rule that was tried keeps."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: FederatedCase = lab.case
        self.tried: list[tuple[str, ...]] = []
        self.server = ServerDials(state)
        self.memory = lab.remember("defend_panel", state, **self.server.dials)
        self.go = button("Let them come", self.besiege, tip="Three trainings, three of ten clinics lie")
        self.submit = button(
            "Hand in the rule", self.hand_in, primary=True, tip="Other clinics, three attacks"
        )
        self.results, self.feedback = output(), output()
        self.job = Job(self.go, self.submit, label="Training three times")
        self.view = panel(
            self.server.view, row(self.go, self.submit), self.job.view, self.results, self.feedback
        )
        if lab.demo is not None and lab.demo.panel == "defend_panel":
            self.besiege()

    def besiege(self) -> None:
        """Run the participant's clinics under each attack."""
        self.job.start(partial(self._besiege, self.server.recipe()), self._show)

    def _besiege(self, server: Mapping[str, Any], progress: Progress) -> dict[str, Run]:
        runs = besiege(self.case, server, seed=derive(self.case.seed, "own siege"), progress=progress)
        cells = [f"{runs[name].accuracy[-1]:.1%}" for name in SIEGE]
        least = min(each.kept for each in runs.values())
        sign = runs["backdoor"].backdoor[-1]
        self.tried.append((named_server(server), *cells, f"{sign:.1%}", f"{least:.1%}"))
        return runs

    def _show(self, runs: dict[str, Run]) -> None:
        weakest = min(runs, key=lambda name: runs[name].kept)
        words = (
            f"The least that this rule keeps is {runs[weakest].kept:.1%}, against: "
            f"{named_attack(runs[weakest].attack)}."
        )
        self.results.value = (
            status(words, title="Besieged:")
            + update_map(runs[weakest], "Clinics under the attack that hurts most")
            + table("Rules that you tried", _HEAD, reversed(self.tried[-_KEPT:]))
        )

    def hand_in(self) -> None:
        """Have the rule judged on other clinics."""
        recipe = self.server.recipe()

        def work(_: Progress) -> Fragment:
            self.lab.put("rule", recipe)
            return hand_in(self.lab, self.checkpoint, {"recipe": recipe}, recipe=recipe)

        self.job.start(work, lambda card: setattr(self.feedback, "value", card.markup))
