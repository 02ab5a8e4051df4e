"""Whether a question is harder for one group than for another of the same ability."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from labkit.core.errors import InvalidInputError
from labkit.exams.statistics.reliability import Matrix
from labkit.exams.statistics.responses import Responses

__all__ = ["LEAST_GROUP", "MantelHaenszel", "differential_items", "mantel_haenszel"]

LEAST_GROUP = 100
"""Fewest candidates in each group for a statement about an item (a convention)."""

_LEVELS = 10


@dataclass(frozen=True, slots=True)
class MantelHaenszel:
    """A common odds ratio over strata, and what it says of an item.

    Attributes
    ----------
    odds_ratio, low, high : float
        Odds of the first row over those of the second, with the 95 % interval.
    chi2, p : float
        Test of no association, one degree of freedom, corrected for continuity.
    delta : float
        -2.35 times the logarithm of the odds ratio: negative when the question is harder for
        the second row (the focal group).
    category : str
        A: negligible, B: moderate, C: large, by the rules of ETS.
    """

    odds_ratio: float
    low: float
    high: float
    chi2: float
    p: float
    delta: float
    category: str


def mantel_haenszel(tables: ArrayLike) -> MantelHaenszel:
    """Return the association of two rows and two columns over strata.

    Parameters
    ----------
    tables : array of shape ``(strata, 2, 2)``
        Counts; rows are reference and focal group, columns right and wrong.

    Raises
    ------
    InvalidInputError
        When it is no such table.

    References
    ----------
    Mantel & Haenszel, JNCI 1959; interval by Robins, Breslow & Greenland, Biometrics 1986;
    Holland & Thayer, "Differential Item Performance and the Mantel-Haenszel Procedure", 1988.
    """
    counts = np.asarray(tables, dtype=float)
    if counts.ndim != 3 or counts.shape[1:] != (2, 2) or bool((counts < 0).any()):
        raise InvalidInputError(f"expected counts of shape (strata, 2, 2), got {counts.shape}")
    n = counts.sum(axis=(1, 2))
    counts, n = counts[n > 1], n[n > 1]
    a, b, c, d = counts[:, 0, 0], counts[:, 0, 1], counts[:, 1, 0], counts[:, 1, 1]
    r, s = a * d / n, b * c / n
    chi2, p = _test(a, b, c, d, n)
    if r.sum() <= 0 or s.sum() <= 0:
        return MantelHaenszel(math.nan, 0.0, math.inf, chi2, p, math.nan, "not measurable")
    log_ratio = math.log(float(r.sum() / s.sum()))
    u, v = (a + d) / n, (b + c) / n
    variance = (
        (u * r).sum() / (2 * r.sum() ** 2)
        + (u * s + v * r).sum() / (2 * r.sum() * s.sum())
        + (v * s).sum() / (2 * s.sum() ** 2)
    )
    error = math.sqrt(float(variance))
    low, high = math.exp(log_ratio - 1.959964 * error), math.exp(log_ratio + 1.959964 * error)
    delta = -2.35 * log_ratio
    return MantelHaenszel(math.exp(log_ratio), low, high, chi2, p, delta, _category(delta, 2.35 * error, p))


def differential_items(
    responses: Responses, groups: Mapping[str, str], *, least: int = LEAST_GROUP
) -> dict[str, MantelHaenszel] | str:
    """Return Mantel-Haenszel for every item scored right or wrong, or why nothing can be said.

    Candidates are matched by their share of the points, in ten levels or fewer.

    Parameters
    ----------
    responses : Responses
    groups : mapping of candidate to group
        With their consent; two groups, the larger one is the reference.  Who is not in it
        is left out.
    least : int
        Fewest candidates in either group.

    Raises
    ------
    InvalidInputError
        When there are not two groups.
    """
    names = sorted(set(groups.values()))
    if len(names) != 2:
        raise InvalidInputError(
            f"expected two groups, got {', '.join(names) or 'none'}: compare two at a time"
        )
    rows = {name: np.array([groups.get(each) == name for each in responses.candidates]) for name in names}
    reference, focal = sorted(names, key=lambda name: -int(rows[name].sum()))
    sizes = {name: int(rows[name].sum()) for name in names}
    if min(sizes.values()) < least:
        listed = ", ".join(f"{name}: {size}" for name, size in sizes.items())
        return f"not computed: expected at least {least} candidates in each group, got {listed}"
    levels = _levels(responses.shares(), rows[reference] | rows[focal])
    found = {}
    for column, name in enumerate(responses.names):
        credit = responses.credit[:, column]
        if np.isin(credit[~np.isnan(credit)], (0.0, 1.0)).all():
            found[name] = mantel_haenszel(_tables(credit, levels, rows[reference], rows[focal]))
    return found


def _levels(shares: Matrix, used: np.ndarray) -> np.ndarray:
    edges = np.unique(np.quantile(shares[used], np.linspace(0, 1, _LEVELS + 1)[1:-1]))
    return np.searchsorted(edges, shares, side="right")


def _tables(credit: Matrix, levels: np.ndarray, reference: np.ndarray, focal: np.ndarray) -> Matrix:
    tables = [
        [
            [float((member & (levels == level) & (credit == score)).sum()) for score in (1.0, 0.0)]
            for member in (reference, focal)
        ]
        for level in np.unique(levels)
    ]
    return np.array(tables, dtype=float)


def _test(a: Matrix, b: Matrix, c: Matrix, d: Matrix, n: Matrix) -> tuple[float, float]:
    from scipy.stats import chi2 as distribution

    expected = (a + b) * (a + c) / n
    variance = ((a + b) * (c + d) * (a + c) * (b + d) / (n**2 * (n - 1))).sum()
    if variance <= 0:
        return math.nan, math.nan
    away = abs(float((a - expected).sum()))
    # The correction may not turn agreement into disagreement.
    chi2 = (away - min(0.5, away)) ** 2 / float(variance)
    return chi2, float(distribution.sf(chi2, 1))


def _category(delta: float, error: float, p: float) -> str:
    if abs(delta) < 1 or p > 0.05:
        return "A"
    return "C" if abs(delta) >= 1.5 and abs(delta) - 1.645 * error > 1 else "B"
