"""Claims that a vendor makes of its certificates: some follow, each of the others has one flaw."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from labkit.core.seeds import derive, make_generator
from labkit.core.threat import Norm
from labkit.defenses.certification import Certificates, Claim, check_claim

__all__ = ["CLAIMS", "VendorClaim", "say", "vendor_claims", "verdict_on"]

CLAIMS = 8
"""Claims in one variant."""

_OTHER_NOISE = (0.12, 0.35, 0.5)


@dataclass(frozen=True, slots=True)
class VendorClaim:
    """One sentence, and which certificate the vendor shows for it.

    Attributes
    ----------
    number : int
        From 1 up.
    shown : str
        ``"smoothing"`` or ``"intervals"``.
    claim : Claim
    """

    number: int
    shown: str
    claim: Claim

    @property
    def text(self) -> str:
        return say(self.claim)


def say(claim: Claim) -> str:
    """Return a claim as its vendor would write it."""
    how = "in L2" if claim.norm is Norm.L2 else "of every pixel (L-infinity)"
    noise = f"smoothed with noise {claim.noise_std:g}" if claim.noise_std else "without smoothing"
    sure = (
        "without any doubt"
        if claim.confidence == 1
        else f"with {100 * claim.confidence:g} % confidence for each input"
    )
    return (
        f"Model {claim.model}, {noise}, reads {claim.accuracy:.1%} of the inputs correctly under any change "
        f"up to {claim.epsilon:g} {how}, {sure}."
    )


def verdict_on(claim: VendorClaim, certificates: Mapping[str, Certificates], y: Tensor) -> str:
    """Return the reason for which a claim stands or falls, a key of ``REASONS``."""
    return check_claim(claim.claim, certificates[claim.shown], y).reason


def vendor_claims(certificates: Mapping[str, Certificates], y: Tensor, seed: int) -> tuple[VendorClaim, ...]:
    """Return eight claims in an order of their own: three follow, and five do not, for five reasons.

    An L2 radius that is sold as one of every pixel, and a share that leaves abstentions out, are
    always among them.  Where a kind of claim cannot be made of these certificates, another stands
    in its place.
    """
    generator = make_generator(derive(seed, "claims"))
    made = _Maker(certificates, y, generator)
    good = [("holds", shown, claim) for shown, claim in made.good()]
    always = [made.bad("norm"), made.bad("abstentions")]
    others = [made.bad(kind) for kind in ("radius", "model", "noise", "confidence")]
    chosen = [
        *_some(good, 3, generator),
        *always,
        *_some(others, CLAIMS - 3 - len(always), generator),
    ]
    order = torch.randperm(len(chosen), generator=generator).tolist()
    return tuple(
        VendorClaim(place + 1, shown, claim)
        for place, (_, shown, claim) in enumerate(chosen[i] for i in order)
    )


class _Maker:
    """Makes claims of certificates, each of a kind that it is checked to have."""

    def __init__(
        self, certificates: Mapping[str, Certificates], y: Tensor, generator: torch.Generator
    ) -> None:
        self.certificates, self.y, self.generator = certificates, y, generator
        smoothing = certificates["smoothing"]
        self.honest = self.claim("smoothing", Norm.L2, self.pick((0.1, 0.15, 0.2, 0.25)))
        self.kinds: dict[str, Callable[[], Claim]] = {
            "norm": lambda: self.sold_as_linf(self.pick((0.1, 0.15, 0.2))),
            "abstentions": self.among_decided,
            "radius": lambda: replace(self.honest, epsilon=self.pick((0.45, 0.5, 0.6))),
            "model": lambda: replace(self.honest, model=certificates["intervals"].model),
            "noise": lambda: replace(self.honest, noise_std=self.pick(_OTHER_NOISE)),
            "confidence": lambda: replace(self.honest, confidence=self.pick((0.9999, 1.0))),
        }
        self.confidence = smoothing.confidence

    def good(self) -> list[tuple[str, Claim]]:
        """Return claims that follow: in each norm, from each kind of certificate."""
        return [
            ("smoothing", self.claim("smoothing", Norm.L2, self.pick((0.1, 0.2, 0.3)))),
            ("smoothing", self.claim("smoothing", Norm.LINF, self.pick((0.01, 0.02, 0.03)))),
            ("intervals", self.claim("intervals", Norm.LINF, self.pick((0.02, 0.04, 0.05)))),
            ("intervals", self.claim("intervals", Norm.L2, self.pick((0.02, 0.04, 0.05)))),
        ]

    def bad(self, kind: str) -> tuple[str, str, Claim]:
        """Return a claim that falls for the reason ``kind``."""
        claim = self.kinds[kind]()
        found = check_claim(claim, self.certificates["smoothing"], self.y).reason
        return found, "smoothing", claim

    def claim(self, shown: str, norm: Norm, epsilon: float) -> Claim:
        """Return the strongest claim that follows at this budget, rounded down to a tenth of a per cent."""
        made = self.certificates[shown]
        share = float(made.holds(self.y, epsilon, norm).double().mean())
        return Claim(
            made.model, norm, epsilon, math.floor(1000 * share) / 1000, made.confidence, made.noise_std
        )

    def sold_as_linf(self, epsilon: float) -> Claim:
        return replace(self.claim("smoothing", Norm.L2, epsilon), norm=Norm.LINF)

    def among_decided(self) -> Claim:
        """Return the share among the inputs that were decided, at a radius where that is more."""
        made = self.certificates["smoothing"]
        epsilon = self.pick((0.05, 0.1, 0.15))
        decided = max(1, int((~made.abstained).sum()))
        share = float(made.holds(self.y, epsilon).double().sum()) / decided
        return replace(self.claim("smoothing", Norm.L2, epsilon), accuracy=math.floor(1000 * share) / 1000)

    def pick(self, options: tuple[float, ...]) -> float:
        return options[int(torch.randint(len(options), (1,), generator=self.generator))]


def _some(
    things: list[tuple[str, str, Claim]], count: int, generator: torch.Generator
) -> list[tuple[str, str, Claim]]:
    return [things[place] for place in torch.randperm(len(things), generator=generator)[:count].tolist()]
