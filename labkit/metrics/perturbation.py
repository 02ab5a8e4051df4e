"""How large perturbations are, in every usual norm."""

from __future__ import annotations

from dataclasses import dataclass

from labkit.core.results import AdversarialExamples

__all__ = ["PerturbationNorms", "perturbation_norms"]

_MOVED = 1e-6  # below this a value counts as unchanged


@dataclass(frozen=True, slots=True)
class PerturbationNorms:
    """Sizes of the perturbations of a batch, in the units of ``x``.

    Attributes
    ----------
    linf_mean, linf_max : float
        Largest change of a single value: mean over the batch, and largest of all.
    l2_mean, l2_max : float
        Euclidean length.
    l1_mean : float
        Sum of all changes.
    l0_share : float
        Share of the values that changed at all, from 0 to 1.
    """

    linf_mean: float
    linf_max: float
    l2_mean: float
    l2_max: float
    l1_mean: float
    l0_share: float


def perturbation_norms(adv: AdversarialExamples) -> PerturbationNorms:
    """Measure the perturbations of ``adv``; an empty batch has sizes of zero."""
    if len(adv) == 0:
        return PerturbationNorms(0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    flat = adv.delta.flatten(1)
    linf, l2 = flat.abs().amax(1), flat.norm(dim=1)
    return PerturbationNorms(
        linf_mean=float(linf.mean()),
        linf_max=float(linf.max()),
        l2_mean=float(l2.mean()),
        l2_max=float(l2.max()),
        l1_mean=float(flat.abs().sum(1).mean()),
        l0_share=float((flat.abs() > _MOVED).float().mean()),
    )
