"""Certificates: proofs that nothing within a radius changes an answer, and what may be said with them."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.defenses.certification.binomial import clopper_pearson, lower_bound
    from labkit.defenses.certification.certificates import (
        ABSTAINED,
        Certificates,
        model_digest,
        reach_in,
    )
    from labkit.defenses.certification.claims import REASONS, Claim, Verdict, check_claim
    from labkit.defenses.certification.intervals import (
        box_around,
        certify_intervals,
        interval_bounds,
        interval_margins,
    )
    from labkit.defenses.certification.smoothing import SmoothedClassifier
    from labkit.defenses.certification.training import interval_training

_MODULES = {
    "ABSTAINED": "certificates",
    "REASONS": "claims",
    "Certificates": "certificates",
    "Claim": "claims",
    "SmoothedClassifier": "smoothing",
    "Verdict": "claims",
    "box_around": "intervals",
    "certify_intervals": "intervals",
    "check_claim": "claims",
    "clopper_pearson": "binomial",
    "interval_bounds": "intervals",
    "interval_margins": "intervals",
    "interval_training": "training",
    "lower_bound": "binomial",
    "model_digest": "certificates",
    "reach_in": "certificates",
}

__all__ = [
    "ABSTAINED",
    "REASONS",
    "Certificates",
    "Claim",
    "SmoothedClassifier",
    "Verdict",
    "box_around",
    "certify_intervals",
    "check_claim",
    "clopper_pearson",
    "interval_bounds",
    "interval_margins",
    "interval_training",
    "lower_bound",
    "model_digest",
    "reach_in",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
