"""Classify a system under the EU AI Act: explicit rules over stated facts, each with its article.

The rules stand in ``classification.toml`` beside this module.  They are a teaching model of
Regulation (EU) 2024/1689 as amended by Regulation (EU) 2026/1744, and no legal advice.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit.governance import standards
from labkit.governance.obligations.system import System
from labkit.governance.obligations.words import HIGH_RISK, ROLES, TIERS

__all__ = ["Classification", "Finding", "Rule", "classify", "fact_groups", "facts", "rules"]

_FILE = Path(__file__).with_name("classification.toml")


@dataclass(frozen=True, slots=True)
class Rule:
    """What follows when facts hold.

    Attributes
    ----------
    id : str
    gives : str
        A tier, a role, or a remark such as ``not-high-risk``.
    when, unless : frozenset of str
        Facts that must all hold, and facts of which none may.
    standard : str
        Qualified id of the entry that says so, such as ``eu-ai-act/Art. 26``.
    says : str
    only_if : str
        ``"high-risk"`` where the rule holds for high-risk systems only, ``"listed"`` where it
        holds for those that Annex III lists; else empty.
    """

    id: str
    gives: str
    when: frozenset[str]
    unless: frozenset[str]
    standard: str
    says: str
    only_if: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that applied, or nearly did.

    ``stopped_by`` names the facts that kept it from applying; empty where it applied.
    """

    rule: Rule
    stopped_by: tuple[str, ...] = ()

    @property
    def confidence(self) -> str:
        """How far the entry behind the rule is to be trusted."""
        return standards.lookup(self.rule.standard).confidence

    def __str__(self) -> str:
        article = self.rule.standard.partition("/")[2]
        if not self.stopped_by:
            return f"{self.rule.says} [{article}]"
        why = " and ".join(facts()[fact] for fact in self.stopped_by)
        return f"Not this one: {self.rule.says} [{article}] Here it {why}."


@dataclass(frozen=True, slots=True)
class Classification:
    """Tier and roles of a system, with what led there.

    Attributes
    ----------
    tier : str
        The heaviest that applies, a key of ``TIERS``.
    tiers : tuple of str
        All that apply, the heaviest first: a high-risk system may owe transparency too.
    roles : tuple of str
        Keys of ``ROLES``, the one with the heaviest duties first.
    findings, near : tuple of Finding
        Rules that applied, and rules that one fact kept from applying.
    """

    tier: str
    tiers: tuple[str, ...]
    roles: tuple[str, ...]
    findings: tuple[Finding, ...]
    near: tuple[Finding, ...]

    @property
    def role(self) -> str:
        """The role with the heaviest duties; empty where the facts name none."""
        return self.roles[0] if self.roles else ""

    @property
    def duty_tiers(self) -> tuple[str, ...]:
        """The tiers whose duties fall on it directly.

        A product under a law in Section B of Annex I is high-risk, and meets what is asked of
        high-risk AI through that law.
        """
        by_product_law = any(each.rule.gives == "duties-by-product-law" for each in self.findings)
        return tuple(tier for tier in self.tiers if not (by_product_law and tier == "high-risk-annex-i"))

    @property
    def settled(self) -> bool:
        """Whether everything it rests on was read somewhere and is undisputed."""
        return all(each.confidence in ("primary", "secondary") for each in self.findings)


def classify(system: System) -> Classification:
    """Apply every rule to the facts of a system.

    Returns
    -------
    Classification
        Tier ``minimal`` where no other rule applies (EU AI Act, Arts. 4 and 95).
    """
    held = set(system.facts)
    if {"narrow-task", "profiles-people"} <= held:
        held.discard("narrow-task")  # Art. 6(3): profiling closes the way out
    found: list[Finding] = []
    near: list[Finding] = []
    for rule in rules():
        if rule.only_if or not rule.when <= held:
            continue
        stopped = tuple(sorted(rule.unless & held))
        (near if stopped else found).append(Finding(rule, stopped))
    holds = {
        "high-risk": any(each.rule.gives in HIGH_RISK for each in found),
        "listed": any(
            each.rule.gives == "high-risk-annex-iii" and set(each.stopped_by) <= {"narrow-task"}
            for each in (*found, *near)
        ),
    }
    for rule in rules():
        # The rules about the way out are about the facts as stated.
        stated = set(system.facts) if rule.only_if == "listed" else held
        if holds.get(rule.only_if) and rule.when <= stated and not rule.unless & stated:
            found.append(Finding(rule))
    given = {each.rule.gives for each in found}
    tiers = tuple(tier for tier in TIERS if tier in given) or ("minimal",)
    return Classification(
        tier=tiers[0],
        tiers=tiers,
        roles=tuple(role for role in ROLES if role in given),
        findings=tuple(found),
        near=tuple(near),
    )


@lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """Return every rule, in the order of the file."""
    return tuple(
        Rule(
            id=raw["id"],
            gives=raw["gives"],
            when=frozenset(raw["when"]),
            unless=frozenset(raw.get("unless", ())),
            standard=raw["standard"],
            says=raw["says"],
            only_if=raw.get("only_if", ""),
        )
        for raw in _raw()["rule"]
    )


@lru_cache(maxsize=1)
def facts() -> Mapping[str, str]:
    """Return the vocabulary: every fact that a rule or an obligation may ask for, in words."""
    return MappingProxyType(
        {name: words for group in _raw()["facts"].values() for name, words in group.items()}
    )


@lru_cache(maxsize=1)
def fact_groups() -> Mapping[str, tuple[str, ...]]:
    """Return the vocabulary by what a fact is about, in the order of the file."""
    return MappingProxyType({name: tuple(group) for name, group in _raw()["facts"].items()})


@lru_cache(maxsize=1)
def _raw() -> dict[str, Any]:
    return tomllib.loads(_FILE.read_text(encoding="utf-8"))
