"""A risk register held against the key: what was rated, owned and answered, and what was not."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from labkit.governance.threatmodel.architecture import Architecture
from labkit.governance.threatmodel.catalogue import Flaw
from labkit.governance.threatmodel.model import Threat
from labkit.governance.threatmodel.risk import level

__all__ = ["PROBLEMS", "RegisterProblem", "RegisterScore", "high_risks", "register_score"]

PROBLEMS = (
    *("flat", "absent", "ownerless", "underrated", "overrated"),
    *("unfit", "untagged", "unfounded"),
)
"""Every kind of problem, in the order in which it is worth mending them."""
_LEVELS = ("low", "medium", "high", "critical")
_HIGH = ("high", "critical")
_FLAT = 3  # rows with one and the same rating, from which on nothing was rated


@dataclass(frozen=True, slots=True)
class RegisterProblem:
    """One row that does not hold: of which ``kind`` the problem is, where, and why in a sentence."""

    kind: str
    where: str
    category: str
    why: str


@dataclass(frozen=True, slots=True)
class RegisterScore:
    """How many of the high risks are handled, every row that does not hold, and how many rest on no note."""

    high: int
    handled: int
    unplanted: int
    problems: tuple[RegisterProblem, ...]

    @property
    def share(self) -> float:
        """Handled high risks, over all of them and the rows that raise a false alarm; 0 if all are alike."""
        if self.count("flat"):
            return 0.0
        return self.handled / max(1, self.handled + len(self.problems))

    def count(self, kind: str) -> int:
        """Return how many rows have a problem of this kind."""
        return sum(problem.kind == kind for problem in self.problems)


def high_risks(architecture: Architecture) -> tuple[Flaw, ...]:
    """Return the planted flaws that are rated high or critical."""
    return tuple(flaw for flaw in architecture.planted if _level(flaw) in _HIGH)


def register_score(
    architecture: Architecture, rows: Sequence[Threat], owners: Collection[str]
) -> RegisterScore:
    """Hold a register against the key.

    A high risk is handled when a row is about it, rates likelihood, impact and level at most one
    step beside the key and still as high, and names one of ``owners``, a mitigation that fits and,
    where there is one, a technique that does.  Rows beyond those are free, but one that rates a
    lesser flaw more than a step too high, or as high what no note points to, is a problem; so is a
    register that rates everything alike.
    """
    found = {row.key: row for row in rows}
    wanted = high_risks(architecture)
    problems = list(_flat(found.values()))
    handled = 0
    for flaw in wanted:
        problem = _problem(architecture, found.get((flaw.at, flaw.category)), flaw, owners)
        handled += problem is None
        problems += [problem] if problem else []
    others = {(flaw.at, flaw.category): flaw for flaw in architecture.planted if flaw not in wanted}
    unplanted = {key for key in found if key not in {(f.at, f.category) for f in architecture.planted}}
    for key, row in found.items():
        if key in others and (why := _beside(others[key], row, above=True)):
            problems.append(_of("overrated", others[key], why))
        elif key in unplanted and _level(row) in _HIGH:
            why = "it is rated as high, and no note says that anything is wrong there"
            problems.append(RegisterProblem("unfounded", *key, why))
    problems.sort(key=lambda problem: PROBLEMS.index(problem.kind))
    return RegisterScore(len(wanted), handled, len(unplanted), tuple(problems))


def _flat(rows: Iterable[Threat]) -> Iterable[RegisterProblem]:
    rated = [row for row in rows if row.likelihood and row.impact]
    if len(rated) >= _FLAT and len({(row.likelihood, row.impact) for row in rated}) == 1:
        first = rated[0]
        why = f"every row is rated {first.likelihood} × {first.impact}, so the register puts nothing first"
        yield RegisterProblem("flat", *first.key, why)


def _problem(
    architecture: Architecture, row: Threat | None, flaw: Flaw, owners: Collection[str]
) -> RegisterProblem | None:
    if row is None:
        return _of("absent", flaw, "a high risk lies here, and the register has no row for it")
    if not row.likelihood or not row.impact:
        return _of("underrated", flaw, "it is not rated yet")
    if too_high := _beside(flaw, row, above=True):
        return _of("overrated", flaw, too_high)
    if _level(row) not in _HIGH:
        why = f"{row.likelihood} × {row.impact} is {_level(row)}; {_speaks(architecture, flaw)} for more"
        return _of("underrated", flaw, why)
    if too_low := _beside(flaw, row, above=False):
        return _of("underrated", flaw, too_low)
    if row.owner not in owners:
        return _of("ownerless", flaw, "nobody at Meridian Care answers for it")
    if row.mitigation not in flaw.mitigations:
        named = row.mitigation or "no mitigation"
        return _of("unfit", flaw, f"with {named}, {_speaks(architecture, flaw, 'would read')} as before")
    if flaw.techniques and row.technique not in flaw.techniques:
        named = row.technique or "no technique"
        return _of(
            "untagged", flaw, f"{named} does not name how somebody would use it; ATLAS has one that does"
        )
    return None


def _beside(flaw: Flaw, row: Threat, *, above: bool) -> str:
    """Return which part of a rating is more than a step too high (or low); empty when none is."""
    sign, side = (1, "above") if above else (-1, "below")
    for name in ("likelihood", "impact"):
        given, key = getattr(row, name), getattr(flaw, name)
        if given and sign * (given - key) > 1:
            return f"{name} {given} is more than one step {side} what the note speaks for"
    if row.likelihood and row.impact:
        off = _LEVELS.index(_level(row)) - _LEVELS.index(_level(flaw))
        if sign * off > 1:
            return (
                f"{row.likelihood} × {row.impact} makes it {_level(row)}, more than one level {side} "
                "what the note speaks for"
            )
    return ""


def _speaks(architecture: Architecture, flaw: Flaw, verb: str = "speaks") -> str:
    note = architecture.note(flaw.at, flaw.category)
    return f"the note “{note.sentence}” {verb}" if note else f"the note {verb}"


def _of(kind: str, flaw: Flaw, why: str) -> RegisterProblem:
    return RegisterProblem(kind, flaw.at, flaw.category, why)


def _level(rated: Threat | Flaw) -> str:
    return level(rated.likelihood * rated.impact)
