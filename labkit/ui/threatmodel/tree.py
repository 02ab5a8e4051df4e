"""The attack tree: read it, choose an attack and a cut, or write a tree of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from labkit.core.errors import LabkitError
from labkit.governance import threatmodel as tm
from labkit.ui.controls import button, column, output, panel, row, tick
from labkit.ui.html import bullets, callout, details, escape
from labkit.ui.records import hand_in
from labkit.ui.session import LabSession
from labkit.ui.threatmodel.common import heading, picture
from labkit.ui.threatmodel.gate import gated

__all__ = ["TreePanel", "attack_tree", "drawn_tree", "outline_box", "outline_help"]


def attack_tree(lab: LabSession, checkpoint: str = "tree", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel of the attack tree; it opens when ``find`` was handed in once.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``ThreatCase``.
    checkpoint : str
        The checkpoint that takes ``path`` and ``cut``.
    state : mapping or None
        ``path`` and ``controls`` that are chosen; ``show = "cheapest"`` marks the cheapest attack.
    """
    prepared = lab.state("attack_tree") if state is None else state
    return lab.when_ready(
        lambda: gated(lab, "find", lambda: TreePanel(lab, checkpoint, prepared).view), "attack_tree"
    )


class TreePanel:
    """The given tree with its steps and controls, and a tree of one's own as an outline."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint, self.case = lab, checkpoint, lab.case
        self.memory = lab.remember("attack_tree", state)
        self.tree = self.case.tree
        stopping = {name for step in tm.steps(self.tree) for name in step.controls}
        self.stops = {c.id: tm.stopped_by(self.tree, c.id) for c in self.case.controls if c.id in stopping}
        path, cut = state.get("path", ()), state.get("controls", ())
        self.path = {
            step.id: tick(f"{step.title} (cost {step.cost:g})", step.id in path)
            for step in tm.steps(self.tree)
        }
        self.cut = {
            c.id: tick(f"{c.title} ({c.cost} points)", c.id in cut, f"Stops: {'; '.join(self.stops[c.id])}")
            for c in self.case.controls
            if c.id in stopping
        }
        self.show_cheapest = tick("Mark the cheapest attack that is left", state.get("show") == "cheapest")
        self.drawing, self.words, self.feedback = output(), output(), output()
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have attack and cut measured")
        self.outline = outline_box(str(state.get("outline", tm.outline(self.tree))))
        self.own = output()
        self.compute = button("Draw and compute", self.draw_own, tip="Read the outline and work the tree out")
        self.view = panel(
            self.drawing,
            self.words,
            heading("Steps of the attack"),
            *self._branches(),
            heading("Controls of the cut"),
            output(self._stops()),
            column(*self.cut.values()),
            self.show_cheapest,
            row(self.submit),
            self.feedback,
            heading("A tree of your own"),
            panel(output(outline_help()), self.outline, self.compute, self.own),
        )
        for box in (*self.path.values(), *self.cut.values(), self.show_cheapest):
            box.observe(lambda _: self._changed(), "value")
        self._draw()

    @property
    def chosen(self) -> dict[str, list[str]]:
        """The steps and the controls that are ticked."""
        return {
            "path": [id for id, box in self.path.items() if box.value],
            "cut": [id for id, box in self.cut.items() if box.value],
        }

    def hand_in(self) -> None:
        """Have the attack and the cut measured."""
        self.feedback.value = hand_in(self.lab, self.checkpoint, self.chosen, **self.chosen).markup

    def draw_own(self) -> None:
        """Read the outline, draw the tree, and say what it costs."""
        try:
            tree = tm.read_outline(self.outline.value)
        except LabkitError as error:
            self.own.value = callout("bad", str(error), title="That cannot be read.")
            return
        self.memory.note(outline=self.outline.value)
        self.own.value = drawn_tree(tree)

    def _branches(self) -> list[Any]:
        """Return the steps, one list for each branch below the goal."""
        shown: list[Any] = []
        for branch in self.tree.parts:
            boxes = [self.path[step.id] for step in tm.steps(branch)]
            shown += [output(f'<div class="lk"><p><strong>{escape(branch.title)}</strong></p></div>'), *boxes]
        return shown

    def _stops(self) -> str:
        titles = {control.id: control.title for control in self.case.controls}
        items = [f"{titles[id]} stops: {'; '.join(steps)}" for id, steps in self.stops.items()]
        return f'<div class="lk">{details("What each control stops", bullets(items))}</div>'

    def _changed(self) -> None:
        show = "cheapest" if self.show_cheapest.value else ""
        self.memory.note(path=self.chosen["path"], controls=self.chosen["cut"], show=show)
        self._draw()

    def _draw(self) -> None:
        path, cut, show = self.chosen["path"], self.chosen["cut"], self.show_cheapest.value
        left = tm.best_path(self.tree, stopped=cut)
        marked = {*path, *(left.steps if show and left else ())}
        cost = sum(step.cost for step in tm.steps(self.tree) if step.id in path)
        works = tm.is_attack(self.tree, path)
        price = sum(control.cost for control in self.case.controls if control.id in cut)
        said = [
            f"You chose {len(path)} steps for {cost:g}; "
            f"{'they reach the goal' if works else 'they do not reach the goal yet'}. "
            f"Your cut costs {price} points. The attacker has {self.case.architecture.purse:g} to spend."
        ]
        if show:
            likeliest = tm.best_path(self.tree, by="probability", stopped=cut)
            said += [
                tm.say_path("the cheapest attack that is left", self.tree, left),
                tm.say_path("the likeliest attack that is left", self.tree, likeliest),
            ]
        titles = {control.id: control.title for control in self.case.controls}
        said += [f"{titles[id]} stops: {'; '.join(self.stops[id])}." for id in cut]
        svg = tm.draw_tree(self.tree, marked=marked, stopped=cut)
        alt = f"Attack tree. {tm.describe_tree(self.tree, marked=marked, stopped=cut)} {' '.join(said)}"
        self.drawing.value = picture(svg, alt, "auto")
        lines = "".join(f"<p>{escape(line)}</p>" for line in said)
        outline = details("The tree as text", f"<pre>{escape(tm.outline(self.tree))}</pre>")
        self.words.value = f'<div class="lk" role="status">{lines}{outline}</div>'


def drawn_tree(tree: Any, stopped: tuple[str, ...] = ()) -> str:
    """Return a tree as a picture, and its cheapest and likeliest attack in words."""
    cheapest = tm.best_path(tree, stopped=stopped)
    likeliest = tm.best_path(tree, by="probability", stopped=stopped)
    ways = (("the cheapest attack", cheapest), ("the likeliest attack", likeliest))
    said = " ".join(tm.say_path(what, tree, path) for what, path in ways if path)
    said = said or "No attack is left: every way is stopped."
    marked = cheapest.steps if cheapest else ()
    svg = tm.draw_tree(tree, marked=marked, stopped=stopped)
    alt = f"{tm.describe_tree(tree, marked=marked, stopped=stopped)} {said}"
    return picture(svg, alt, "auto") + f'<div class="lk" role="status"><p>{escape(said)}</p></div>'


def outline_box(text: str) -> Any:
    """Return a field for the outline of a tree."""
    field = widgets.Textarea(
        value=text,
        description="Outline",
        continuous_update=False,
        layout={"width": "min(60em, 100%)", "height": "16em"},
    )
    field.add_class("lk-outline")
    return field


def outline_help(more: str = "") -> str:
    """Return how an outline is written; ``more`` is HTML already."""
    return (
        '<div class="lk"><p>One line for each node, two spaces further in for each part of it. '
        "<code>AND</code> needs all of its parts, <code>OR</code> any of them; a <code>STEP</code> says "
        "<code>| cost 4 | works 0.7</code>, and may say <code>| stopped by vault</code>. "
        f"{more} Change the text that is there, or write your own.</p></div>"
    )
