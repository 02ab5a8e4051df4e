"""The words of the law, chosen once: tiers, roles, jurisdictions, force and confidence."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["CONFIDENCE", "CONTRACTS", "EVERYWHERE", "FORCES", "HIGH_RISK", "JURISDICTIONS", "ROLES", "TIERS"]

TIERS: Mapping[str, str] = {
    "prohibited": "prohibited",
    "high-risk-annex-i": "high-risk, product (Annex I)",
    "high-risk-annex-iii": "high-risk, listed use (Annex III)",
    "general-purpose-model": "general-purpose model",
    "transparency": "transparency duties",
    "minimal": "minimal risk",
}
"""Tiers of the EU AI Act, the heaviest first, with their names in words."""

HIGH_RISK = ("high-risk-annex-i", "high-risk-annex-iii")

ROLES: Mapping[str, str] = {
    "provider": "provider",
    "importer": "importer",
    "distributor": "distributor",
    "deployer": "deployer",
}
"""Roles of the EU AI Act, the one with the heaviest duties first."""

JURISDICTIONS: Mapping[str, str] = {
    "EU": "European Union",
    "US": "United States",
    "UK": "United Kingdom",
    "SG": "Singapore",
}

EVERYWHERE = "all"
"""What an obligation declares that no place asks for, but a contract, wherever it is made."""

CONTRACTS: Mapping[str, str] = {
    "cards": "payment cards are taken",
    "code": "the voluntary framework of that place was promised to a partner",
}
"""What a contract can be about that makes something binding in one jurisdiction."""

FORCES: Mapping[str, str] = {
    "law": "law, binding",
    "contract": "binding by contract",
    "voluntary": "voluntary",
}

CONFIDENCE: Mapping[str, str] = {
    "primary": "read in the publisher's own text",
    "secondary": "confirmed in at least one other text",
    "background": "general knowledge; check before you rely on it",
    "disputed": "sources disagree",
}
"""How far a fact is to be trusted; the last two stay out of every check."""
