"""What an explanation is worth: does it add up, does it name what decides, does it say the same twice.

And what an explanation cannot show: whether a decision changes with one attribute alone.
"""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.core.checks import finite, whole
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, check_batch, predict
from labkit.core.results import Attribution
from labkit.metrics.rates import Rate

__all__ = [
    "completeness_error",
    "deletion_score",
    "flip_rate",
    "insertion_score",
    "named_first",
    "parity_gap",
    "rank_agreement",
    "stability",
]


def completeness_error(model: Classifier, attribution: Attribution, background: Tensor) -> Tensor:
    """How far the values of a row are from adding up to what they explain.

    Parameters
    ----------
    model : Classifier
    attribution : Attribution
        Of ``n`` rows; values in logits.
    background : Tensor of shape ``(m, ...)``
        Inputs that the explanation is relative to; their mean logit is where the sum begins.

    Returns
    -------
    Tensor of shape ``(n,)``
        ``|sum(values) - (logit(x) - mean logit(background))|`` of the explained class, in logits.

    References
    ----------
    Sundararajan, Taly & Yan, "Axiomatic Attribution for Deep Networks", ICML 2017.
    https://arxiv.org/abs/1703.01365
    """
    gained = model.logits(attribution.x) - model.logits(background).mean(0)
    promised = gained.gather(1, attribution.target[:, None])[:, 0]
    return (attribution.values.flatten(1).sum(1) - promised).abs()


def deletion_score(model: Classifier, attribution: Attribution, background: Tensor) -> Tensor:
    """Mean probability of the explained class while the most important values are taken out one by one.

    Low is good: an explanation that names what decides lets the probability fall at once.  What is
    taken out is filled from ``background``, and the answers are averaged over it.

    Parameters
    ----------
    model : Classifier
    attribution : Attribution
        Of ``n`` rows of shape ``(features,)``.
    background : Tensor of shape ``(m, features)``

    Returns
    -------
    Tensor of shape ``(n,)``
        From 0 to 1; a mean over 0, 1, ... and all values taken out.

    References
    ----------
    Petsiuk, Das & Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models",
    BMVC 2018.  https://arxiv.org/abs/1806.07421
    """
    return _curve(model, attribution, background, keep=False)


def insertion_score(model: Classifier, attribution: Attribution, background: Tensor) -> Tensor:
    """Mean probability of the explained class while the most important values are put in one by one.

    High is good.  Arguments, result and source are those of :func:`deletion_score`.
    """
    return _curve(model, attribution, background, keep=True)


def rank_agreement(values: Tensor, reference: Tensor) -> Tensor:
    """Spearman's correlation of two rankings of the same values, row by row; by absolute value.

    Parameters
    ----------
    values, reference : Tensor of shape ``(n, features)``

    Returns
    -------
    Tensor of shape ``(n,)``
        From -1 to 1.  Two rows that rank nothing agree; one that ranks nothing agrees with no ranking.

    References
    ----------
    Spearman, "The Proof and Measurement of Association between Two Things", 1904.
    """
    if values.shape != reference.shape or values.dim() != 2:
        raise InvalidInputError(
            f"expected two tensors of shape ('n', 'features'), got {tuple(values.shape)} and "
            f"{tuple(reference.shape)}"
        )
    a, b = (_ranks(finite("values", each).abs()) for each in (values, reference))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    both = a.norm(dim=1) * b.norm(dim=1)
    alike = (a * b).sum(1) / both.clamp(min=1e-12)
    return torch.where(both > 0, alike, (a == b).all(1).double()).clamp(-1, 1).float()


def stability(runs: Tensor) -> Tensor:
    """How much repeated explanations of the same rows agree in what they rank first, second, ...

    Parameters
    ----------
    runs : Tensor of shape ``(r, n, features)``
        Values of two runs or more: another seed, another background, a slightly changed row.

    Returns
    -------
    Tensor of shape ``(n,)``
        Mean of :func:`rank_agreement` over all pairs of runs; 1 says that every run ranks alike.

    References
    ----------
    Alvarez-Melis & Jaakkola, "On the Robustness of Interpretability Methods", 2018.
    https://arxiv.org/abs/1806.08049
    """
    if runs.dim() != 3 or len(runs) < 2:
        raise InvalidInputError(
            f"expected runs of shape ('r', 'n', 'features') with two runs or more, got {tuple(runs.shape)}"
        )
    pairs = [(i, j) for i in range(len(runs)) for j in range(i)]
    return torch.stack([rank_agreement(runs[i], runs[j]) for i, j in pairs]).mean(0)


def named_first(values: Tensor, column: int, *, first: int = 1) -> Rate:
    """Share of explanations that have a column among their ``first`` most important ones.

    Parameters
    ----------
    values : Tensor of shape ``(n, features)``
    column : int
    first : int
    """
    whole("first", first)
    size = finite("values", values).abs()
    larger = (size > size[:, column : column + 1]).sum(1)
    return Rate.of((larger < first) & (size[:, column] > 0))


def flip_rate(model: Classifier, x: Tensor, x_twin: Tensor) -> Rate:
    """Share of records that are decided otherwise when they are replaced by their twin.

    The records have to be real ones: a model that recognises a test can answer it as it likes.

    Parameters
    ----------
    model : Classifier
    x, x_twin : Tensor of shape ``(n, features)``
        See :func:`labkit.explain.twins`.

    References
    ----------
    Kusner, Loftus, Russell & Silva, "Counterfactual Fairness", NeurIPS 2017.
    https://arxiv.org/abs/1703.06856 (where the twin is what the causes make of it).
    """
    check_batch(model, x, torch.zeros(len(x), dtype=torch.int64))
    check_batch(model, x_twin, torch.zeros(len(x), dtype=torch.int64))
    return Rate.of(predict(model, x) != predict(model, x_twin))


def parity_gap(model: Classifier, x: Tensor, group: Tensor, *, target: int = 1) -> float:
    """Share decided as ``target`` outside the group minus that inside it, from -1 to 1; NaN without both.

    It says that groups fare differently, and not why: a cause that the groups do not share does it.

    Parameters
    ----------
    model : Classifier
    x : Tensor of shape ``(n, features)``
    group : Tensor of shape ``(n,)``, bool
    target : int
    """
    given = predict(model, x) == target
    return float(given[~group].double().mean() - given[group].double().mean())


def _curve(model: Classifier, attribution: Attribution, background: Tensor, *, keep: bool) -> Tensor:
    """Ask the model while values go (or come) in the order of the explanation."""
    x, columns = attribution.x, attribution.x.shape[1]
    if x.dim() != 2 or background.dim() != 2 or background.shape[1] != columns:
        raise InvalidInputError(
            f"expected rows, and a background with as many columns; got {tuple(x.shape)} and "
            f"{tuple(background.shape)}"
        )
    # What speaks for the class goes first: a value that speaks against it would raise the probability.
    order = attribution.values.argsort(dim=1, descending=True, stable=True)
    place = order.argsort(1)
    scores = torch.zeros(len(x), columns + 1)
    for step in range(columns + 1):
        known = (place < step) if keep else (place >= step)
        mixed = torch.where(known[:, None], x[:, None], background[None])
        chance = model.logits(mixed.flatten(0, 1)).softmax(1).reshape(*mixed.shape[:2], -1)
        scores[:, step] = chance.mean(1).gather(1, attribution.target[:, None])[:, 0]
    return scores.mean(1)


def _ranks(values: Tensor) -> Tensor:
    """Return ranks along the rows, ties sharing theirs, in double precision."""
    below = (values[:, None, :] < values[:, :, None]).double().sum(2)
    same = (values[:, None, :] == values[:, :, None]).double().sum(2)
    return below + (same - 1) / 2
