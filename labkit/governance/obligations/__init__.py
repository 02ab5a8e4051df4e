"""What the law asks of a system: its class, its duties, the days they begin, and a release decision.

Every fact is a declaration with a source, an article, a day from which it applies, and how far
it is to be trusted.  Not legal advice: the official text prevails.
"""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.governance.obligations.classifying import (
        Classification,
        Finding,
        classify,
        fact_groups,
        facts,
        rules,
    )
    from labkit.governance.obligations.declarations import Obligation, Transition, obligations, transitions
    from labkit.governance.obligations.freshness import (
        STALE_AFTER_DAYS,
        Change,
        Stale,
        changes_ahead,
        stale_facts,
    )
    from labkit.governance.obligations.mapping import Duty, duties_of, milestones
    from labkit.governance.obligations.release import Decision, decide, on_release
    from labkit.governance.obligations.system import Contract, System, read_system
    from labkit.governance.obligations.words import (
        CONFIDENCE,
        CONTRACTS,
        FORCES,
        JURISDICTIONS,
        ROLES,
        TIERS,
    )

_MODULES = {
    "CONFIDENCE": "words",
    "CONTRACTS": "words",
    "Change": "freshness",
    "Classification": "classifying",
    "Contract": "system",
    "Decision": "release",
    "Duty": "mapping",
    "FORCES": "words",
    "Finding": "classifying",
    "JURISDICTIONS": "words",
    "Obligation": "declarations",
    "ROLES": "words",
    "STALE_AFTER_DAYS": "freshness",
    "Stale": "freshness",
    "System": "system",
    "TIERS": "words",
    "Transition": "declarations",
    "changes_ahead": "freshness",
    "classify": "classifying",
    "decide": "release",
    "duties_of": "mapping",
    "fact_groups": "classifying",
    "facts": "classifying",
    "milestones": "mapping",
    "obligations": "declarations",
    "on_release": "release",
    "read_system": "system",
    "rules": "classifying",
    "stale_facts": "freshness",
    "transitions": "declarations",
}

__all__ = [
    "CONFIDENCE",
    "CONTRACTS",
    "FORCES",
    "JURISDICTIONS",
    "ROLES",
    "STALE_AFTER_DAYS",
    "TIERS",
    "Change",
    "Classification",
    "Contract",
    "Decision",
    "Duty",
    "Finding",
    "Obligation",
    "Stale",
    "System",
    "Transition",
    "changes_ahead",
    "classify",
    "decide",
    "duties_of",
    "fact_groups",
    "facts",
    "milestones",
    "obligations",
    "on_release",
    "read_system",
    "rules",
    "stale_facts",
    "transitions",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
