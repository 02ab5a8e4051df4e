"""T1: classify one system, state which controls apply, enter a risk, and decide about a release.

The seed draws a case file out of ``phrases.toml``.  What is right follows from the facts that the
file states, by the rules of ``labkit.governance``; nothing else of a variant is stored anywhere.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from labkit.exams.issued import Issued
from labkit.exams.task import Measured, Variant, load_code, read_task
from labkit.governance.controls import annex_a, need_of, reasons
from labkit.governance.obligations import (
    JURISDICTIONS,
    ROLES,
    TIERS,
    System,
    classify,
    facts,
)
from labkit.governance.obligations.release import VERDICTS
from labkit.governance.threatmodel import IMPACT, LIKELIHOOD

_CASES = load_code(read_task(Path(__file__).parent), "case_files")
"""The module beside this one that draws a case file."""

TODAY = "2026-11-23"
NO_DUTY = "nothing"
APPLIES = "applies"
_TOLERANCE = 0.051  # residual is given to one decimal


# ------------------------------------------------------------------ what is issued


def issue(variant: Variant) -> Issued:
    """Return the case file and the lists to choose from; no fact, no seed and no key."""
    case = _CASES.case_file(variant)
    known = {control.id: control for control in annex_a()}
    risk = case.risk
    return Issued(
        {},
        {
            "title": case.title,
            "case_file": list(case.paragraphs),
            "today": TODAY,
            "release_day": case.day.isoformat(),
            "jurisdictions": {place: JURISDICTIONS[place] for place in case.system.jurisdictions},
            "contracts": [
                {"jurisdiction": each.jurisdiction, "about": each.about, "since": each.since.isoformat()}
                for each in case.system.contracts
            ],
            "facts": dict(facts()),
            "fact_ids": list(facts()),
            "tiers": dict(TIERS),
            "roles": dict(ROLES),
            "verdicts": dict(VERDICTS),
            "duties": [
                {
                    "id": each.id,
                    "jurisdiction": each.jurisdiction,
                    "title": each.title,
                    "text": each.text,
                    "done": each.id not in case.undone,
                }
                for each in case.options
            ],
            "duty_ids": [each.id for each in case.options],
            "because_ids": [NO_DUTY, *(each.id for each in case.options)],
            "places": list(case.system.jurisdictions),
            "controls": [
                {"id": id, "title": known[id].title, "summary": known[id].summary} for id in case.controls
            ],
            "control_ids": list(case.controls),
            "reasons": {APPLIES: "It applies.", **reasons()},
            "why_codes": [APPLIES, *reasons()],
            "risk": {
                "paragraphs": list(risk.paragraphs),
                "funded": list(risk.funded),
                "asked_for_but_not_funded": list(risk.wished),
                "appetite": risk.appetite,
                "answers_for": dict(_CASES.bank()["answers_for"]),
            },
            "owners": list(_CASES.bank()["answers_for"]),
            "likelihood": {str(key): words for key, words in LIKELIHOOD.items()},
            "impact": {str(key): words for key, words in IMPACT.items()},
        },
    )


# ------------------------------------------------------------------ what is measured


def measure(variant: Variant, hand_in: Mapping[str, Any]) -> Measured:
    """Hold a hand-in against the rules; what is missing measures 0."""
    case = _CASES.case_file(variant)
    key = classify(case.system)
    read = set(hand_in.get("facts_read", ()))
    facts_read = _net(read, case.facts, case.arguable)
    tier, roles = hand_in.get("tier"), set(hand_in.get("roles", ()))
    lines = _once(hand_in.get("statement", ()), "control")
    verdicts = _once(hand_in.get("release", ()), "jurisdiction")
    right_verdicts = _right_verdicts(case, verdicts)
    free = sum(decision.verdict == "go" for decision in case.decisions.values())
    risk_right = _risk_right(case.risk, hand_in)
    consistent = _consistency(read, hand_in, lines, case.controls)
    banned = key.tier == "prohibited" and verdicts.get("EU", {}).get("verdict") == "go"
    return Measured(
        {
            "classification": _classified(key.tier, set(key.roles), tier, roles),
            "duties": _net(hand_in.get("duties", ()), {d.id for d in case.options} & case.binding),
            "statement": _statement(case, lines),
            "risk_entry": max(0.0, (risk_right - 1) / 4),
            "release": max(0.0, (right_verdicts - free) / (len(case.decisions) - free)),
            "facts_read": facts_read,
            "consistent": facts_read * consistent,
            "banned_released": float(banned),
        },
        {
            "tier": TIERS[key.tier],
            "roles": ", ".join(ROLES[role] for role in key.roles),
            "verdicts": ", ".join(f"{place} {each.verdict}" for place, each in case.decisions.items()),
            "risk": f"{case.risk.likelihood} × {case.risk.impact}, {case.risk.owner}, "
            f"{case.risk.treatment}, {case.risk.residual:g} left",
            "risk_parts_right": float(risk_right),
            "verdicts_right": float(right_verdicts),
        },
    )


def _net(chosen: Collection[str], truth: Collection[str], neutral: Collection[str] = ()) -> float:
    """Return the share of what is so that was found, less one for each thing that is not so."""
    ticked = set(chosen) - set(neutral)
    return max(0.0, (len(ticked & set(truth)) - len(ticked - set(truth))) / len(truth))


def _classified(tier: str, roles: set[str], given_tier: Any, given_roles: set[str]) -> float:
    if given_tier != tier:
        return 0.0
    return 1.0 if given_roles == roles else 0.4


def _once(rows: Sequence[Mapping[str, Any]], column: str) -> dict[str, Mapping[str, Any]]:
    """Return the rows by a column; what is stated twice is stated by neither row."""
    names = [row.get(column) for row in rows]
    return {row[column]: row for row in rows if row.get(column) and names.count(row[column]) == 1}


def _statement(case: Any, lines: Mapping[str, Mapping[str, Any]]) -> float:
    """Return how surely what is needed and what is idle are told apart: 0 for one answer to all.

    Controls that hang on one fact count as one, and as right only together.
    """
    right: dict[bool, list[bool]] = {True: [], False: []}
    for reason in {need_of(name, ()).reason for name in case.controls}:
        group = [name for name in case.controls if need_of(name, ()).reason == reason]
        needed = need_of(group[0], case.facts).needed
        right[needed].append(all(_line_right(name, lines.get(name, {}), case.facts) for name in group))
    return max(0.0, sum(sum(half) / len(half) for half in right.values()) - 1)


def _line_right(control: str, line: Mapping[str, Any], stated: Collection[str]) -> bool:
    need = need_of(control, stated)
    wanted = ("yes", APPLIES) if need.needed else ("no", need.reason)
    return (line.get("applies"), line.get("why")) == wanted


def _right_verdicts(case: Any, rows: Mapping[str, Mapping[str, Any]]) -> int:
    """Return for how many places verdict and reason are right."""
    right = 0
    for place, decision in case.decisions.items():
        row = rows.get(place, {})
        deciding = {"no-go": decision.blocking, "conditions": decision.conditions, "go": ()}
        causes = {duty.obligation.id for duty in deciding[decision.verdict]} or {NO_DUTY}
        right += row.get("verdict") == decision.verdict and row.get("because") in causes
    return right


def _risk_right(risk: Any, hand_in: Mapping[str, Any]) -> int:
    """Return how many of the five parts of the register entry are right."""
    left = hand_in.get("risk_residual")
    near = left is not None and abs(float(left) - risk.residual) <= _TOLERANCE
    return near + sum(
        hand_in.get(f"risk_{part}") == getattr(risk, part)
        for part in ("likelihood", "impact", "owner", "treatment")
    )


def _consistency(
    read: set[str],
    hand_in: Mapping[str, Any],
    lines: Mapping[str, Mapping[str, Any]],
    controls: Sequence[str],
) -> float:
    """Return how far tier, roles and statement follow from the facts that the candidate read."""
    follows = classify(System("own", "own", "", frozenset(read)))
    parts = [
        float(hand_in.get("tier") == follows.tier),
        float("roles" in hand_in and set(hand_in["roles"]) == set(follows.roles)),
        sum(_line_right(name, lines.get(name, {}), read) for name in controls) / len(controls),
    ]
    return sum(parts) / len(parts)
