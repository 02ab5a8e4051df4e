"""What is done about the threats of a system of one's own: controls under a budget, and an attack tree."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import ipywidgets as widgets

from labkit.core.errors import InvalidInputError, LabkitError
from labkit.governance import threatmodel as tm
from labkit.governance.threatmodel import edits
from labkit.ui.controls import button, choice, column, output, row, tick
from labkit.ui.html import badge, callout, escape, table
from labkit.ui.threatmodel.common import heading, threat_name
from labkit.ui.threatmodel.own_editor import Edit, offer, text
from labkit.ui.threatmodel.tree import drawn_tree, outline_box, outline_help

__all__ = ["PlanSection", "add_threats"]

_COST = {0: 5, 1: 10, 2: 8, 3: 6, 4: 4, 5: 2}  # to begin with, by likelihood; 0: not rated
_WORKS = {0: 0.5, 1: 0.1, 2: 0.3, 3: 0.5, 4: 0.7, 5: 0.9}


class PlanSection:
    """Controls with prices and boxes to tick, the risk that is left, and the tree that they stop."""

    def __init__(self, edit: Edit, outline: str) -> None:
        self._edit, self._model, self._showing = edit, tm.SystemModel("My system"), False
        self.title, self.against = text("New control", ""), choice("Helps against", [("", "")])
        self.cost, self.budget = _whole("Cost", 10), _whole("Budget", 100)
        self.which = choice("Control", [("", "")])
        self.boxes: dict[str, Any] = {}
        self.shelf, self.meter, self.drawn = column(), output(), output()
        self.outline = outline_box(outline)
        self.budget.observe(lambda change: self._priced(int(change["new"])), "value")
        self.view = (
            heading("Controls under a budget"),
            row(
                self.title,
                self.cost,
                self.against,
                button("Add control", self.add, tip="Or add to the one of this name what it helps against"),
            ),
            self.budget,
            self.shelf,
            row(self.which, button("Remove control", self.remove, tip="Take it out of the plan")),
            self.meter,
            heading("The attack tree of your system"),
            output(
                outline_help(
                    "<code>| threat service/T</code> ties a step to a threat: whatever helps against that "
                    "stops the step."
                )
            ),
            self.outline,
            row(
                button("Add my threats", self.begin, tip="A step for each threat that has none yet"),
                button("Draw my tree", self.draw, tip="Read the outline and work the tree out"),
            ),
            self.drawn,
        )

    # ------------------------------------------------------------ edits

    def add(self) -> None:
        """Add a control, or what else the one of this name helps against."""
        against = [self.against.value] if self.against.value else []
        cost = int(self.cost.value)
        if not self._edit(lambda m: edits.add_control(m, self.title.value, cost, against)):
            self.title.value = ""

    def remove(self) -> None:
        """Take the chosen control out."""
        self._edit(lambda m: edits.remove_control(m, str(self.which.value)))

    def begin(self) -> None:
        """Put a step into the outline for each threat that has none yet."""
        try:
            self.outline.value = add_threats(self.outline.value, self._model)
        except LabkitError as error:
            self.drawn.value = callout("bad", str(error), title="That cannot be read.")
            return
        self.draw()

    def draw(self) -> None:
        """Read the outline, and draw it with what the bought controls stop."""
        outline = self.outline.value
        self.drawn.value = ""
        problem = self._edit(lambda m: replace(m, plan=replace(m.plan, tree=outline)))
        if problem:
            self.drawn.value = callout("bad", problem, title="That cannot be read.")

    def _buy(self) -> None:
        if not self._showing:
            chosen = tuple(id for id, box in self.boxes.items() if box.value)
            self._edit(lambda m: replace(m, plan=replace(m.plan, chosen=chosen)))

    def _priced(self, budget: int) -> None:
        if not self._showing:
            self._edit(lambda m: replace(m, plan=replace(m.plan, budget=budget)))

    # ------------------------------------------------------------ showing

    def refresh(self, model: tm.SystemModel) -> None:
        """Show the plan of a model."""
        before, self._model = self._model, model
        plan = model.plan
        self._showing = True
        self.budget.value = plan.budget
        noted = [(threat_name(model, each.key), each.id) for each in model.threats]
        offer(self.against, [("nothing yet", ""), *noted])
        offer(self.which, [(control.title, control.id) for control in plan.controls])
        named = dict((id, name) for name, id in noted)
        labels = {control.id: _label(control, named) for control in plan.controls}
        if labels != {id: box.description for id, box in self.boxes.items()}:
            self.boxes = {id: tick(label, id in plan.chosen) for id, label in labels.items()}
            for box in self.boxes.values():
                box.observe(lambda _: self._buy(), "value")
            self.shelf.children = tuple(self.boxes.values())
        for id, box in self.boxes.items():
            box.value = id in plan.chosen
        self._showing = False
        self.meter.value = _meter(model)
        tree = plan.attack_tree()
        if (before.plan, before.threats) != (plan, model.threats) or not self.drawn.value:
            self.drawn.value = drawn_tree(tree, plan.chosen) if tree else ""


def add_threats(outline: str, model: tm.SystemModel) -> str:
    """Return an outline with a step for each noted threat that no step makes use of yet."""
    tree = tm.read_outline(outline) if outline.strip() else None
    if isinstance(tree, tm.Step):
        raise InvalidInputError("expected AND or OR in the first line, so that steps can be added below it")
    used = {step.threat for step in tm.steps(tree)} if tree else set()
    missing = [threat for threat in model.threats if threat.id not in used]
    if not missing:
        raise InvalidInputError("there is no threat without a step: note one above, or write a step yourself")
    dearest = max(model.assets, key=lambda asset: asset.worth, default=None)
    goal = f"Reach: {dearest.name}" if dearest else "Reach the goal"
    lines = [outline.rstrip()] if tree else [f"OR {_inline(goal)}"]
    for threat in missing:
        facts = f"cost {_COST[threat.likelihood]} | works {_WORKS[threat.likelihood]:g} | threat {threat.id}"
        lines.append(f"  STEP {_inline(threat_name(model, threat.key))} | {facts}")
    return "\n".join(lines)


def _inline(words: str) -> str:
    return words.replace("|", "/")


def _label(control: tm.Control, named: dict[str, str]) -> str:
    helps = "; ".join(named[id] for id in control.against if id in named) or "nothing that is noted"
    return f"{control.title} ({control.cost} points): helps against {helps}"


def _meter(model: tm.SystemModel) -> str:
    plan, risks = model.plan, model.risks
    if not risks:
        return '<div class="lk"><p class="lk-muted">Rate a threat, and the risk is added up here.</p></div>'
    cost = sum(control.cost for control in plan.controls if control.id in plan.chosen)
    before, left = tm.residual(risks, plan.controls, ()), tm.residual(risks, plan.controls, plan.chosen)
    money = badge("bad", "over the budget") if cost > plan.budget else badge("good", "within the budget")
    words = (
        f"<p>{cost} of {plan.budget} points spent {money}. Risk {before:.0f} → <strong>{left:.1f}</strong>. "
        "A control that fits leaves a fifth of the likelihood, a second one a fifth of that."
        f"{escape(_best(model))}</p>"
    )
    names = {each.id: threat_name(model, each.key) for each in model.threats}
    rows = []
    for risk in sorted(risks, key=lambda each: -each.score):
        now = tm.residual([risk], plan.controls, plan.chosen)
        rows.append((names[risk.id], f"{risk.score} {tm.level(risk.score)}", f"{now:.1f} {tm.level(now)}"))
    compared = table("Your risks before and after", ("Risk", "Before", "After"), rows)
    return f'<div class="lk" role="status">{words}{compared}</div>'


def _best(model: tm.SystemModel) -> str:
    if not model.plan.controls:
        return ""
    try:
        best = tm.best_controls(model.risks, model.plan.controls, model.plan.budget)
    except InvalidInputError:  # more controls than can be tried out
        return ""
    return f" The best that this budget buys leaves {best.residual:.1f}, for {best.cost} points."


def _whole(label: str, value: int) -> Any:
    return widgets.BoundedIntText(
        value=value,
        min=0,
        max=1_000_000,
        description=label,
        continuous_update=False,
        style={"description_width": "initial"},
        layout={"width": "min(12em, 100%)"},
    )
