"""A cohort at a glance: how precise its scores are, and how safe its decisions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labkit.core.errors import InvalidInputError
from labkit.exams.records.sheets import Sheet
from labkit.exams.statistics.consistency import (
    Classification,
    fit_true_scores,
    livingston_k2,
    subkoviak,
)
from labkit.exams.statistics.intervals import Share, wilson
from labkit.exams.statistics.reliability import (
    cronbach_alpha,
    effective_length,
    kr20,
    lord_csem,
    sem,
    stratified_alpha,
)
from labkit.exams.statistics.responses import Responses, responses_of

__all__ = ["Summary", "summarise"]


@dataclass(frozen=True, slots=True)
class Summary:
    """What can be said of a cohort's scores; NaN, or None, where it is too small to tell.

    Shares are of all points.

    Attributes
    ----------
    candidates : int
    passed : Share
    mean, sd : float
    alpha_items, alpha_tasks : float
        Reliability of each part (KR-20 where every item is right or wrong).
    reliability : float
        Of the whole: stratified alpha.
    sem : float
        Standard error of measurement.
    csem : float
        Lord's standard error at the cut.
    near : Share
        Candidates within one such error of the cut.
    k2 : float
        Livingston's coefficient at the cut.
    decisions : Classification or None
        By Livingston and Lewis, of the whole.
    decisions_items : Classification or None
        By Subkoviak, of the items alone at the same share; only where all are right or wrong.
    """

    candidates: int
    passed: Share
    mean: float
    sd: float
    alpha_items: float
    alpha_tasks: float
    reliability: float
    sem: float
    csem: float
    near: Share
    k2: float
    decisions: Classification | None
    decisions_items: Classification | None


def summarise(sheets: Sequence[Sheet], cut: float) -> Summary:
    """Return what a cohort's sheets say about the exam.

    Parameters
    ----------
    sheets : sequence of Sheet
        Of one exam and one version of its blueprint.
    cut : float
        Share of the points that passes.

    Raises
    ------
    InvalidInputError
        When there are none.
    """
    if not sheets:
        raise InvalidInputError("expected score sheets, got none")
    items, tasks = responses_of(sheets, "items"), responses_of(sheets, "tasks")
    alphas = [cronbach_alpha(part.earned) for part in (items, tasks)]
    shares = np.array([sheet.share for sheet in sheets])
    reliability = _whole(items, tasks, alphas)
    mean, sd = float(shares.mean()), float(shares.std())
    length = effective_length(shares, reliability) if 0 < reliability < 1 else math.nan
    csem = float(lord_csem(cut * length, length)) / length if length > 1 else math.nan
    near = int((np.abs(shares - cut) <= csem).sum()) if csem == csem else 0
    return Summary(
        len(sheets),
        wilson(sum(sheet.is_passed for sheet in sheets), len(sheets)),
        mean,
        sd,
        alphas[0],
        alphas[1],
        reliability,
        sem(sd, reliability),
        csem,
        wilson(near, len(sheets) if csem == csem else 0),
        livingston_k2(reliability, mean, sd**2, cut),
        _decisions(shares, reliability, cut),
        _decisions_items(items, cut),
    )


def _whole(items: Responses, tasks: Responses, alphas: list[float]) -> float:
    parts = [
        (alpha, part.totals())
        for alpha, part in zip(alphas, (items, tasks), strict=True)
        if alpha == alpha and part.names
    ]
    return stratified_alpha(parts) if parts else math.nan


def _decisions(shares: np.ndarray, reliability: float, cut: float) -> Classification | None:
    try:
        return fit_true_scores(shares, reliability).classify(cut)
    except InvalidInputError:
        return None


def _decisions_items(items: Responses, cut: float) -> Classification | None:
    whole_form = not np.isnan(items.credit).any() and bool(np.isin(items.credit, (0.0, 1.0)).all())
    if not whole_form or items.credit.shape[1] < 2:
        return None
    length = items.credit.shape[1]
    reliability = kr20(items.credit)
    needed = math.ceil(cut * length - 1e-9)
    return (
        None
        if reliability != reliability
        else subkoviak(items.credit.sum(axis=1), length, needed, reliability)
    )
