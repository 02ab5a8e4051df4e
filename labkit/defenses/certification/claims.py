"""What may be said with a certificate, and what may not: a checker of claims."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from torch import Tensor

from labkit.core.checks import class_numbers, length
from labkit.core.errors import InvalidInputError
from labkit.core.threat import ROUNDING, Norm
from labkit.defenses.certification.certificates import Certificates, reach_in

__all__ = ["REASONS", "Claim", "Verdict", "check_claim"]

REASONS: Mapping[str, str] = MappingProxyType(
    {
        "holds": "it follows from the certificate",
        "model": "the certificate is of another model",
        "noise": "the certificate is of another noise level",
        "confidence": "it promises more confidence than the certificate has",
        "norm": "it uses the radius in a norm that the certificate is not in",
        "radius": "fewer inputs than it says are certified that far",
        "abstentions": "it leaves out the inputs on which the classifier abstains",
    }
)
"""Why a claim stands or falls, by a word for each reason."""

_SLACK = 1e-9


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence about a certified model, in numbers.

    Attributes
    ----------
    model : str
        Digest of the model that it is about, see :func:`model_digest`.
    norm : Norm
        How the attacker's budget is measured.
    epsilon : float
        That budget, in the units of ``x``.
    accuracy : float
        Share of the inputs that are said to be read correctly whatever the attacker does.
    confidence : float
        With what probability the certificate of each input is said to hold.
    noise_std : float
        Standard deviation of the smoothing noise of the model in use; 0 for one without.
    """

    model: str
    norm: Norm
    epsilon: float
    accuracy: float
    confidence: float
    noise_std: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "norm", Norm(self.norm))
        length("epsilon", self.epsilon)
        for name in ("accuracy", "confidence"):
            if not 0 <= length(name, getattr(self, name)) <= 1:
                raise InvalidInputError(f"expected {name} from 0 to 1, got {getattr(self, name)}")
        length("noise_std", self.noise_std)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a claim follows, why, and what would.

    Attributes
    ----------
    reason : str
        A key of :data:`REASONS`; ``"holds"`` where it follows.
    certified : float
        Share of *all* inputs that is certified at the budget of the claim, in its norm.
    decided : float
        The same share among those inputs on which the classifier did not abstain.
    """

    reason: str
    certified: float
    decided: float

    @property
    def accepted(self) -> bool:
        return self.reason == "holds"

    def __str__(self) -> str:
        word = "accepted" if self.accepted else "refused"
        return f"{word}: {REASONS[self.reason]} (certified for {self.certified:.1%} of all inputs)"


def check_claim(claim: Claim, certificates: Certificates, y: Tensor) -> Verdict:
    """Say whether a claim follows from certificates, and if not, the first reason.

    What the claim is *about* is looked at first (the model, its noise, the confidence), then
    how far it goes.  A budget in another norm counts as what :func:`reach_in` leaves of the
    radius: an L2 certificate holds in L-infinity up to ``radius / sqrt(dimension)``.
    An input on which the classifier abstains is certified for no class, so it counts as wrong.

    Parameters
    ----------
    claim : Claim
    certificates : Certificates
        One for each input.
    y : Tensor of shape ``(n,)``, int64
        The true classes of those inputs.
    """
    class_numbers("y", y, len(certificates))
    if not len(certificates):
        raise InvalidInputError("expected one certificate or more, got none: nothing follows from nothing")
    certified = _share(certificates, y, claim.epsilon, claim.norm)
    decided = ~certificates.abstained
    among = certified * len(y) / max(1, int(decided.sum()))
    for reason, fails in _TESTS:
        if fails(claim, certificates, y):
            return Verdict(reason, certified, among)
    return Verdict("holds", certified, among)


def _share(certificates: Certificates, y: Tensor, epsilon: float, norm: Norm) -> float:
    return float(certificates.holds(y, epsilon, norm).double().mean())


def _too_much(claim: Claim, certificates: Certificates, y: Tensor) -> bool:
    return claim.accuracy > _share(certificates, y, claim.epsilon, claim.norm) + _SLACK


def _in_another_norm(claim: Claim, certificates: Certificates, y: Tensor) -> bool:
    """Say whether the share would be right if the norms were the same, and is not as they differ."""
    naive = _share(certificates, y, claim.epsilon, certificates.norm)
    return (
        reach_in(claim.norm, certificates.norm, certificates.dimension) < 1
        and _too_much(claim, certificates, y)
        and claim.accuracy <= naive + _SLACK
    )


def _without_abstentions(claim: Claim, certificates: Certificates, y: Tensor) -> bool:
    """Say whether the share is the one among the inputs that were decided."""
    certified = _share(certificates, y, claim.epsilon, claim.norm)
    decided = int((~certificates.abstained).sum())
    among = certified * len(y) / max(1, decided)
    return certified + _SLACK < claim.accuracy <= among + _SLACK


_TESTS: tuple[tuple[str, Callable[[Claim, Certificates, Tensor], bool]], ...] = (
    ("model", lambda claim, made, y: claim.model != made.model),
    ("noise", lambda claim, made, y: abs(claim.noise_std - made.noise_std) > ROUNDING),
    ("confidence", lambda claim, made, y: claim.confidence > made.confidence + _SLACK),
    ("abstentions", _without_abstentions),
    ("norm", _in_another_norm),
    ("radius", _too_much),
)
"""Why a claim may fall, in the order in which it is looked at."""
