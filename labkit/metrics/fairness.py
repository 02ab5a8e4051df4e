"""How differently a model treats two groups, by one measure after the other, with intervals.

A gap is what group 0 has more of than group 1, so that renaming the groups turns its sign.
No gap of zero makes a model fair: the measures contradict each other where base rates differ
(Kleinberg, Mullainathan & Raghavan 2016, https://arxiv.org/abs/1609.05807), and which of them
matters is decided by people, for a purpose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError
from labkit.core.seeds import make_generator
from labkit.metrics.gaps import Gap, check_groups
from labkit.metrics.rates import Rate

__all__ = [
    "EqualisedOdds",
    "demographic_parity",
    "equal_opportunity",
    "equalised_odds",
    "false_positive_rate_at",
    "predictive_parity",
]


@dataclass(frozen=True, slots=True)
class EqualisedOdds:
    """How far error rates differ between two groups.

    Attributes
    ----------
    value : float
        The larger of the two gaps, without its sign.
    low, high : float
        Ends of its 95 % interval, from the bootstrap.
    true_positive, false_positive : Gap
        The gap among those who deserve a yes, and among those who deserve a no.
    """

    value: float
    low: float
    high: float
    true_positive: Gap
    false_positive: Gap

    def __str__(self) -> str:
        return f"{self.value:.3f} (95 % interval {self.low:.3f} to {self.high:.3f})"


def demographic_parity(decisions: Tensor, group: Tensor) -> Gap:
    """Difference of the shares that get a yes.

    Parameters
    ----------
    decisions : Tensor of shape ``(n,)``, bool
        True for a yes.
    group : Tensor of shape ``(n,)``, int64
        0 or 1.

    Raises
    ------
    InvalidInputError
        When they do not fit together.
    """
    check_groups(decisions, group)
    return _gap(decisions, group, torch.ones_like(decisions))


def equal_opportunity(decisions: Tensor, y: Tensor, group: Tensor) -> Gap:
    """Difference of the shares that get a yes among those who deserve it, class 1.

    Parameters and errors as in :func:`demographic_parity`, with ``y`` int64 of shape ``(n,)``.

    References
    ----------
    Hardt, Price & Srebro, NeurIPS 2016, https://arxiv.org/abs/1610.02413.
    """
    check_groups(decisions, group, y)
    return _gap(decisions, group, y == 1)


def predictive_parity(decisions: Tensor, y: Tensor, group: Tensor) -> Gap:
    """Difference of the shares of class 1 among those who got a yes.

    Parameters and errors as in :func:`equal_opportunity`.

    References
    ----------
    Chouldechova, "Fair Prediction with Disparate Impact", Big Data 5, 2017,
    https://arxiv.org/abs/1703.00056.
    """
    check_groups(decisions, group, y)
    return _gap(y == 1, group, decisions)


def equalised_odds(
    decisions: Tensor, y: Tensor, group: Tensor, *, resamples: int = 1000, seed: int | torch.Generator = 0
) -> EqualisedOdds:
    """Return the larger of two gaps: among those who deserve a yes, and those who deserve a no.

    Parameters
    ----------
    decisions, y, group
        As in :func:`equal_opportunity`.
    resamples : int
        How often the sample is drawn again for the interval.
    seed : int or torch.Generator

    Raises
    ------
    InvalidInputError
        When they do not fit together.

    Notes
    -----
    The bootstrap draws within each group and class, where only the count of yeses matters.
    The larger of two absolute values leans upwards in small samples; its interval shows it.
    """
    check_groups(decisions, group, y)
    right, wrong = _gap(decisions, group, y == 1), _gap(decisions, group, y == 0)
    value = max(abs(right.value), abs(wrong.value))
    if math.isnan(right.value + wrong.value):
        return EqualisedOdds(math.nan, 0.0, 1.0, right, wrong)
    shares = torch.tensor([[each.of_0, each.of_1] for each in (right, wrong)], dtype=torch.float64)
    counts = torch.tensor([[each.n_0, each.n_1] for each in (right, wrong)], dtype=torch.float64)
    times = whole("resamples", resamples, at_least=100)
    hits = torch.binomial(
        counts.expand(times, 2, 2), shares.expand(times, 2, 2), generator=make_generator(seed)
    )
    apart = (hits / counts).diff(dim=2).abs().amax((1, 2))
    ends = torch.quantile(apart, torch.tensor([0.025, 0.975], dtype=torch.float64))
    return EqualisedOdds(value, min(value, float(ends[0])), max(value, float(ends[1])), right, wrong)


def false_positive_rate_at(base_rate: float, *, precision: float, true_positive_rate: float) -> float:
    """Return the false positive rate that follows from the three others.

    Two groups with different base rates, the same precision (predictive parity) and the same true
    positive rate (equal opportunity) have different false positive rates, for this is arithmetic;
    only a perfect prediction escapes it.

    Parameters
    ----------
    base_rate : float
        Share of class 1 in a group, above 0 and below 1.
    precision : float
        Share of class 1 among those who get a yes, above 0.
    true_positive_rate : float

    Raises
    ------
    InvalidInputError
        When a number is no such share.

    References
    ----------
    Chouldechova, "Fair Prediction with Disparate Impact", 2017, equation 2.6,
    https://arxiv.org/abs/1703.00056.
    """
    if not (0 < base_rate < 1 and 0 < precision <= 1 and 0 <= true_positive_rate <= 1):
        raise InvalidInputError(
            "expected a base rate between 0 and 1, a precision above 0 and a true positive rate from 0 to 1; "
            f"got {base_rate!r}, {precision!r} and {true_positive_rate!r}"
        )
    return base_rate / (1 - base_rate) * (1 - precision) / precision * true_positive_rate


def _gap(hits: Tensor, group: Tensor, among: Tensor) -> Gap:
    first, second = (Rate.of(hits[among & (group == member)]) for member in (0, 1))
    return Gap.between(first, second)
