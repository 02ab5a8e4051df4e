"""What a release is decided about: its day, contracts that bind it, and what is still to do.

Verdicts are drawn first, for each place by itself, and a day, contracts and open items that
lead to them afterwards; so no answer that is the same for everybody is often right.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from labkit.core.errors import InvalidInputError
from labkit.governance.obligations import (
    Contract,
    Decision,
    Duty,
    Obligation,
    System,
    decide,
    duties_of,
    obligations,
)
from labkit.governance.obligations.release import VERDICTS

__all__ = ["Release", "draw_release"]

_ARGUABLE = {"eu-gdpr-automated"}  # whether a score is a decision by machine alone is for a court
_DECOYS = 3
_TRIES = 12
_DAYS = {
    "high-risk-annex-iii": ("2027-03-01", "2027-09-01", "2028-01-17"),
    "high-risk-annex-i": ("2027-09-01", "2028-01-17", "2028-09-18"),
    "transparency": ("2026-12-14", "2027-03-01"),
}
_CONTRACTS = ("2026-03-02", "2026-10-05", "2027-02-01", "2028-02-01", "2028-11-01", "2029-06-01")


@dataclass(frozen=True, slots=True)
class Release:
    """One planned release.

    Attributes
    ----------
    day : date
    system : System
        What is released, with its contracts.
    items : tuple of Obligation
        What nobody has done yet, and what is no duty here.
    met : frozenset of str
        Obligations that are fulfilled.
    """

    day: date
    system: System
    items: tuple[Obligation, ...]
    met: frozenset[str]


def draw_release(system: System, tier: str, places: Sequence[str], draw: random.Random) -> Release:
    """Draw a release with at least one item that blocks, one condition and three decoys.

    Parameters
    ----------
    system : System
    tier : str
        Its tier, which decides about the days that are drawn from.
    places : sequence of str
        The jurisdictions.
    draw : random.Random
    """
    for wanted in _outcomes(places, draw):
        for _ in range(_TRIES):
            day = date.fromisoformat(draw.choice(_DAYS[tier]))
            bound = replace(system, contracts=_contracts(system, day, wanted, draw))
            opened = _open(decide(bound, day, (), places), wanted, draw)
            if opened:
                return _release(day, bound, opened, places, draw)
    raise InvalidInputError(f"no release of {system.id!r} has a blocking item and a condition")


def _outcomes(places: Sequence[str], draw: random.Random) -> Iterator[Mapping[str, str]]:
    """Yield verdicts for the places, in an order that is drawn; at least one of them is a no-go."""
    found = [each for each in itertools.product(VERDICTS, repeat=len(places)) if "no-go" in each]
    for verdicts in draw.sample(found, len(found)):
        yield dict(zip(places, verdicts, strict=True))


def _contracts(
    system: System, day: date, wanted: Mapping[str, str], draw: random.Random
) -> tuple[Contract, ...]:
    """Draw contracts that can lead to the verdicts; some are there without any effect on them."""
    voluntary = {each.jurisdiction for each in obligations() if not each.binding}
    days = [date.fromisoformat(each) for each in _CONTRACTS]
    found = []
    for place, verdict in wanted.items():
        subjects = ["cards"] if "card-data" in system else []
        if place in voluntary and draw.random() < (0.4 if verdict == "go" else 0.7):
            subjects.append("code")
        for about in subjects:
            later = draw.random() < {"conditions": 0.8, "go": 0.3}.get(verdict, 0.3)
            since = draw.choice([each for each in days if (each > day) == later])
            found.append(Contract(place, about, since))
    return tuple(found)


def _open(
    decisions: Mapping[str, Decision], wanted: Mapping[str, str], draw: random.Random
) -> list[Duty] | None:
    """Draw what is left open so that the verdicts follow; None where they cannot."""
    blocks: list[Duty] = []
    conditions: list[Duty] = []
    for place, verdict in wanted.items():
        now = [duty for duty in decisions[place].blocking if duty.obligation.settled]
        later = [duty for duty in decisions[place].conditions if duty.obligation.settled]
        if not {"go": [True], "conditions": later, "no-go": now}[verdict]:
            return None
        if verdict == "no-go":
            blocks += draw.sample(now, min(len(now), draw.choice((1, 1, 2))))
            conditions += draw.sample(later, min(len(later), draw.choice((0, 1, 1))))
        elif verdict == "conditions":
            conditions += draw.sample(later, min(len(later), draw.choice((1, 2))))
    return [*blocks, *conditions] if conditions else None


def _release(
    day: date, system: System, opened: Sequence[Duty], places: Sequence[str], draw: random.Random
) -> Release:
    """Return the release with what is open, advice, and decoys among it, in an order that is drawn."""
    falling = duties_of(system, jurisdictions=places)
    ours = {duty.obligation.id for duty in falling}
    advice = [duty.obligation for duty in falling if duty.obligation.settled and not duty.binding]
    foreign = [
        each
        for each in obligations()
        if each.settled
        and each.binding
        and each.jurisdiction in places
        and each.id not in ours
        # Nobody leaves a ban on somebody else's practice undone.
        and not each.ban
        and each.id not in _ARGUABLE
    ]
    items = [duty.obligation for duty in opened]
    items += draw.sample(advice, min(len(advice), 2))
    items += draw.sample(foreign, _DECOYS)
    draw.shuffle(items)
    undone = {each.id for each in items}
    return Release(day, system, tuple(items), frozenset(ours - undone))
