"""One participant's variant of the governance lab, and what is measured on it.

The participant hands in decisions; the systems, the rules, the dates and the evidence come
from here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from labkit.core import InvalidInputError, UnknownNameError
from labkit.course.cases.governing.case import JUDGEMENTS, GovernanceCase, governance_case
from labkit.governance.controls import documents, factors, find_theme, frameworks, read_line, review
from labkit.governance.obligations import JURISDICTIONS, ROLES, TIERS
from labkit.governance.obligations.release import VERDICTS
from labkit.scoring import Measurement

_MISSED_BAN = 4 / 6  # what is left of the share when the prohibited system passes as legal


def make_case(scenario: Any, seed: int, progress: Any = None) -> GovernanceCase:
    """Return the variant ``seed``; nothing in it takes time."""
    return governance_case(scenario, seed, _cards())


@lru_cache(maxsize=1)
def _cards() -> list[dict[str, Any]]:
    return tomllib.loads(Path(__file__).with_name("systems.toml").read_text(encoding="utf-8"))["system"]


# ------------------------------------------------------------------ classify


def measure_systems_classified(
    case: GovernanceCase, classification: Mapping[str, Sequence[str]]
) -> Measurement:
    """Share of the six systems with tier and role right; at most 4 of 6 when the ban is missed."""
    given = _mapping("classification", classification, [card.id for card in case.cards])
    right, tiers, too_high, wrong = 0, 0, 0, []
    for card in case.cards:
        tier, role = _pair(card.id, given.get(card.id, ("", "")))
        tiers += tier == card.tier
        too_high += tier != card.tier and tier.startswith("high-risk") and not card.tier.startswith("high")
        if (tier, role) == (card.tier, card.role):
            right += 1
        else:
            wrong.append((card, tier, role))
    missed = any(card.tier == "prohibited" and tier != "prohibited" for card, tier, _ in wrong)
    # What matters most comes first: the ban, then a wrong tier, then a wrong role.
    wrong.sort(key=lambda each: (each[0].tier != "prohibited", each[1] == each[0].tier))
    value = right / len(case.cards)
    return Measurement(
        min(value, _MISSED_BAN) if missed else value,
        {
            "right": right,
            "right_tiers": tiers,
            "too_high": too_high,
            "missed_ban": missed,
            "first_title": wrong[0][0].system.title if wrong else "none",
            "first_why": wrong[0][0].why if wrong else "",
            "wrong_titles": ", ".join(card.system.title for card, _, _ in wrong) or "none",
        },
    )


def _pair(name: str, raw: Any) -> tuple[str, str]:
    if isinstance(raw, str) or not isinstance(raw, Sequence) or len(raw) != 2:
        raise InvalidInputError(f"expected a tier and a role for {name!r}, got {raw!r}")
    tier, role = map(str, raw)
    if tier and tier not in TIERS:
        raise UnknownNameError("tier", tier, TIERS)
    if role and role not in ROLES:
        raise UnknownNameError("role", role, ROLES)
    return tier, role


# ------------------------------------------------------------------ framework


def measure_framework_choice(
    case: GovernanceCase, framework: str, reasons: Sequence[str], duties: Sequence[str]
) -> Measurement:
    """Fit of the choice (0.4), of its reasons (0.3), and duties told from choices (0.3)."""
    known = {each.id: each for each in frameworks()}
    for name in (*([framework] if framework else []), *duties):
        if name not in known:
            raise UnknownNameError("framework", name, known)
    for name in reasons:
        if name not in factors():
            raise UnknownNameError("factor", name, factors())
    best = case.ranking[0]
    agreement = _agreement(set(reasons), set(best.decisive))
    bound = _agreement(set(duties), set(case.duties_of_context))
    chosen = next((fit for fit in case.ranking if fit.framework.id == framework), None)
    return Measurement(
        0.4 * (framework == best.framework.id) + 0.3 * agreement + 0.3 * (bound == 1),
        {
            "fits": framework == best.framework.id,
            "is_law": framework in known and not known[framework].chosen,
            "chosen": known[framework].title if framework else "nothing",
            "chosen_points": chosen.points if chosen else 0,
            "best_points": best.points,
            "reasons_agreement": agreement,
            "duties_right": bound == 1,
            "duties_missed": len(set(case.duties_of_context) - set(duties)),
            "duties_too_many": len(set(duties) - set(case.duties_of_context)),
            "best_why": " ".join(reason.why for reason in best.reasons if reason.points >= 2),
        },
    )


def _agreement(given: set[str], wanted: set[str]) -> float:
    """Harmonic mean of precision and recall; 1 when both are empty."""
    return 2 * len(given & wanted) / (len(given) + len(wanted)) if given or wanted else 1.0


# ------------------------------------------------------------------ crosswalk


def measure_controls_crosswalked(case: GovernanceCase, crosswalk: Mapping[str, Sequence[str]]) -> Measurement:
    """Share of the ten controls with a control that shares their theme, and evidence that shows it."""
    given = _mapping("crosswalk", crosswalk, [each.id for each in case.pairings])
    shows = {document.id: document.controls for document in documents()}
    mapped, right, missed = 0, 0, []
    for each in case.pairings:
        pair = given.get(each.id, ("", ""))
        if isinstance(pair, str) or not isinstance(pair, Sequence) or len(pair) != 2:
            raise InvalidInputError(f"expected a control and a document for {each.id!r}, got {pair!r}")
        control, document = map(str, pair)
        fits = control == each.answer
        mapped += fits
        if fits and control in shows.get(document, ()):
            right += 1
        else:
            missed.append((each, fits))
    first = missed[0][0] if missed else None
    return Measurement(
        right / len(case.pairings),
        {
            "right": right,
            "mapped": mapped,
            "without_evidence": mapped - right,
            "first_control": f"{first.control}, {first.title}" if first else "none",
            "first_theme": _theme(first.source, first.control) if first else "",
            "first_mapped": bool(missed and missed[0][1]),
        },
    )


def _theme(source: str, control: str) -> str:
    from labkit.governance.controls import themes_of

    found = [find_theme(theme.id) for theme in themes_of(source, control)]
    return " or ".join(theme.title[0].lower() + theme.title[1:] for theme in found)


# ------------------------------------------------------------------ statement of applicability


def measure_orphans(case: GovernanceCase, statement: Mapping[str, Any]) -> Measurement:
    """Number of controls and documents in the statement that hang in the air."""
    if not isinstance(statement, Mapping):
        raise InvalidInputError(
            f"expected a mapping from control to its line, got {type(statement).__name__}"
        )
    lines = {str(control): read_line(raw) for control, raw in statement.items()}
    found = review(lines, case.controls, case.register, case.flagship.system.facts)

    def count(*kinds: str) -> int:
        return sum(each.kind in kinds for each in found)

    return Measurement(
        len(found),
        {
            "undecided": count("undecided"),
            "unproven": count("no evidence", "wrong evidence", "no status", "no date"),
            "loose": count("loose evidence", "evidence for nothing"),
            "idle": count("idle control"),
            "badly_excluded": count("excluded though needed", "no valid reason"),
            "first": f"{found[0].subject}: {found[0].kind}; {found[0].says}" if found else "none",
            "applicable": sum(line.applicable for line in lines.values()),
            "controls": len(case.controls),
        },
    )


# ------------------------------------------------------------------ release


def measure_release_decision(
    case: GovernanceCase, verdicts: Mapping[str, str], judgements: Mapping[str, Any]
) -> Measurement:
    """Half for the three verdicts, half for the open items with what they are and from when."""
    given = _mapping("verdicts", verdicts, case.jurisdictions)
    for verdict in given.values():
        if verdict not in VERDICTS:
            raise UnknownNameError("verdict", str(verdict), VERDICTS)
    items = _mapping("judgements", judgements, [item.id for item in case.items])
    right = [place for place in case.jurisdictions if given.get(place) == case.decisions[place].verdict]
    wrong, dates = [], 0
    for item in case.items:
        kind, day = _judgement(item.id, items.get(item.id, ""))
        wanted, due = case.judgements[item.id]
        if kind != wanted:
            wrong.append(item)
        elif kind == "condition" and day != due:
            dates += 1
            wrong.append(item)
    first = wrong[0] if wrong else None
    missed = [JURISDICTIONS[place] for place in case.jurisdictions if place not in right]
    good = len(case.items) - len(wrong)
    return Measurement(
        0.5 * len(right) / len(case.jurisdictions) + 0.5 * good / len(case.items),
        {
            "verdicts_right": len(right),
            "items_right": good,
            "items": len(case.items),
            "wrong_dates": dates,
            "missed_places": ", ".join(missed) or "none",
            "first_item": first.title if first else "none",
            "first_why": _why(case, first.id) if first else "",
            "day": f"{case.release_day:%-d %B %Y}",
        },
    )


def _judgement(name: str, raw: Any) -> tuple[str, str]:
    """Read ``"blocks"``, or a pair of ``"condition"`` and a day."""
    kind, day = (raw, "") if isinstance(raw, str) else (str(raw[0]), str(raw[1] or ""))
    if kind and kind not in JUDGEMENTS:
        raise UnknownNameError(f"judgement of {name}", kind, JUDGEMENTS)
    return kind, day


def _why(case: GovernanceCase, name: str) -> str:
    kind, due = case.judgements[name]
    item = next(each for each in case.items if each.id == name)
    bound = "binding" if item.force == "law" else "binding by contract"
    return {
        "blocks": f"{bound}, in force on that day and not met ({item.article})",
        "condition": f"{bound} and not in force yet: it becomes due on {due} ({item.article})",
        "voluntary": f"voluntary, and no contract makes it binding, so it stops no release ({item.article})",
        "no duty": f"tier, role or facts of this system do not bring it ({item.article})",
    }[kind]


def _mapping(what: str, raw: Any, known: Sequence[str]) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise InvalidInputError(f"expected {what} as a mapping, got {type(raw).__name__}")
    for name in raw:
        if name not in known:
            raise UnknownNameError(f"entry of {what}", str(name), known)
    return dict(raw)


MEASURES = {
    "systems_classified": measure_systems_classified,
    "framework_choice": measure_framework_choice,
    "controls_crosswalked": measure_controls_crosswalked,
    "orphans": measure_orphans,
    "release_decision": measure_release_decision,
}

OUTCOMES = {
    "high_risk_systems": lambda case: float(sum(card.tier.startswith("high-risk") for card in case.cards)),
    "duties_ahead": lambda case: float(
        sum(not duty.in_force(case.today) for duty in case.duties if duty.obligation.settled)
    ),
    "blocked_places": lambda case: float(
        sum(decision.verdict == "no-go" for decision in case.decisions.values())
    ),
}
