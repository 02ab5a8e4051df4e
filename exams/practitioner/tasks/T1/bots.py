"""Players of T1: one who reads the case file, one who hands in nothing, one who ticks what is usual."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from labkit.exams.issued import Issued
from labkit.exams.task import Variant
from labkit.governance.controls import need_of
from labkit.governance.obligations import (
    Contract,
    System,
    classify,
    decide,
    duties_of,
    obligations,
    on_release,
)

_BEST = {"why_tier": 2, "why_excluded": 3, "why_residual": 1}


def reference(issued: Issued, variant: Variant) -> dict[str, Any]:
    """Read the sentences of the case file and let the rules of ``labkit.governance`` do the rest."""
    told = issued.facts
    system, bank = _read(told, variant.params.get("words", {})), _bank()
    classification = classify(system)
    day = date.fromisoformat(told["release_day"])
    open_items = {each["id"] for each in told["duties"] if not each["done"]}
    met = {each.id for each in obligations()} - open_items
    release = []
    for place, decision in decide(system, day, met).items():
        causes = {"no-go": decision.blocking, "conditions": decision.conditions, "go": ()}[decision.verdict]
        named = [duty.obligation.id for duty in causes if duty.obligation.id in told["duty_ids"]]
        release.append(
            {"jurisdiction": place, "verdict": decision.verdict, "because": [*named, "nothing"][0]}
        )
    reached = [on_release(duty, system, day) for duty in duties_of(system)]
    binding = {duty.obligation.id for duty in reached if duty and duty.binding}
    needs = {name: need_of(name, system.facts) for name in told["control_ids"]}
    return {
        "facts_read": sorted(system.facts),
        "tier": classification.tier,
        "roles": list(classification.roles),
        "duties": [name for name in told["duty_ids"] if name in binding],
        "statement": [
            {
                "control": name,
                "applies": "yes" if need.needed else "no",
                "why": "applies" if need.needed else need.reason,
            }
            for name, need in needs.items()
        ],
        "release": release,
        **_risk_entry(told["risk"], bank, variant.params.get("words", {})),
        **_BEST,
    }


def nothing(issued: Issued, variant: Variant) -> dict[str, Any]:
    """Hand in empty lists."""
    return {"facts_read": [], "roles": [], "duties": [], "statement": [], "release": []}


def lazy(issued: Issued, variant: Variant) -> dict[str, Any]:
    """Read nothing: tick every duty and fact, apply every control, rate the middle, stop everywhere."""
    told = issued.facts
    return {
        "facts_read": told["fact_ids"],
        "tier": "high-risk-annex-iii",
        "roles": ["provider", "deployer"],
        "duties": told["duty_ids"],
        "statement": [{"control": name, "applies": "yes", "why": "applies"} for name in told["control_ids"]],
        "release": [
            {"jurisdiction": place, "verdict": "no-go", "because": told["duty_ids"][0]}
            for place in told["places"]
        ],
        "risk_likelihood": 3,
        "risk_impact": 3,
        "risk_owner": told["owners"][0],
        "risk_treatment": "mitigate",
        "risk_residual": 1.8,
        "why_tier": 1,
        "why_excluded": 1,
        "why_residual": 1,
    }


# ------------------------------------------------------------------ reading


def _bank() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("phrases.toml").read_text(encoding="utf-8"))


def _read(told: Mapping[str, Any], words: Mapping[str, str]) -> System:
    """Return the system whose facts the sentences state."""
    stated: set[str] = set()
    bank = _bank()
    for kind in ("use", "hand", "data", "pace"):
        for name, part in bank[kind].items():
            texts = {part["text"], words.get(f"{kind}.{name}", part["text"])}
            if texts & set(told["case_file"]):
                stated |= set(part["facts"])
            if part.get("away") in told["case_file"]:
                stated |= set(part["facts"]) - {"decides-purposes", "e-phi", "covered-entity"}
    contracts = tuple(
        Contract(each["jurisdiction"], each["about"], date.fromisoformat(each["since"]))
        for each in told["contracts"]
    )
    return System("read", told["title"], "", frozenset(stated), tuple(told["places"]), contracts)


def _risk_entry(told: Mapping[str, Any], bank: Mapping[str, Any], words: Mapping[str, str]) -> dict[str, Any]:
    said, event = set(told["paragraphs"]), ""
    for name, about in bank["event"].items():
        if {about["text"], words.get(f"event.{name}")} & said:
            event = name
    likelihood = next(int(key) for key, texts in bank["likelihood"].items() if set(texts) & said)
    impact = next(int(key) for key, texts in bank["impact"].items() if set(texts) & said)
    helping = len(set(bank["event"][event]["helps"]) & set(told["funded"]))
    score = likelihood * impact
    left = round(score * 0.2**helping, 1)
    if score <= told["appetite"]:
        treatment = "accept"
    elif left <= told["appetite"]:
        treatment = "mitigate"
    else:
        treatment = "transfer" if bank["cover"]["yes"] in said else "avoid"
    return {
        "risk_likelihood": likelihood,
        "risk_impact": impact,
        "risk_owner": bank["event"][event]["owner"],
        "risk_treatment": treatment,
        "risk_residual": left,
    }
