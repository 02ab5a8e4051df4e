"""The register: rate each threat, give it an owner, and pick what answers it from ATLAS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import ipywidgets as widgets

from labkit.governance import threatmodel as tm
from labkit.ui.controls import button, change_options, choice, output, panel, row, slider
from labkit.ui.html import details, table
from labkit.ui.session import LabSession
from labkit.ui.threatmodel.common import downloads, files_of, hand_in, model_with, threat_table, threats_of

__all__ = ["RatingForm", "RegisterPanel", "register"]


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


class RatingForm:
    """Rating, owner, technique and mitigation of one threat; ``changed()`` is called after each edit."""

    def __init__(
        self, threats: dict[tuple[str, str], tm.Threat], owners: tuple[str, ...], title: Any, changed: Any
    ) -> None:
        self.threats, self._title, self._changed = threats, title, changed
        self._showing = False
        self.which = choice("Threat", [("nothing is noted yet", "")], tip="One of those you noted")
        self.likelihood = slider("Likelihood", 3, 1, 5, 1, "From 1, hardly, to 5, almost certain")
        self.impact = slider("Impact", 3, 1, 5, 1, "From 1, a nuisance, to 5, harm to many")
        self.owner = choice("Owner", [("nobody yet", ""), *((each, each) for each in owners)], "")
        self.technique = _search("ATLAS technique", tm.techniques())
        self.mitigation = _search("ATLAS mitigation", tm.mitigations())
        self.view = (self.which, self.likelihood, self.impact, self.owner, self.technique, self.mitigation)
        self.which.observe(lambda _: self._show(), "value")
        for dial in self.view[1:]:
            dial.observe(lambda _: self._edited(), "value")

    def refresh(self) -> None:
        """Offer the threats that are noted now."""
        options = [
            (f"{tm.CATEGORIES[what].name} at {self._title(where)}", f"{where}/{what}")
            for where, what in self.threats
        ]
        if [value for _, value in options] == [value for _, value in self.which.options]:
            return
        kept = self.which.value if self.which.value in {value for _, value in options} else None
        self._showing = True
        change_options(
            self.which, options or [("nothing is noted yet", "")], kept or (options[0][1] if options else "")
        )
        self._showing = False
        self._show()

    @property
    def key(self) -> tuple[str, str] | None:
        """The threat that is shown."""
        where, _, what = str(self.which.value or "").rpartition("/")
        return (where, what) if (where, what) in self.threats else None

    def _show(self) -> None:
        key = self.key
        for dial in self.view[1:]:
            dial.disabled = key is None
        if key is None or self._showing:
            return
        threat = self.threats[key]
        self._showing = True
        self.likelihood.value, self.impact.value = threat.likelihood or 3, threat.impact or 3
        self.owner.value = threat.owner if threat.owner in {v for _, v in self.owner.options} else ""
        self.technique.value = _named(threat.technique, tm.techniques())
        self.mitigation.value = _named(threat.mitigation, tm.mitigations())
        self._showing = False

    def _edited(self) -> None:
        key = self.key
        if key is None or self._showing:
            return
        self.threats[key] = replace(
            self.threats[key],
            likelihood=int(self.likelihood.value),
            impact=int(self.impact.value),
            owner=str(self.owner.value or ""),
            technique=_id(self.technique.value, tm.techniques()),
            mitigation=_id(self.mitigation.value, tm.mitigations()),
        )
        self._changed()


class RegisterPanel:
    """The form, the matrix, the register, and the files to take away."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint, self.case = lab, checkpoint, lab.case
        self.memory = lab.remember("register", state)
        self.threats = threats_of(lab)
        self._restore(state.get("rows", []))
        self.form = RatingForm(self.threats, self.case.owners, self.case.model.title, self._changed)
        self.register, self.matrix, self.files, self.feedback = output(), output(), output(), output()
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have the register read")
        self.view = panel(
            output(_scale()),
            *self.form.view,
            row(self.submit),
            self.matrix,
            self.register,
            self.files,
            self.feedback,
        )
        lab.on_change(self._refresh)
        self._refresh()

    def hand_in(self) -> None:
        """Have the register measured."""
        rows = list(self.threats.values())
        about = {"rows": [asdict(each) for each in rows]}
        self.feedback.value = hand_in(self.lab, self.checkpoint, about, rows=rows).markup

    def _refresh(self) -> None:
        self.form.refresh()
        self._draw()

    def _changed(self) -> None:
        self.memory.note(rows=[asdict(each) for each in self.threats.values()])
        self._draw()

    def _draw(self) -> None:
        model = model_with(self.case.model, self.threats.values())
        self.register.value = threat_table(model, self.threats, f"Register: {len(self.threats)} rows")
        self.matrix.value = risk_matrix(list(self.threats.values()))
        files = files_of(model)
        self.files.value = downloads(files)
        for name, content in files.items():
            self.lab.attach(name, content)

    def _restore(self, rows: Any) -> None:
        known = set(tm.every_pair(self.case.model))
        for each in rows if isinstance(rows, list) else []:
            try:
                threat = tm.Threat(**each)
            except TypeError:
                continue
            if threat.key in known:
                self.threats[threat.key] = threat


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


def _scale() -> str:
    rows = [(value, tm.LIKELIHOOD[value], tm.IMPACT[value]) for value in tm.LIKELIHOOD]
    words = table("What the numbers mean", ("Value", "Likelihood", "Impact"), rows)
    levels = (
        "<p>Their product is the risk: below 5 low, below 10 medium, below 15 high, from 15 critical.</p>"
    )
    return f'<div class="lk">{details("The scale", words + levels)}</div>'


def _search(label: str, known: Mapping[str, str]) -> Any:
    """Return a field that takes an id or words of a title, and offers what there is."""
    return widgets.Combobox(
        description=label,
        placeholder="type a word or an id",
        options=[_named(id, known) for id in known],
        ensure_option=False,
        style={"description_width": "9.5em"},
        layout={"width": "min(40em, 100%)"},
    )


def _named(id: str, known: Mapping[str, str]) -> str:
    return f"{id} {known[id]}" if id in known else ""


def _id(text: str, known: Mapping[str, str]) -> str:
    first = str(text).strip().partition(" ")[0]
    if first in known:
        return first
    wanted = str(text).strip().casefold()
    same = [id for id, title in known.items() if title.casefold() == wanted]
    return same[0] if same else ""
