"""Certified accuracy: what a proof leaves to an attacker, as a lower bound."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from labkit.core.checks import length
from labkit.core.errors import InvalidInputError
from labkit.core.threat import Norm
from labkit.defenses.certification import Certificates
from labkit.metrics.curves import Curve
from labkit.metrics.rates import Rate

__all__ = ["abstention_rate", "certified_accuracy", "certified_curve"]


def certified_accuracy(
    certificates: Certificates, y: Tensor, epsilon: float, norm: Norm | None = None
) -> Rate:
    """Share of all inputs that are certified to be read correctly up to ``epsilon``.

    Abstentions count as wrong.  Where robust accuracy is an upper bound, because a stronger
    attack may exist, this is a lower one: each certificate holds against every attack, with the
    confidence that it states.

    Parameters
    ----------
    certificates : Certificates
        One for each input.
    y : Tensor of shape ``(n,)``, int64
        True classes.
    epsilon : float
        Budget of the attacker, in the units of ``x``.
    norm : Norm, optional
        How the budget is measured; the norm of the certificates by default.
    """
    return Rate.of(certificates.holds(y, length("epsilon", epsilon), norm))


def abstention_rate(certificates: Certificates) -> Rate:
    """Share of the inputs on which nothing is said."""
    return Rate.of(certificates.abstained)


def certified_curve(
    certificates: Certificates, y: Tensor, epsilons: Sequence[float], norm: Norm | None = None
) -> Curve:
    """Certified accuracy over a range of budgets; it never rises.

    Parameters
    ----------
    certificates : Certificates
    y : Tensor of shape ``(n,)``, int64
    epsilons : sequence of float
        Budgets in the units of ``x``; sorted here.
    norm : Norm, optional
        How they are measured; the norm of the certificates by default.
    """
    ordered = tuple(sorted(length("epsilon", epsilon) for epsilon in epsilons))
    if not ordered:
        raise InvalidInputError("expected one epsilon or more, got none")
    measured_in = certificates.norm if norm is None else Norm(norm)
    rates = tuple(certified_accuracy(certificates, y, epsilon, measured_in) for epsilon in ordered)
    return Curve(ordered, rates, measured_in)
