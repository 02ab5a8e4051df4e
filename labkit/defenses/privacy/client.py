"""One step of a client in federated learning: clip what each record adds, add noise, send the mean."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from labkit.core.checks import length
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.seeds import make_generator

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

    Parameters
    ----------
    module : nn.Module
        The shared model, in the state that the server sent it; left as it is.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
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
        When there is noise and nothing to measure it by, because ``clip`` is missing.

    References
    ----------
    Abadi et al., "Deep Learning with Differential Privacy", CCS 2016.
    """
    if not len(x) or y.shape != x.shape[:1]:
        raise InvalidInputError(f"expected a batch of records with a class each, got {len(x)} and {len(y)}")
    sigma = length("noise_multiplier", noise_multiplier)
    limit = None if clip is None else length("clip", clip)
    if sigma and not limit:
        raise InvalidInputError(
            "expected clip > 0 where there is noise: the noise is measured in units of it"
        )
    with threads():
        total, shortened = _summed(module, x, y, limit)
    generator = make_generator(seed)
    sent = {}
    for name, value in total.items():
        if sigma and limit:
            value = value + sigma * limit * torch.randn(value.shape, generator=generator)
        sent[name] = value / len(x)
    return ClientUpdate(sent, len(x), limit, sigma, shortened)


def _summed(module: nn.Module, x: Tensor, y: Tensor, clip: float | None) -> tuple[dict[str, Tensor], float]:
    """Return the sum of the records' gradients, each clipped, and the share that was clipped."""
    weights = {name: weight.detach().requires_grad_() for name, weight in module.named_parameters()}

    def loss(chosen: dict[str, Tensor], records: Tensor, labels: Tensor) -> Tensor:
        scores = torch.func.functional_call(module, chosen, (records,))
        return functional.cross_entropy(scores, labels, reduction="sum")

    if clip is None:
        with torch.enable_grad():
            made = torch.autograd.grad(loss(weights, x, y), list(weights.values()))
        return dict(zip(weights, made, strict=True)), 0.0
    layers = _linear_only(module)
    if layers is not None:
        return _summed_by_layer(module, layers, x, y, clip)
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


def _linear_only(module: nn.Module) -> dict[str, nn.Linear] | None:
    """Return the linear layers of a module that has no other parameters, or None."""
    layers = {name: part for name, part in module.named_modules() if isinstance(part, nn.Linear)}
    known = sum(len(list(part.parameters())) for part in layers.values())
    biased = all(part.bias is not None for part in layers.values())
    return layers if layers and biased and known == len(list(module.parameters())) else None


def _summed_by_layer(
    module: nn.Module, layers: dict[str, nn.Linear], x: Tensor, y: Tensor, clip: float
) -> tuple[dict[str, Tensor], float]:
    """Clip without ever holding one record's gradient.

    For a linear layer that gradient is the outer product of what came in and of the slope of
    what went out, so its length is the product of theirs (Goodfellow, "Efficient
    Per-Example Gradient Computations", 2015).
    """
    entered: dict[str, Tensor] = {}
    left: dict[str, Tensor] = {}

    def watch(name: str) -> object:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            entered[name] = inputs[0].detach()
            left[name] = output if output.requires_grad else output.detach().requires_grad_()
            return left[name]

        return hook

    handles = [part.register_forward_hook(watch(name)) for name, part in layers.items()]  # type: ignore[arg-type]
    try:
        with torch.enable_grad():
            scores = module(x)
            loss = functional.cross_entropy(scores, y, reduction="sum")
            slopes = dict(zip(left, torch.autograd.grad(loss, list(left.values())), strict=True))
    finally:
        for handle in handles:
            handle.remove()
    squares = [(slopes[name] ** 2).sum(1) * ((entered[name] ** 2).sum(1) + 1) for name in layers]
    sizes = torch.stack(squares).sum(0).sqrt()
    shares = (clip / sizes.clamp_min(1e-12)).clamp_max(1.0)
    total = {}
    for name in layers:
        scaled = slopes[name] * shares[:, None]
        total[f"{name}.weight"] = scaled.T @ entered[name]
        total[f"{name}.bias"] = scaled.sum(0)
    order = [name for name, _ in module.named_parameters()]
    return {name: total[name] for name in order}, float((sizes > clip).float().mean())
