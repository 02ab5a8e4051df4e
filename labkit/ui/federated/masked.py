"""Secure aggregation: what the server sees, which claims hold, and groups whose sums can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.course.cases.federated.case import FederatedCase
from labkit.course.cases.federated.running import Run, run
from labkit.course.cases.federated.secrecy import CLAIMS, in_groups, seen_by_server, try_claim
from labkit.ui import strips
from labkit.ui.controls import button, choice, column, output, panel, row, slider, tick
from labkit.ui.federated.common import judge, status
from labkit.ui.federated.dials import ServerDials, named_server
from labkit.ui.html import escape, table
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["MaskedPanel", "masked_panel"]

_FLIP: Mapping[str, Any] = {"attack": "sign_flip", "scale": 5.0}
_VIEWS = {
    "record": "what one clinic trained on",
    "plain": "read out of its update",
    "masked": "read out of its masked update",
    "summed": "read out of the sum of all ten",
}
_KEPT = 8


def masked_panel(lab: LabSession, checkpoint: str = "masked", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel in which updates are added up under masks.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``FederatedCase``.
    checkpoint : str
        The checkpoint that takes ``group_size``, ``recipe`` and ``works``.
    state : mapping or None
        Dials to start from: ``group_size``, ``aggregator`` and its settings, and the name of each
        claim that is ticked.
    """
    prepared = lab.state("masked_panel") if state is None else state
    return lab.when_ready(lambda: MaskedPanel(lab, checkpoint, prepared).view, "masked_panel")


class MaskedPanel:
    """What the server sees, six claims to test, and the dials of a design."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: FederatedCase = lab.case
        self.ours = self.case.federation("alike", malicious=2)
        self.claims: dict[str, str] = {}
        self.tried: list[tuple[str, ...]] = []
        self.look = button("Look at what arrives", self.show_views, tip="Read records out of what arrives")
        options = [(claim.title, name) for name, claim in CLAIMS.items()]
        self.claim = choice("Claim", options, state.get("claim"), "What somebody says still works")
        self.test = button("Test this claim", self.try_claim, tip="Twelve rounds, two of ten clinics lie")
        self.works = {
            name: tick(f"Works: {claim.title}", bool(state.get(name, False)), "You say that this claim holds")
            for name, claim in CLAIMS.items()
        }
        self.size = slider(
            "Clinics in a sum", int(state.get("group_size", 10)), 1, 10, 1, "The server sees sums of so many"
        )
        self.server = ServerDials(state)
        self.memory = lab.remember(
            "masked_panel",
            state,
            claim=self.claim,
            group_size=self.size,
            **self.server.dials,
            **self.works,
        )
        self.go = button("Train under masks", self.train, tip="Twelve rounds, two of ten clinics lie")
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Your verdicts and your design")
        self.views, self.verdicts, self.results, self.feedback = output(), output(), output(), output()
        self.job = Job(self.look, self.test, self.go, self.submit, label="Adding up under masks")
        self.view = panel(
            row(self.look),
            self.views,
            self.claim,
            row(self.test),
            self.verdicts,
            column(*self.works.values()),
            self.size,
            self.server.view,
            row(self.go, self.submit),
            self.job.view,
            self.results,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "masked_panel":
            self.show_views()

    # ------------------------------------------------------------------ what the server sees

    def show_views(self) -> None:
        """Read a record out of an update, out of a masked one, and out of the sum."""
        self.job.start(lambda _: seen_by_server(self.case, self.ours), self._show_views)

    def _show_views(self, seen: Mapping[str, Any]) -> None:
        figures = "".join(
            f"<figure>{strips.picture(seen[name][0], f'{words}: {_like(seen, name)}')}"
            f"<figcaption>{escape(words)}<br>{_like(seen, name)}</figcaption></figure>"
            for name, words in _VIEWS.items()
        )
        self.views.value = (
            status("The first step of ten clinics, one record each, as a curious server reads it.")
            + f'<div class="lk lk-strip lk-tight" role="group" aria-label="Four views">{figures}</div>'
        )

    # ------------------------------------------------------------------ the claims

    def try_claim(self) -> None:
        """Train under what the chosen claim says."""
        self.job.start(partial(self._try_claim, str(self.claim.value)), self._show_claims)

    def _try_claim(self, name: str, progress: Progress) -> str:
        made = try_claim(self.case, self.ours, name, progress=progress)
        self.claims[name] = f"{made.accuracy[-1]:.1%}"
        return name

    def _show_claims(self, name: str) -> None:
        rows = [(claim.title, self.claims.get(key, "not tested")) for key, claim in CLAIMS.items()]
        self.verdicts.value = status(
            f"{CLAIMS[name].title}: the model reads {self.claims[name]} of the forms.", title="Tested:"
        ) + table("Claims, with two liars", ("Claim", "Accuracy"), rows)

    # ------------------------------------------------------------------ the design

    def train(self) -> None:
        """Train with sums of groups only."""
        self.job.start(partial(self._train, int(self.size.value), self.server.recipe()), self._show)

    def _train(self, size: int, server: Mapping[str, Any], progress: Progress) -> Run:
        made = run(
            self.case,
            self.ours,
            _FLIP,
            server,
            alarm=False,
            wrap=lambda rule: in_groups(rule, self.ours, size),
            progress=progress,
        )
        groups = max(1, len(self.ours) // size)
        self.tried.append((f"{size}", f"{groups}", named_server(server), f"{made.accuracy[-1]:.1%}"))
        return made

    def _show(self, made: Run) -> None:
        words = f"The model reads {made.accuracy[-1]:.1%} of the forms, and two of ten clinics lied."
        head = ("Clinics in a sum", "Sums", "The server takes", "Accuracy")
        self.results.value = status(words, title="Trained under masks:") + table(
            "Designs that you tried", head, reversed(self.tried[-_KEPT:])
        )

    def hand_in(self) -> None:
        """Have the verdicts and the design judged."""
        works = [name for name, each in self.works.items() if each.value]
        design = {"group_size": int(self.size.value), "recipe": self.server.recipe(), "works": works}
        judge(self.job, self.feedback, self.lab, self.checkpoint, **design)


def _like(seen: Mapping[str, Any], name: str) -> str:
    """Say how much a picture is like the record, as a correlation."""
    from labkit.metrics import correlation

    if name == "record":
        return "the record"
    return f"correlation {float(correlation(seen[name], seen['record'])):.2f}"
