"""The attack tree: read it, choose an attack and a cut, or write a tree of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets as widgets

from labkit.core.errors import LabkitError
from labkit.governance import threatmodel as tm
from labkit.ui.controls import button, output, panel, row, tick
from labkit.ui.html import callout, details
from labkit.ui.session import LabSession
from labkit.ui.threatmodel.common import hand_in, picture

__all__ = ["TreePanel", "attack_tree"]


def attack_tree(lab: LabSession, checkpoint: str = "tree", state: Mapping[str, Any] | None = None) -> Any:
    """Return the panel of the attack tree.

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
    return lab.when_ready(lambda: TreePanel(lab, checkpoint, prepared).view, "attack_tree")


class TreePanel:
    """The given tree with its steps and controls, and a tree of one's own as an outline."""

    def __init__(self, lab: LabSession, checkpoint: str, state: Mapping[str, Any]) -> None:
        self.lab, self.checkpoint, self.case = lab, checkpoint, lab.case
        self.steps = {step.id: f"{step.title} (cost {step.cost:g})" for step in tm.steps(self.case.tree)}
        stopping = {name for step in tm.steps(self.case.tree) for name in step.controls}
        self.controls = {c.id: f"{c.title} ({c.cost} points)" for c in self.case.controls if c.id in stopping}
        self.path = _several("Steps of the attack", self.steps, state.get("path", ()))
        self.cut = _several("Controls of the cut", self.controls, state.get("controls", ()))
        self.memory = lab.remember("attack_tree", state, path=self.path, controls=self.cut)
        self.show_cheapest = tick("Mark the cheapest attack that is left", state.get("show") == "cheapest")
        self.drawing, self.words, self.feedback = output(), output(), output()
        self.submit = button("Hand in", self.hand_in, primary=True, tip="Have attack and cut measured")
        self.outline = widgets.Textarea(
            value=str(state.get("outline", tm.outline(self.case.tree))),
            description="Outline",
            layout={"width": "min(60em, 100%)", "height": "16em"},
        )
        self.outline.add_class("lk-code")
        self.own = output()
        self.compute = button("Draw and compute", self.draw_own, tip="Read the outline and work the tree out")
        self.outline_box = panel(output(_how()), self.outline, self.compute, self.own)
        self.view = panel(
            self.drawing,
            self.words,
            self.path,
            self.cut,
            self.show_cheapest,
            row(self.submit),
            self.feedback,
            output('<div class="lk"><h3>A tree of your own</h3></div>'),
            self.outline_box,
        )
        for dial in (self.path, self.cut, self.show_cheapest):
            dial.observe(lambda _: self._draw(), "value")
        self._draw()

    def hand_in(self) -> None:
        """Have the attack and the cut measured."""
        chosen = {"path": list(self.path.value), "cut": list(self.cut.value)}
        self.feedback.value = hand_in(self.lab, self.checkpoint, chosen, **chosen).markup

    def draw_own(self) -> None:
        """Read the outline, draw the tree, and say what it costs."""
        try:
            tree = tm.read_outline(self.outline.value)
        except LabkitError as error:
            self.own.value = callout("bad", str(error), title="That cannot be read.")
            return
        self.memory.note(outline=self.outline.value)
        cheapest, likeliest = tm.best_path(tree), tm.best_path(tree, by="probability")
        titles = {step.id: step.title for step in tm.steps(tree)}
        said = _say("The cheapest attack", cheapest, titles) + _say("The likeliest attack", likeliest, titles)
        svg = tm.draw_tree(tree, marked=cheapest.steps if cheapest else ())
        self.own.value = picture(svg, said) + f'<div class="lk" role="status"><p>{said}</p></div>'

    def _draw(self) -> None:
        stopped = set(self.cut.value)
        left = tm.best_path(self.case.tree, stopped=stopped)
        marked = set(self.path.value)
        if self.show_cheapest.value and left is not None:
            marked |= set(left.steps)
        svg = tm.draw_tree(self.case.tree, marked=marked, stopped=stopped)
        cost = sum(step.cost for step in tm.steps(self.case.tree) if step.id in set(self.path.value))
        works = tm.is_attack(self.case.tree, set(self.path.value))
        price = sum(c.cost for c in self.case.controls if c.id in stopped)
        words = (
            f"You chose {len(self.path.value)} steps for {cost:g}; "
            f"{'they reach the goal' if works else 'they do not reach the goal yet'}. "
            f"Your cut costs {price} points. The attacker has {self.case.architecture.purse:g} to spend."
        )
        outline = details("The tree as text", f"<pre>{_escaped(self.case.tree)}</pre>")
        self.drawing.value = picture(svg, f"Attack tree as text: {tm.outline(self.case.tree)}", "auto")
        self.words.value = f'<div class="lk" role="status"><p>{words}</p>{outline}</div>'


def _several(label: str, options: Mapping[str, str], chosen: Any) -> Any:
    kept = [id for id in chosen if id in options] if isinstance(chosen, list | tuple) else []
    return widgets.SelectMultiple(
        options=[(title, id) for id, title in options.items()],
        value=tuple(kept),
        rows=min(12, max(4, len(options))),
        description=label,
        style={"description_width": "9.5em"},
        layout={"width": "min(46em, 100%)"},
    )


def _say(what: str, path: tm.Path | None, titles: Mapping[str, str]) -> str:
    if path is None:
        return f"{what}: none. "
    from labkit.ui.html import escape

    chain = ", then ".join(escape(titles[step]) for step in path.steps)
    return f"{what} costs {path.cost:g} and works {path.probability:.0%} of the time: {chain}. "


def _escaped(tree: tm.Gate) -> str:
    from labkit.ui.html import escape

    return escape(tm.outline(tree))


def _how() -> str:
    return (
        '<div class="lk"><p>One line for each node, two spaces further in for each part of it. '
        "<code>AND</code> needs all of its parts, <code>OR</code> any of them; a <code>STEP</code> says "
        "<code>| cost 4 | works 0.7</code>. The text begins with the tree above: change it, or write your "
        "own.</p></div>"
    )
