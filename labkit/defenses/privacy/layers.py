"""Clipping record by record without ever holding one record's gradient, where layers allow it."""

from __future__ import annotations

from collections import Counter

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["linear_only", "summed_by_layer"]


def linear_only(module: nn.Module) -> dict[str, nn.Linear] | None:
    """Return the linear layers of a module that has no other parameters, or None."""
    layers = {name: part for name, part in module.named_modules() if isinstance(part, nn.Linear)}
    known = sum(len(list(part.parameters())) for part in layers.values())
    biased = all(part.bias is not None for part in layers.values())
    return layers if layers and biased and known == len(list(module.parameters())) else None


def summed_by_layer(
    module: nn.Module, layers: dict[str, nn.Linear], x: Tensor, y: Tensor, clip: float
) -> tuple[dict[str, Tensor], float] | None:
    """Return the sum of the clipped gradients and the share that was clipped.

    For a linear layer the gradient of one record is the outer product of what came in and of
    the slope of what went out, so its length is the product of theirs (Goodfellow, "Efficient
    Per-Example Gradient Computations", 2015).  That holds for a layer that sees every record
    once, as one row.  None is returned where a layer is used twice, or not at all, or on
    something else than rows: such a gradient is a sum of outer products.
    """
    entered: dict[str, Tensor] = {}
    left: dict[str, Tensor] = {}
    calls: Counter[str] = Counter()

    def watch(name: str) -> object:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
            calls[name] += 1
            entered[name] = inputs[0].detach()
            left[name] = output if output.requires_grad else output.detach().requires_grad_()
            return left[name]

        return hook

    handles = [part.register_forward_hook(watch(name)) for name, part in layers.items()]  # type: ignore[arg-type]
    try:
        with torch.enable_grad():
            loss = functional.cross_entropy(module(x), y, reduction="sum")
            once = all(calls[name] == 1 and entered[name].shape[:-1] == x.shape[:1] for name in layers)
            if not once:
                return None
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
        within = f"{name}." if name else ""  # the module may be a linear layer itself
        total[f"{within}weight"] = scaled.T @ entered[name]
        total[f"{within}bias"] = scaled.sum(0)
    order = [name for name, _ in module.named_parameters()]
    return {name: total[name] for name in order}, float((sizes > clip).float().mean())
