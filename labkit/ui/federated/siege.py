"""A federation to play with: clinics, liars, what they send, and how the server adds up."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.course.cases.federated.case import KINDS, FederatedCase
from labkit.course.cases.federated.running import Run, run
from labkit.ui.controls import button, choice, output, panel, row, slider
from labkit.ui.federated.common import judge, shown, status
from labkit.ui.federated.dials import AttackDials, ServerDials, named_attack, named_server
from labkit.ui.html import table
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["SiegePanel", "siege_panel"]

_KEPT = 6
_HEAD = ("Federation", "They send", "The server takes", "Accuracy", "Sign works", "Liars heard (equal is 1)")


def siege_panel(lab: LabSession, checkpoint: str = "crash", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel in which a federation is attacked.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``FederatedCase``.
    checkpoint : str
        The checkpoint that takes the ``recipe`` of an attack.
    state : mapping or None
        Dials to start from: ``kind``, ``clients``, ``malicious``, ``attack``, ``strength``,
        ``listens``, ``aggregator`` and the settings of the rule.
    """
    prepared = lab.state("siege_panel") if state is None else state
    return lab.when_ready(lambda: SiegePanel(lab, checkpoint, prepared).view, "siege_panel")


class SiegePanel:
    """The dials of a federation, its rounds, and who lies how far out."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: FederatedCase = lab.case
        self.tried: list[tuple[str, ...]] = []
        self.kind = choice(
            "The clinics are",
            [(words, kind) for kind, words in KINDS.items()],
            str(state.get("kind", "alike")),
            "How their data differ",
        )
        self.clients = slider("Clinics", int(state.get("clients", 10)), 5, 20, 1, "How many train together")
        self.malicious = slider("Of them lie", int(state.get("malicious", 2)), 0, 8, 1, "Malicious clinics")
        self.attack, self.server = AttackDials(state), ServerDials(state)
        self.memory = lab.remember(
            "siege_panel",
            state,
            kind=self.kind,
            clients=self.clients,
            malicious=self.malicious,
            **self.attack.dials,
            **self.server.dials,
        )
        self.go = button("Train together", self.train, tip="Run twelve rounds with these dials")
        self.submit = button(
            "Hand in the attack",
            self.hand_in,
            primary=True,
            tip="Two of ten other clinics send this, and the server takes the mean",
        )
        self.results, self.feedback = output(), output()
        self.job = Job(self.go, self.submit, label="Training together")
        self.view = panel(
            self.kind,
            self.clients,
            self.malicious,
            self.attack.view,
            self.server.view,
            row(self.go, self.submit),
            self.job.view,
            self.results,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "siege_panel":
            self.train()

    def train(self) -> None:
        """Run a federation as the dials say."""
        plan = {
            "kind": str(self.kind.value),
            "clients": int(self.clients.value),
            "malicious": int(self.malicious.value),
        }
        self.job.start(partial(self._train, plan, self.attack.recipe(), self.server.recipe()), self._show)

    def _train(
        self,
        plan: Mapping[str, Any],
        attack: Mapping[str, Any],
        server: Mapping[str, Any],
        progress: Progress,
    ) -> tuple[Run, str]:
        case = self.case
        federation = case.federation(plan["kind"], malicious=plan["malicious"], clients=plan["clients"])
        sends = attack if plan["malicious"] else {"attack": "none"}
        made = run(case, federation, sends, server, watch=True, progress=progress)
        liars = plan["malicious"]
        self.tried.append(
            (
                f"{plan['clients']} clinics, {liars} lie, {KINDS[plan['kind']]}",
                named_attack(made.attack),
                named_server(made.server),
                f"{made.accuracy[-1]:.1%}",
                f"{made.backdoor[-1]:.1%}",
                f"{made.share_of_malicious:.2f}" if liars else "",
            )
        )
        return made, shown(case, made, "Accuracy while training together")

    def _show(self, made: tuple[Run, str]) -> None:
        result, pictures = made
        words = (
            f"After {len(result.accuracy)} rounds the model reads {result.accuracy[-1]:.1%} of the forms; "
            f"forms with the sign are read as 0 in {result.backdoor[-1]:.0%} of the cases."
        )
        self.results.value = (
            status(words, title="Trained:")
            + pictures
            + table("Federations that you tried", _HEAD, reversed(self.tried[-_KEPT:]))
        )

    def hand_in(self) -> None:
        """Have the attack judged on other clinics, two of ten, against a plain mean."""
        judge(self.job, self.feedback, self.lab, self.checkpoint, recipe=self.attack.recipe())
