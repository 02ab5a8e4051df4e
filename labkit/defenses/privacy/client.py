"""One step of a client in federated learning: clip what each record adds, add noise, send the mean."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.checks import class_numbers, floats, length
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import make_generator
from labkit.defenses.privacy.layers import linear_only, summed_by_layer

__all__ = ["ClientUpdate", "client_update"]


@dataclass(frozen=True, slots=True, eq=False)
class ClientUpdate:
    """What a client sends, and under which protection.

    Attributes
    ----------
    gradients : dict of str to Tensor
        By the name of each parameter: the mean over the batch, clipped and with its noise.
    batch_size : int
        Records that went into it.
    clip : float or None
        The longest gradient that one record may add; None for no limit.
    noise_multiplier : float
        Standard deviation of the noise on the *sum*, in units of ``clip``.
    clipped : float
        Share of the records whose gradient was longer than ``clip``.
    """

    gradients: dict[str, Tensor]
    batch_size: int
    clip: float | None
    noise_multiplier: float
    clipped: float


def client_update(
    module: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    clip: float | None = None,
    noise_multiplier: float = 0.0,
    seed: int | torch.Generator = 0,
) -> ClientUpdate:
    """Return the gradient that a client sends for one batch of its records.

    The gradient is taken in evaluation mode, whatever mode the module is in: nothing drops
    out, and a batch normalisation uses the statistics that the server sent, so that each
    record adds a gradient of its own.

    Parameters
    ----------
    module : nn.Module
        The shared model, in the state that the server sent it; left as it is.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        The batch.  The more records, the less each of them shows.
    clip : float, optional
        Each record's gradient is scaled down to at most this length (L2, over all parameters).
    noise_multiplier : float
        Gaussian noise of standard deviation ``noise_multiplier * clip`` is added to every entry
        of the sum, as in differentially private training.
    seed : int or torch.Generator
        What the noise is drawn from.

    Raises
    ------
    InvalidInputError
        When ``x`` and ``y`` are no batch that the module takes, or when there is noise and
        nothing to measure it by, because ``clip`` is missing.

    References
    ----------
    Abadi et al., "Deep Learning with Differential Privacy", CCS 2016.
    """
    if not len(floats("x", x, axes=1)):
        raise InvalidInputError("expected a batch of one record or more, got none")
    class_numbers("y", y, len(x))
    sigma = length("noise_multiplier", noise_multiplier)
    limit = None if clip is None else length("clip", clip)
    if sigma and not limit:
        raise InvalidInputError(
            "expected clip > 0 where there is noise: the noise is measured in units of it"
        )
    with threads(), _evaluating(module):
        class_numbers("y", y, len(x), classes_of(module, x))
        sent, shortened = protected_mean(module, x, y, limit, sigma, make_generator(seed))
    return ClientUpdate(sent, len(x), limit, sigma, shortened)


def protected_mean(
    module: nn.Module, x: Tensor, y: Tensor, clip: float | None, noise: float, generator: torch.Generator
) -> tuple[dict[str, Tensor], float]:
    """Return the clipped and noisy mean gradient, and the share that was clipped; nothing is checked."""
    total, shortened = summed(module, x, y, clip)
    sent = {}
    for name, value in total.items():
        if noise and clip:
            value = value + noise * clip * torch.randn(value.shape, generator=generator)
        sent[name] = value / len(x)
    return sent, shortened


def classes_of(module: nn.Module, x: Tensor) -> int:
    """Return how many classes a module tells apart, or say that it does not take such inputs."""
    try:
        with torch.no_grad():
            scores = module(x[:1])
    except (RuntimeError, ValueError, IndexError) as error:
        raise InvalidInputError(
            f"expected x of the shape that the model takes, got {tuple(x.shape)}: {error}"
        ) from None
    if scores.dim() != 2 or len(scores) != 1:
        raise InvalidInputError(
            f"expected a model that answers with scores of shape (n, classes), got {tuple(scores.shape)}"
        )
    return int(scores.shape[1])


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    """Run a block with every part of a module in evaluation mode, and put each back as it was."""
    before = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, training in before:
            part.training = training


def summed(module: nn.Module, x: Tensor, y: Tensor, clip: float | None) -> tuple[dict[str, Tensor], float]:
    """Return the sum of the records' gradients, each clipped, and the share that was clipped."""
    weights = {name: weight.detach().requires_grad_() for name, weight in module.named_parameters()}

    def loss(chosen: dict[str, Tensor], records: Tensor, labels: Tensor) -> Tensor:
        scores = torch.func.functional_call(module, chosen, (records,))
        return functional.cross_entropy(scores, labels, reduction="sum")

    if clip is None:
        with torch.enable_grad():
            made = torch.autograd.grad(
                loss(weights, x, y), list(weights.values()), allow_unused=True, materialize_grads=True
            )
        return dict(zip(weights, made, strict=True)), 0.0
    layers = linear_only(module)
    by_layer = None if layers is None else summed_by_layer(module, layers, x, y, clip)
    if by_layer is not None:
        return by_layer
    # In pieces, because each record has a gradient of its own here.
    plain = {name: weight.detach() for name, weight in weights.items()}
    each = torch.func.vmap(torch.func.grad(lambda w, a, b: loss(w, a[None], b[None])), in_dims=(None, 0, 0))
    total = {name: torch.zeros_like(value) for name, value in plain.items()}
    cut = 0
    for xs, ys in zip(torch.split(x, 16), torch.split(y, 16), strict=True):
        slopes = each(plain, xs, ys)
        sizes = torch.stack([g.flatten(1).norm(dim=1) for g in slopes.values()]).norm(dim=0)
        shares = (clip / sizes.clamp_min(1e-12)).clamp_max(1.0)
        cut += int((sizes > clip).sum())
        for name, slope in slopes.items():
            total[name] += torch.tensordot(shares, slope, dims=1)
    return total, cut / len(x)
