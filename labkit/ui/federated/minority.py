"""Who is left out: a rule on days with liars and on ordinary ones, and the clinic that is different."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from labkit.core import derive
from labkit.course.cases.federated.case import FederatedCase
from labkit.course.cases.federated.running import Run, run
from labkit.course.cases.federated.sieges import MEAN, NOTHING, minority_accuracy, serve
from labkit.ui import strips
from labkit.ui.controls import button, output, panel, row
from labkit.ui.federated.common import judge, status
from labkit.ui.federated.dials import ServerDials, named_server
from labkit.ui.federated.pictures import update_map
from labkit.ui.html import table
from labkit.ui.session import LabSession
from labkit.ui.work import Job, Progress

__all__ = ["MinorityPanel", "minority_panel"]

_KEPT = 8
_DAYS = {"ordinary": "nobody lies", "flip": "two shout", "backdoor": "two plant a sign"}
_HEAD = (
    "The server takes",
    "Day",
    "Majority reads",
    "Other scanner reads",
    "Other scanner heard (equal is 1)",
    "Liars heard",
    "Sign works",
)


def minority_panel(
    lab: LabSession, checkpoint: str = "minority", state: Mapping[str, Any] | None = None
) -> Any:
    """Return the panel in which a rule is held against liars and an honest minority.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``FederatedCase``.
    checkpoint : str
        The checkpoint that takes the ``recipe`` of a server.
    state : mapping or None
        Dials to start from: ``aggregator`` and the settings of the rule.
    """
    prepared = lab.state("minority_panel") if state is None else state
    return lab.when_ready(lambda: MinorityPanel(lab, checkpoint, prepared).view, "minority_panel")


class MinorityPanel:
    """The dials of a rule, and what three kinds of days make of it for whom."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint = lab, checkpoint
        self.case: FederatedCase = lab.case
        self.seed = derive(self.case.seed, "own days")
        self.usual: float | None = None
        self.tried: list[tuple[str, ...]] = []
        self.server = ServerDials({"aggregator": "multi_krum", "tolerated": 3, "kept": 7, **state})
        self.memory = lab.remember("minority_panel", state, **self.server.dials)
        self.go = button("Run three days", self.serve, tip="An ordinary day, and two with liars")
        self.submit = button("Hand in the rule", self.hand_in, primary=True, tip="Other clinics, three days")
        self.results, self.feedback = output(), output()
        self.job = Job(self.go, self.submit, label="Training three times")
        self.view = panel(
            output(self._forms()),
            self.server.view,
            row(self.go, self.submit),
            self.job.view,
            self.results,
            self.feedback,
        )
        if lab.demo is not None and lab.demo.panel == "minority_panel":
            self.serve()

    def _forms(self) -> str:
        """Show a form as most clinics scan it, and as one clinic does."""
        x = self.case.x[:1]
        name = self.case.class_names[int(self.case.y[0])]
        pairs = (("nine clinics: bright ink on dark", x), ("one clinic: dark ink on bright", 1 - x))
        shown = "".join(
            f"<figure>{strips.picture(each[0], f'A {name}, {words}')}"
            f"<figcaption>{words}</figcaption></figure>"
            for words, each in pairs
        )
        return f'<div class="lk lk-strip lk-tight" role="group" aria-label="Two scanners">{shown}</div>'

    def serve(self) -> None:
        """Run the participant's clinics on an ordinary day and on two with liars."""
        self.job.start(partial(self._serve, self.server.recipe()), self._show)

    def _serve(self, server: Mapping[str, Any], progress: Progress) -> dict[str, Run]:
        case = self.case
        if self.usual is None:
            plain = case.federation("minority", seed=self.seed)
            rounds = int(case.setting("minority_rounds"))
            self.usual = minority_accuracy(
                case, run(case, plain, NOTHING, MEAN, rounds=rounds, progress=progress)
            )
        runs = serve(case, server, seed=self.seed, progress=progress)
        for name, made in runs.items():
            self.tried.append(
                (
                    named_server(server),
                    _DAYS[name],
                    f"{made.accuracy[-1]:.1%}",
                    f"{minority_accuracy(case, made):.1%}",
                    f"{made.share_of(len(made.federation) - 1):.2f}",
                    f"{made.share_of_malicious:.2f}" if name != "ordinary" else "",
                    f"{made.backdoor[-1]:.1%}",
                )
            )
        return runs

    def _show(self, runs: dict[str, Run]) -> None:
        served = min(minority_accuracy(self.case, each) for each in runs.values())
        words = (
            f"The clinic with the other scanner has {served:.0%} of its forms read right on its worst day; "
            f"a plain mean without liars reads {self.usual or 0.0:.0%}. The least kept for the others "
            f"is {min(each.kept for each in runs.values()):.1%}."
        )
        self.results.value = (
            status(words, title="Three days:")
            + update_map(runs["flip"], "Clinics on the day when two shout")
            + table("Days that you tried", _HEAD, reversed(self.tried[-_KEPT:]))
        )

    def hand_in(self) -> None:
        """Have the rule judged on other clinics."""
        judge(self.job, self.feedback, self.lab, self.checkpoint, recipe=self.server.recipe())
