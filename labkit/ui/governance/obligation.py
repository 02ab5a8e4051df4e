"""What falls on a system: jurisdiction by role by use, with the days from which it holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from labkit.course.cases.governing.case import GovernanceCase
from labkit.governance.obligations import (
    FORCES,
    JURISDICTIONS,
    ROLES,
    TIERS,
    Classification,
    System,
    classify,
    duties_of,
    facts,
    transitions,
)
from labkit.governance.obligations.declarations import fact_gaps
from labkit.ui.controls import button, change_options, choice, output, panel
from labkit.ui.governance.common import contracts_list
from labkit.ui.governance.duties import ahead_table, duty_table, map_as_csv, map_as_json
from labkit.ui.governance.facts import FactTicks, in_words
from labkit.ui.governance.timeline import timeline
from labkit.ui.html import bullets, callout, card, details, escape
from labkit.ui.session import LabSession

__all__ = ["ObligationPanel", "obligation_panel"]

_OWN = "own"
_BY_FACTS = ("as the facts say", "")


def obligation_panel(lab: LabSession, state: Mapping[str, Any] | None = None) -> Any:
    """Return the map of obligations of a system.

    Parameters
    ----------
    lab : LabSession
        A lab whose case is a ``GovernanceCase``.
    state : mapping or None
        Dials to start from: ``system`` (an id, or ``own``), ``place``, ``role``, ``forces``, and
        ``facts``, those that are ticked, with ``facts_of``, the system that they are about.
    """
    prepared = lab.state("obligation_panel") if state is None else state
    return lab.when_ready(lambda: ObligationPanel(lab, prepared).view, "obligation_panel")


class ObligationPanel:
    """Which system, where, in which role, for which use, how binding; then the days and the duties."""

    def __init__(self, lab: LabSession, state: Mapping[str, Any]) -> None:
        self.lab = lab
        self.case: GovernanceCase = lab.case
        own = System(_OWN, "A system of our own", "", frozenset(), self.case.jurisdictions)
        self.systems = {each.id: each for each in (*self.case.systems, own)}
        wanted = state.get("system")
        names = self._systems()
        known = [name for _, name in names]
        self.system = choice("System", names, wanted if wanted in known else known[0])
        places = [("all three", "all"), *((JURISDICTIONS[each], each) for each in self.case.jurisdictions)]
        self.place = choice("Jurisdiction", places, state.get("place", "all"))
        roles = [_BY_FACTS, *((words, name) for name, words in ROLES.items())]
        self.role = choice(
            "Role", roles, state.get("role", ""), tip="Whose duties: ours, or those of another"
        )
        forces = [("everything", "all"), *((words, name) for name, words in FORCES.items())]
        self.forces = choice("Force", forces, state.get("forces", "all"), tip="Law, contract or advice")
        self.again = button("Begin again", self._begin_again, tip="Undo what was changed about the system")
        self.shown = output()
        dials = {"system": self.system, "place": self.place, "role": self.role, "forces": self.forces}
        self.memory = lab.remember("obligation_panel", state, **dials)
        chosen = self.systems[str(self.system.value)]
        kept = [name for name in state.get("facts", chosen.facts) if name in facts()]
        self.ticks = FactTicks(kept if state.get("facts_of") == chosen.id else chosen.facts, self._changed)
        self.system.observe(lambda _: self._begin_again(), "value")
        for dial in (self.place, self.role, self.forces):
            dial.observe(lambda _: self.refresh(), "value")
        self.view = panel(
            self.system, self.place, self.role, self.forces, self.ticks.view, self.again, self.shown
        )
        self.all_shown = len(names) > 2
        lab.on_change(self._more_systems)
        lab.attach("obligation-map.json", map_as_json(self.case))
        lab.attach("obligation-map.csv", map_as_csv(self.case))
        self.refresh()

    @property
    def current(self) -> System:
        """The system with the facts as they are ticked."""
        return replace(self.systems[str(self.system.value)], facts=frozenset(self.ticks.held))

    @property
    def classification(self) -> Classification:
        """Its class, in the role that was picked."""
        found = classify(self.current)
        return replace(found, roles=(str(self.role.value),)) if self.role.value else found

    def refresh(self) -> None:
        """Draw what falls on the system with the dials as they stand."""
        system, case, classified = self.current, self.case, self.classification
        places = case.jurisdictions if self.place.value == "all" else (self.place.value,)
        found = [
            duty for duty in duties_of(system, classified, places) if self.forces.value in ("all", duty.force)
        ]
        # The case plays on a day of its own, so that it can be checked; one's own system lives now.
        own = system.id == _OWN
        today = date.today() if own else case.today
        holding = sum(duty.in_force(today) for duty in found if not duty.obligation.unsettled)
        roles = " and ".join(ROLES[role] for role in classified.roles) or "no role of the AI Act"
        head = (
            f"{len(found)} obligations fall on it here, {holding} of which hold today: "
            f"{TIERS[classified.tier]}, {roles}."
        )
        release = case.release_day if system.id == case.flagship.id else None
        gaps = "".join(callout("warn", fact_gaps()[place], title=JURISDICTIONS[place]) for place in places)
        body = (
            f"<p>{escape(head)}</p>"
            + self._changes(system)
            + (contracts_list(system) if release else "")
            + _older(system, classified)
            + timeline(system.title, found, today, release)
            + duty_table(found, today, of_case=not own)
            + details("Why this tier and these roles", bullets([*classified.findings, *classified.near]))
            + details("What the bundled facts do not hold", gaps)
            + details("Days ahead, for any system", ahead_table(today))
        )
        self.shown.value = card(f"What falls on: {system.title}", body, level=3)
        if own and system.facts:
            everywhere = duties_of(system, classified, case.jurisdictions)
            self.lab.attach("obligation-map-own-system.json", map_as_json(case, system, everywhere, today))

    def _changes(self, system: System) -> str:
        """Say what holds for a system of our own, or how another one differs from its card."""
        card_facts = self.systems[system.id].facts
        if system.id == _OWN:
            told = bullets(in_words(system.facts)) if system.facts else ""
            return (
                f"<p>{'What holds for it:' if told else 'Tick what holds; nothing is ticked yet.'}</p>{told}"
            )
        lines = [f"now it {words}" for words in in_words(system.facts - card_facts)]
        lines += [f"no more: it {words}" for words in in_words(card_facts - system.facts)]
        return f"<p>Changed from its card:</p>{bullets(lines)}" if lines else ""

    def _changed(self) -> None:
        self.memory.note(facts=sorted(self.ticks.held), facts_of=str(self.system.value))
        self.refresh()

    def _begin_again(self) -> None:
        self.ticks.put(self.systems[str(self.system.value)].facts)
        self._changed()

    def _systems(self) -> list[tuple[str, str]]:
        """Return the system to be released, and one of our own; others come once they are classified."""
        flagship = self.case.flagship
        found = [(f"{flagship.system.title}, to be released", flagship.id)]
        if "classify" in self.lab.session.progress().passed:
            found += [(each.title, each.id) for each in self.case.systems if each.id != flagship.id]
        return [*found, ("a system of our own", _OWN)]

    def _more_systems(self) -> None:
        names = self._systems()
        if len(names) > 2 and not self.all_shown:
            self.all_shown = True
            change_options(self.system, names, self.system.value)


def _older(system: System, classified: Classification) -> str:
    """Say what an older system has to do, where its design stays as it is."""
    risky = any(tier.startswith("high-risk") for tier in classified.duty_tiers)
    if not risky or "significant-changes" in system:
        return ""
    words = "On the market before the high-risk duties begin, it does not come under them"
    found = [each for each in transitions() if each.when <= system.facts]
    words += f"; yet: {found[0].text}" if found else " while its design stays as it is (Art. 111(2))."
    return callout("info", words, title="Its design stays as it is.")
