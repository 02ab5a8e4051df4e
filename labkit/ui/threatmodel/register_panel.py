"""The register: rate each threat, give it an owner, and pick what answers it from ATLAS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from labkit.core.errors import LabkitError
from labkit.governance import threatmodel as tm
from labkit.ui.controls import button, output, panel, row
from labkit.ui.demo import PreparedState
from labkit.ui.html import details, table
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.threatmodel.common import downloads, files_of, model_with, threat_table, threats_of
from labkit.ui.threatmodel.rating_form import RatingForm, scale

__all__ = ["RegisterPanel", "register", "risk_matrix"]


def register(lab: LabSession, checkpoint: str = "register", state: Mapping[str, Any] | None = None) -> Any:
    """Return the risk register of what was noted in the studio.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``ThreatCase``.
    checkpoint : str
        The checkpoint that takes ``rows``.
    state : mapping or None
        ``rows`` to start from.
    """
    prepared = lab.state("register") if state is None else state
    return lab.when_ready(lambda: RegisterPanel(lab, checkpoint, prepared).view, "register")


def _is_given(lab: LabSession, state: Mapping[str, Any]) -> bool:
    """Whether somebody prepared this state, instead of the participant having left it."""
    return lab.demo is not None or not isinstance(state, PreparedState)


class RegisterPanel:
    """The form, the matrix, the register, and the files to take away."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint, self.case = lab, checkpoint, lab.case
        self.memory = lab.remember("register", state)
        self.threats = threats_of(lab)
        self._restore(state.get("rows", []), add=_is_given(lab, state))
        self.form = RatingForm(self.threats, self.case.owners, self.case.model.title, self._changed)
        self.register, self.matrix, self.files, self.feedback = output(), output(), output(), output()
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the register read")
        self.view = panel(
            output(scale()),
            *self.form.view,
            row(self.submit),
            self.matrix,
            self.register,
            self.files,
            self.feedback,
        )
        lab.on_change(self._refresh)
        self.form.refresh()
        self._draw()

    def hand_in(self) -> None:
        """Have the register measured."""
        rows = list(self.threats.values())
        about = {"rows": [asdict(each) for each in rows]}
        self.feedback.value = hand_in(self.lab, self.checkpoint, about, rows=rows).markup

    def _refresh(self) -> None:
        self.form.refresh()
        if list(self.threats.values()) != self._shown:
            self._draw()

    def _changed(self) -> None:
        self.memory.note(rows=[asdict(each) for each in self.threats.values()])
        self._draw()

    def _draw(self) -> None:
        self._shown = list(self.threats.values())
        model = model_with(self.case.model, self.threats.values())
        self.register.value = threat_table(model, self.threats, f"Register: {len(self.threats)} rows")
        self.matrix.value = risk_matrix(list(self.threats.values()))
        files = files_of(model)
        self.files.value = downloads(files)
        for name, content in files.items():
            self.lab.attach(name, content)

    def _restore(self, rows: Any, *, add: bool) -> None:
        """Take over what was said about threats; a row of a threat that is gone stays gone."""
        known = set(tm.every_pair(self.case.model)) if add else set(self.threats)
        for each in rows if isinstance(rows, list) else []:
            try:
                threat = tm.Threat(**each)
                untouched = self.threats.get(threat.key, tm.Threat(*threat.key)) == tm.Threat(*threat.key)
                if threat.key in known and (add or untouched):
                    model_with(self.case.model, [threat])  # refuses what cannot be written down
                    self.threats[threat.key] = threat
            except (TypeError, LabkitError):
                continue


def risk_matrix(threats: list[tm.Threat]) -> str:
    """Return how many threats lie where, as a table: impact across, likelihood down."""
    rated = [each for each in threats if each.likelihood and each.impact]
    rows = [
        (
            f"{likelihood}",
            *(
                f"{sum((t.likelihood, t.impact) == (likelihood, impact) for t in rated) or ''} "
                f"{tm.level(likelihood * impact)}"
                for impact in tm.IMPACT
            ),
        )
        for likelihood in reversed(tm.LIKELIHOOD)
    ]
    head = ("Likelihood", *(f"impact {impact}" for impact in tm.IMPACT))
    caption = f"Risk matrix: {len(rated)} rated threats; each cell has its level, and how many lie in it"
    return f'<div class="lk">{details("Risk matrix", table(caption, head, rows))}</div>'
