"""The rating of one threat: likelihood, impact, owner, technique and mitigation, and what the scale means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from labkit.governance import threatmodel as tm
from labkit.ui.controls import change_options, choice, output
from labkit.ui.html import callout, details, table

__all__ = ["RatingForm", "match", "scale"]

_NOT_RATED = ("not rated", 0)


class RatingForm:
    """The dials of one threat; ``changed()`` is called after each edit, and an edit changes one field.

    Parameters
    ----------
    threats : dict
        By part and letter; changed in place.
    owners : tuple of str
        Who may be chosen.
    title : function
        What a part is called.
    changed : function
    typed : bool
        Whether an owner can also be somebody who is not in the list.
    """

    def __init__(
        self,
        threats: dict[tuple[str, str], tm.Threat],
        owners: tuple[str, ...],
        title: Callable[[str], str],
        changed: Callable[[], object],
        *,
        typed: bool = False,
    ) -> None:
        self.threats, self._title, self._changed = threats, title, changed
        self._owners, self._showing = owners, False
        self.which = choice("Threat", [("nothing is noted yet", "")], tip="One of those you noted")
        self.likelihood = choice("Likelihood", _values(tm.LIKELIHOOD), 0, "How likely somebody does it")
        self.impact = choice("Impact", _values(tm.IMPACT), 0, "How bad it is when somebody does")
        for dial in (self.which, self.likelihood, self.impact):
            dial.layout.width = "min(46em, 100%)"  # what the numbers mean is read in the list itself
        self.owner: Any = (
            _typed("Owner", owners, "type a name or a role")
            if typed
            else choice("Owner", self._owner_options(""), "")
        )
        self.technique = _search("ATLAS technique", tm.techniques())
        self.mitigation = _search("ATLAS mitigation", tm.mitigations())
        self.said = output()
        self.dials = {
            "likelihood": self.likelihood,
            "impact": self.impact,
            "owner": self.owner,
            "technique": self.technique,
            "mitigation": self.mitigation,
        }
        self.view = (self.which, *self.dials.values(), self.said)
        self.which.observe(lambda _: self._show(), "value")
        for name, dial in self.dials.items():
            dial.observe(lambda change, name=name: self._edited(name, change["new"]), "value")
        self._show()

    def refresh(self) -> None:
        """Offer the threats that are noted now, and show the chosen one as it is."""
        options = [
            (f"{tm.CATEGORIES[what].name} at {self._title(where)}", f"{where}/{what}")
            for where, what in self.threats
        ]
        if options != [tuple(each) for each in self.which.options]:
            values = [value for _, value in options]
            kept = self.which.value if self.which.value in values else None
            self._showing = True
            change_options(self.which, options or [("nothing is noted yet", "")], kept or (values or [""])[0])
            self._showing = False
            self._show()

    @property
    def key(self) -> tuple[str, str] | None:
        """The threat that is shown."""
        where, _, what = str(self.which.value or "").rpartition("/")
        return (where, what) if (where, what) in self.threats else None

    def _show(self) -> None:
        if self._showing:
            return
        key = self.key
        threat = self.threats[key] if key else tm.Threat("", "")
        self._showing = True
        for dial in self.dials.values():
            dial.disabled = key is None
        self.likelihood.value, self.impact.value = threat.likelihood, threat.impact
        if not isinstance(self.owner, widgets.Combobox):
            self.owner.options = self._owner_options(threat.owner)
        self.owner.value = threat.owner
        self.technique.value = named(threat.technique, tm.techniques())
        self.mitigation.value = named(threat.mitigation, tm.mitigations())
        self.said.value = ""
        self._showing = False

    def _edited(self, name: str, value: Any) -> None:
        key = self.key
        if key is None or self._showing:
            return
        if name in ("technique", "mitigation"):
            known = tm.techniques() if name == "technique" else tm.mitigations()
            value, problem = match(str(value), known, name, self.threats[key])
            self.said.value = callout("warn", problem) if problem else ""
            if problem:
                return
            self._showing = True
            self.dials[name].value = named(value, known)
            self._showing = False
        elif name == "owner":
            value = " ".join("".join(filter(str.isprintable, str(value or ""))).split())[:200]
        changed = replace(self.threats[key], **{name: value})
        if changed != self.threats[key]:
            self.threats[key] = changed
            self._changed()

    def _owner_options(self, present: str) -> list[tuple[str, str]]:
        # Somebody whom a file names and this list does not know stays the owner.
        others = [present] if present and present not in self._owners else []
        return [("nobody yet", ""), *((each, each) for each in (*self._owners, *others))]


def match(text: str, known: Mapping[str, str], kind: str, threat: tm.Threat) -> tuple[str, str]:
    """Return the id that is meant by what was typed, or why that cannot be told."""
    wanted = " ".join(text.split()).casefold()
    if not wanted or wanted == getattr(threat, kind).casefold():
        return (getattr(threat, kind) if wanted else ""), ""
    ids = {id.casefold(): id for id in known}
    first = wanted.partition(" ")[0]
    if first in ids:
        return ids[first], ""
    same = [id for id, title in known.items() if title.casefold() == wanted]
    fits = same or [id for id, title in known.items() if wanted in title.casefold()]
    if len(fits) == 1:
        return fits[0], ""
    kept = f"{getattr(threat, kind)} stays" if getattr(threat, kind) else "nothing is written down yet"
    if not fits:
        return "", f"No ATLAS {kind} has “{text.strip()}” in its title; {kept}."
    some = "; ".join(f"{id} {known[id]}" for id in fits[:5])
    more = f" and {len(fits) - 5} more" if len(fits) > 5 else ""
    return "", f"“{text.strip()}” fits {len(fits)}: {some}{more}. Type more of one of them; {kept}."


def named(id: str, known: Mapping[str, str]) -> str:
    """Return an id with its title; an id that the bundled release does not have stands alone."""
    return f"{id} {known[id]}" if id in known else id


def scale() -> str:
    """Return what likelihood and impact mean, and what their product is called."""
    rows = [(value, tm.LIKELIHOOD[value], tm.IMPACT[value]) for value in tm.LIKELIHOOD]
    words = table("What the numbers mean", ("Value", "Likelihood", "Impact"), rows)
    levels = (
        "<p>Their product is the risk: below 5 low, below 10 medium, below 15 high, from 15 critical.</p>"
    )
    return f'<div class="lk">{details("The scale", words + levels)}</div>'


def _values(words: Mapping[int, str]) -> list[tuple[str, int]]:
    return [_NOT_RATED, *((f"{value}, {said}", value) for value, said in words.items())]


def _search(label: str, known: Mapping[str, str]) -> Any:
    """Return a field that takes an id or words of a title, and offers what there is."""
    return _typed(label, [named(id, known) for id in known], "type a word or an id")


def _typed(label: str, options: Any, placeholder: str) -> Any:
    return widgets.Combobox(
        description=label,
        placeholder=placeholder,
        options=list(options),
        ensure_option=False,
        continuous_update=False,
        style={"description_width": "9.5em"},
        layout={"width": "min(40em, 100%)"},
    )
