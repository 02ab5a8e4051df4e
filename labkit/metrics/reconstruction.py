"""How near a reconstruction came: correlation, PSNR, SSIM, recognition, and what protection costs."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from labkit.core.checks import class_numbers, size
from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, predict
from labkit.metrics.rates import Rate

__all__ = ["correlation", "match_within_classes", "psnr", "re_identification", "ssim", "utility_retention"]

_WINDOW = 7
_K1, _K2 = 0.01, 0.03


def correlation(x_hat: Tensor, x: Tensor, *, known: Tensor | None = None) -> Tensor:
    """Return the Pearson correlation of each reconstruction with its original, ``(n,)``.

    Parameters
    ----------
    x_hat, x : Tensor of shape ``(n, ...)``
    known : Tensor that broadcasts to ``x``, optional
        What everybody knows already, such as the average picture.  It is taken off both, so
        that only what goes beyond it counts: the average picture itself scores about 0.

    Returns
    -------
    Tensor
        From -1 to 1; 0 where one of the two does not vary.
    """
    _same(x_hat, x)
    first, second = _centred(x_hat, known), _centred(x, known)
    if known is not None:
        x = x - known
    sizes = first.norm(dim=1) * second.norm(dim=1)
    # What is left of a constant after rounding is no signal.
    flat = sizes <= 1e-9 * (1 + x.flatten(1).double().norm(dim=1))
    value = (first * second).sum(1) / torch.where(flat, torch.ones_like(sizes), sizes)
    return torch.where(flat, torch.zeros_like(value), value.clamp(-1, 1)).float()


def match_within_classes(x_hat: Tensor, x: Tensor, y: Tensor, *, known: Tensor | None = None) -> Tensor:
    """Return which reconstruction belongs to which original, where only classes tell, ``(n,)`` int64.

    An attack on a batch finds its records in no order.  Within each class the reconstructions
    are given to the originals so that the sum of the correlations is largest
    (:func:`scipy.optimize.linear_sum_assignment`).  Choosing afterwards flatters: the same
    measured on random pictures, given out the same way, belongs beside it.

    Parameters
    ----------
    x_hat, x : Tensor of shape ``(n, ...)``
    y : Tensor of shape ``(n,)``, int64
        The class of each original, and of each reconstruction.
    known : Tensor that broadcasts to ``x``, optional
        As in :func:`correlation`.

    Returns
    -------
    Tensor
        ``x_hat[found]`` stands in the order of ``x``.
    """
    from scipy.optimize import linear_sum_assignment

    _same(x_hat, x)
    class_numbers("y", y, len(x))
    first, second = (
        value / value.norm(dim=1, keepdim=True).clamp_min(1e-12)
        for value in (_centred(x_hat, known), _centred(x, known))
    )
    found = torch.arange(len(x))
    for label in sorted(set(y.tolist())):
        own = (y == label).nonzero()[:, 0]
        gains = (second[own] @ first[own].T).numpy()
        found[own] = own[torch.as_tensor(linear_sum_assignment(gains, maximize=True)[1])]
    return found


def psnr(x_hat: Tensor, x: Tensor, *, span: float = 1.0) -> Tensor:
    """Return the peak signal-to-noise ratio in decibels, ``(n,)``; infinite for equal inputs.

    Parameters
    ----------
    x_hat, x : Tensor of shape ``(n, ...)``
    span : float
        Largest less smallest legal value.
    """
    _same(x_hat, x)
    span = size("span", span)
    error = ((x_hat - x).flatten(1).double() ** 2).mean(1)
    return (10 * torch.log10(span**2 / error)).float()


def ssim(x_hat: Tensor, x: Tensor, *, span: float = 1.0, window: int = _WINDOW) -> Tensor:
    """Return the mean structural similarity of each picture with its original, ``(n,)``.

    Means, variances and the covariance are taken in square windows, without padding, with
    the unbiased estimate of the variance; channels are averaged.

    Parameters
    ----------
    x_hat, x : Tensor of shape ``(n, channels, height, width)``
    span : float
        Largest less smallest legal value.
    window : int
        Side of the window, odd; no larger than the pictures.

    References
    ----------
    Wang, Bovik, Sheikh & Simoncelli, "Image Quality Assessment: From Error Visibility to
    Structural Similarity", IEEE Transactions on Image Processing 13(4), 2004.
    """
    _same(x_hat, x)
    span = size("span", span)
    if x.dim() != 4:
        raise InvalidInputError(f"expected pictures of shape (n, c, h, w), got {tuple(x.shape)}")
    if window < 3 or window % 2 == 0 or window > min(x.shape[2:]):
        raise InvalidInputError(
            f"expected an odd window from 3 to {min(x.shape[2:])}, the size of the pictures; got {window}"
        )

    def local(value: Tensor) -> Tensor:
        return functional.avg_pool2d(value, window, stride=1)

    a, b = x_hat.double(), x.double()
    unbiased = window**2 / (window**2 - 1)
    mean_a, mean_b = local(a), local(b)
    var_a = unbiased * (local(a * a) - mean_a**2)
    var_b = unbiased * (local(b * b) - mean_b**2)
    both = unbiased * (local(a * b) - mean_a * mean_b)
    c1, c2 = (_K1 * span) ** 2, (_K2 * span) ** 2
    top = (2 * mean_a * mean_b + c1) * (2 * both + c2)
    bottom = (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    return (top / bottom).flatten(1).mean(1).float()


def re_identification(recogniser: Classifier, x_hat: Tensor, y: Tensor) -> Rate:
    """Return the share of reconstructions that somebody else's model gives to the right class.

    Parameters
    ----------
    recogniser : Classifier
        Trained by others on other pictures than the victim, so that it does not merely share
        the victim's mistakes.
    x_hat : Tensor of shape ``(n, ...)``
    y : Tensor of shape ``(n,)``, int64
        Whom each of them is meant to show.
    """
    class_numbers("y", y, len(x_hat), recogniser.classes)
    if not len(x_hat):
        return Rate.of(torch.zeros(0, dtype=torch.bool))
    return Rate.of(predict(recogniser, x_hat) == y)


def utility_retention(protected: Rate, plain: Rate) -> float:
    """Return the share of an accuracy that is left under protection; NaN where there was none."""
    return protected.value / plain.value if plain.value > 0 else math.nan


def _centred(x: Tensor, known: Tensor | None) -> Tensor:
    """Return inputs without what is known and without their own mean, ``(n, values)`` float64."""
    flat = (x if known is None else x - known).flatten(1).double()
    return flat - flat.mean(1, keepdim=True)


def _same(x_hat: Tensor, x: Tensor) -> None:
    if x_hat.shape != x.shape:
        raise InvalidInputError(
            f"expected x_hat of the shape of x, {tuple(x.shape)}; got {tuple(x_hat.shape)}"
        )
