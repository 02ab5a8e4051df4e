"""Tell a thief from a customer by what is asked, with a false-alarm rate that is promised."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import whole
from labkit.core.errors import InvalidInputError, UnknownNameError

__all__ = ["SIGNALS", "QueryDetector", "fit_detector", "query_signal"]

SIGNALS: Mapping[str, str] = {
    "distances": "how far each question lies from the nearest earlier one of the same answer",
    "doubt": "how unsure the model is of its answer",
}
"""What of a stream of questions a detector looks at, each in words."""

_LEAST = 10
"""Questions before an account can be suspected: a distribution of fewer says nothing."""


@dataclass(frozen=True, slots=True)
class QueryDetector:
    """Compares the questions of one account with what customers ask.

    Attributes
    ----------
    signal : str
        A name out of :data:`SIGNALS`.
    usual : Tensor of shape ``(m,)``
        Values of the signal in the streams of customers, sorted.
    threshold : float
        Alarm when the statistic of :meth:`suspicion` is larger.
    """

    signal: str
    usual: Tensor
    threshold: float

    def suspicion(self, values: Tensor) -> Tensor:
        """Return the statistic after every question of one account, ``(n,)``; 0 while there are too few.

        It is the largest gap between the distribution of the account's values so far and the
        customers' (Kolmogorov and Smirnov), times the root of their number, so that few
        questions and many are held to one threshold.
        """
        found, told = torch.zeros(len(values)), values.isfinite()
        if bool(told.any()):
            gaps = _largest_gaps(values[told].double(), self.usual.double())
            seen = told.cumsum(0)  # questions so far that have a value
            enough = seen >= _LEAST
            found[enough] = (seen.double().sqrt()[enough] * gaps[seen[enough] - 1]).float()
        return found

    def alarm(self, values: Tensor) -> int:
        """Return after how many questions of an account the alarm goes off; -1 when it never does."""
        late = (self.suspicion(values) > self.threshold).nonzero()
        return int(late[0, 0]) + 1 if len(late) else -1


def query_signal(signal: str, x: Tensor, logits: Tensor) -> Tensor:
    """Return what a detector looks at, for the questions of one account in their order, ``(n,)``.

    The distance of the first question of each answer is NaN: there is nothing to compare it with.

    Parameters
    ----------
    signal : str
        A name out of :data:`SIGNALS`.
    x : Tensor of shape ``(n, ...)``
    logits : Tensor of shape ``(n, classes)``
        What the model makes of them, in full: the owner knows more than the service says.

    References
    ----------
    Juuti et al., "PRADA: Protecting against DNN Model Stealing Attacks", EuroS&P 2019,
    https://arxiv.org/abs/1805.02628, for the distances.
    """
    if signal not in SIGNALS:
        raise UnknownNameError("signal", signal, SIGNALS)
    if len(x) != len(logits):
        raise InvalidInputError(f"expected logits for each of {len(x)} inputs, got {len(logits)}")
    return _READERS[signal](x, logits)


def fit_detector(
    signal: str, streams: Sequence[tuple[Tensor, Tensor]], *, false_alarm_rate: float = 0.01
) -> QueryDetector:
    """Set a detector up on streams of known customers, so that few of them would ever set it off.

    Half of the streams say what is usual.  The largest suspicion of each other one, over its whole
    length, is ranked, and the threshold is the rank that a further customer exceeds with a
    probability of ``false_alarm_rate`` at most, when customers of tomorrow ask as those of
    today do (a conformal threshold).

    Parameters
    ----------
    signal : str
    streams : sequence of (x, logits)
        The questions of each customer, in their order.
    false_alarm_rate : float
        Share of accounts, not of questions.

    Raises
    ------
    InvalidInputError
        When there are too few streams to promise this rate: ``1 / false_alarm_rate`` are needed
        in the second half.
    """
    if not 0 < false_alarm_rate < 1:
        raise InvalidInputError(f"expected a false_alarm_rate between 0 and 1, got {false_alarm_rate!r}")
    values = [query_signal(signal, x, logits) for x, logits in streams]
    usual, ranked = values[::2], values[1::2]
    place = math.ceil((len(ranked) + 1) * (1 - false_alarm_rate))
    if place > len(ranked):
        raise InvalidInputError(
            f"expected {2 * math.ceil(1 / false_alarm_rate)} streams or more for a false_alarm_rate of "
            f"{false_alarm_rate:g}, got {len(values)}"
        )
    known = torch.cat(usual)
    known = known[known.isfinite()].sort().values
    whole("values of customers", len(known))
    plain = QueryDetector(signal, known, math.inf)
    worst = sorted(float(plain.suspicion(each).max()) if len(each) else 0.0 for each in ranked)
    return QueryDetector(signal, known, worst[place - 1])


def _largest_gaps(mine: Tensor, usual: Tensor) -> Tensor:
    """Return the two-sample statistic of Kolmogorov and Smirnov for the first 1, 2, ... values, ``(n,)``."""
    n = len(mine)
    number = torch.arange(1, n + 1, dtype=torch.float64)[:, None]
    upto = (mine[:, None] <= mine).double().cumsum(0) / number  # row k: of the first k + 1 values
    below = (mine[:, None] < mine).double().cumsum(0) / number
    theirs_upto = torch.searchsorted(usual, mine, right=True).double() / len(usual)
    theirs_below = torch.searchsorted(usual, mine, right=False).double() / len(usual)
    # The gap is largest just before or at one of the account's own values.
    gaps = torch.maximum(upto - theirs_upto, theirs_below - below)
    return torch.where(torch.ones(n, n, dtype=torch.bool).tril(), gaps, 0.0).amax(1)


def _distances(x: Tensor, logits: Tensor) -> Tensor:
    flat, said = x.flatten(1), logits.argmax(1)
    apart = torch.cdist(flat, flat)
    earlier = torch.ones_like(apart, dtype=torch.bool).tril(-1) & (said[:, None] == said[None, :])
    nearest = torch.where(earlier, apart, torch.inf).amin(1) if len(x) else apart.new_zeros(0)
    return torch.where(nearest.isfinite(), nearest, torch.nan)


def _doubt(x: Tensor, logits: Tensor) -> Tensor:
    return 1 - torch.softmax(logits, 1).amax(1)


_READERS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"distances": _distances, "doubt": _doubt}
