"""The dials of a recipe: which repair, by what it tells people apart, and whose labels it believes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.course.cases.fairness.recipes import METHODS
from labkit.defenses.fairness import TARGETS
from labkit.ui.controls import choice, column, output, toggle
from labkit.ui.html import escape

__all__ = ["RecipeDials", "named"]

_TITLES = {
    "none": "No repair",
    "reweigh": "Reweighing",
    "thresholds": "Thresholds",
    "screen": "Screening",
}
_TIPS = {
    "none": "Train on the delivery as it is, one threshold for everybody",
    "reweigh": "Weights under which outcome and group have nothing to do with each other",
    "thresholds": "A threshold for each group, moved until one share is equal",
    "screen": "Take out whose outcome the checked sample contradicts",
}
_BY = {"group": "the group, from the survey", "district": "the district, from the file"}
_LABELS = {"delivered": "the outcomes that were delivered", "checked": "the outcomes that were checked"}


def named(recipe: Mapping[str, Any]) -> str:
    """Say a recipe in words."""
    words = _TITLES[recipe["method"]]
    if "by" in recipe:
        words += f" by the {recipe['by']}"
    if "target" in recipe:
        words += f" for {recipe['target'].replace('_', ' ')}, on {recipe['labels']} outcomes"
    return words


class RecipeDials:
    """A method and its settings, as a recipe.

    Parameters
    ----------
    state : mapping
        A recipe to start from, or parts of one.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        self.method = toggle(
            "Repair",
            [(title, name) for name, title in _TITLES.items()],
            [_TIPS[name] for name in _TITLES],
            state.get("method"),
        )
        self.by = choice(
            "Tells apart by",
            [(words, name) for name, words in _BY.items()],
            state.get("by"),
            "By what the repair tells people apart",
        )
        self.target = choice(
            "Makes equal",
            [(name.replace("_", " "), name) for name in TARGETS],
            state.get("target"),
            "Which share the thresholds make equal",
        )
        self.labels = choice(
            "Believes",
            [(words, name) for name, words in _LABELS.items()],
            state.get("labels"),
            "On whose outcomes the thresholds are set",
        )
        self._settings = {"by": self.by, "target": self.target, "labels": self.labels}
        self._meant = output()
        self.view = column(self.method, self.by, self.target, self._meant, self.labels)
        self.method.observe(lambda _: self._show(), "value")
        self.target.observe(lambda _: self._show(), "value")
        self._show()

    @property
    def dials(self) -> dict[str, Any]:
        """Every dial by the name that a state calls it by."""
        return {"method": self.method, **self._settings}

    def recipe(self) -> dict[str, str]:
        """Return what the dials say as a recipe that a judge can run."""
        method = str(self.method.value)
        return {"method": method, **{name: str(self._settings[name].value) for name in METHODS[method]}}

    def _show(self) -> None:
        method = str(self.method.value)
        words = _TIPS[method] if method != "thresholds" else f"Equal is {TARGETS[str(self.target.value)]}"
        self._meant.value = f'<div class="lk lk-muted" role="status">{escape(words)}.</div>'
        for name, dial in self._settings.items():
            dial.layout.display = "" if name in METHODS[method] else "none"
