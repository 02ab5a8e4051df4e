"""Interval bound propagation: send a box of inputs through a network, and bound what comes out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.threat import Norm
from labkit.defenses.certification.certificates import Certificates, model_digest
from labkit.models.architectures import Centre, Residual
from labkit.models.classifier import TorchClassifier

__all__ = ["box_around", "certify_intervals", "interval_bounds", "interval_margins"]

Box = tuple[Tensor, Tensor]
"""Lower and upper ends, each of the shape of what they bound."""

_BATCH = 256


def interval_bounds(module: nn.Module, low: Tensor, high: Tensor) -> Box:
    """Return bounds on what ``module`` makes of every point of a box.

    Each layer is passed by itself, so the bounds hold and are not tight: they are exact for
    one linear layer, and grow looser with every further one.  They can be differentiated.

    Parameters
    ----------
    module : nn.Module
        A network of linear and convolutional layers, ReLU, pooling, flattening, batch norm in
        evaluation mode and residual blocks, such as :func:`labkit.models.build` makes.
    low, high : Tensor of shape ``(n, ...)``
        Ends of one box for each input.

    Returns
    -------
    (Tensor, Tensor)
        Lower and upper ends.  They are computed in the type of ``low``; rounding may move them
        by a few units in the last place.

    Raises
    ------
    InvalidInputError
        When the network has a layer that no rule is known for, or batch norm in training mode.

    References
    ----------
    Gowal et al., "On the Effectiveness of Interval Bound Propagation for Training Verifiably
    Robust Models", 2018.  https://arxiv.org/abs/1810.12715
    """
    for kind, rule in _RULES:
        if isinstance(module, kind):
            return rule(module, low, high)
    known = ", ".join(sorted(each.__name__ for each, _ in _RULES))
    raise InvalidInputError(
        f"expected layers that intervals can pass, got {type(module).__name__}. Known: {known}."
    )


def interval_margins(module: nn.Module, low: Tensor, high: Tensor, y: Tensor) -> Tensor:
    """Return lower bounds on how far the score of ``y`` lies above every other, ``(n, classes)``.

    Above zero everywhere but at ``y`` itself, where it is 0: nothing in the box is read as
    anything else.  Where the last layer is linear, the difference of two scores is bounded
    directly, which is tighter than the difference of their bounds.
    """
    if isinstance(module, nn.Sequential) and len(module) > 1 and isinstance(module[-1], nn.Linear):
        low, high = interval_bounds(module[:-1], low, high)
        last = module[-1]
        apart = last.weight[y][:, None] - last.weight[None]  # (n, classes, d)
        bias = 0.0 if last.bias is None else last.bias[y][:, None] - last.bias[None]
        centre, reach = (high + low) / 2, (high - low) / 2
        return (apart @ centre[:, :, None] - apart.abs() @ reach[:, :, None]).squeeze(2) + bias
    least, most = interval_bounds(module, low, high)
    margins = least.gather(1, y[:, None]) - most
    return margins.scatter(1, y[:, None], 0.0)


def box_around(x: Tensor, epsilon: float, bounds: tuple[float, float]) -> Box:
    """Return the box of everything within ``epsilon`` in L-infinity of ``x``, and within ``bounds``."""
    return (x - epsilon).clamp(*bounds), (x + epsilon).clamp(*bounds)


@torch.no_grad()
def certify_intervals(
    model: TorchClassifier, x: Tensor, *, most: float = 0.5, halvings: int = 14
) -> Certificates:
    """Return for each input the largest L-infinity radius that intervals can prove.

    Parameters
    ----------
    model : TorchClassifier
    x : Tensor of shape ``(n, ...)`` float32, within the bounds of the model
    most : float
        Largest radius that is tried.
    halvings : int
        How often the range is halved: the radius is found to ``most / 2**halvings``, from below.

    Returns
    -------
    Certificates
        In L-infinity, without chance: ``confidence`` is 1 and nothing abstains.
    """
    most, halvings = length("most", most), whole("halvings", halvings)
    if not isinstance(model, TorchClassifier):
        raise InvalidInputError(
            f"expected a network with weights, a TorchClassifier, got {type(model).__name__}"
        )
    named = model.logits(x).argmax(1)
    proven, open_at = torch.zeros(len(x)), torch.full((len(x),), most)
    with threads():
        for _ in range(halvings):
            middle = (proven + open_at) / 2
            holds = _stands(model, x, named, middle)
            proven, open_at = torch.where(holds, middle, proven), torch.where(holds, open_at, middle)
    return Certificates(
        method="interval_bounds",
        norm=Norm.LINF,
        predicted=named,
        radii=proven,
        confidence=1.0,
        model=model_digest(model.module),
        dimension=int(torch.tensor(model.input_shape).prod()),
        params={"most": most, "halvings": halvings},
    )


def _stands(model: TorchClassifier, x: Tensor, y: Tensor, reach: Tensor) -> Tensor:
    """Return where nothing within ``reach`` of an input is read as another class, ``(n,)`` bool."""
    wide = reach.view(-1, *[1] * (x.dim() - 1))
    least, most = model.bounds
    low, high = (x - wide).clamp(least, most), (x + wide).clamp(least, most)
    parts = zip(*(torch.split(each, _BATCH) for each in (low, high, y)), strict=True)
    margins = torch.cat([interval_margins(model.module, *part) for part in parts]) if len(x) else low
    return (
        margins.scatter(1, y[:, None], torch.inf).amin(1) > 0 if len(x) else torch.zeros(0, dtype=torch.bool)
    )


def _sequence(module: nn.Module, low: Tensor, high: Tensor) -> Box:
    for part in module.children():
        low, high = interval_bounds(part, low, high)
    return low, high


def _rising(module: nn.Module, low: Tensor, high: Tensor) -> Box:
    """Pass a layer whose every output rises, or stays, with every input: the ends map to the ends."""
    return module(low), module(high)


def _affine(module: nn.Module, low: Tensor, high: Tensor) -> Box:
    """Pass a linear layer or a convolution: its weights move the centre, their sizes scale the reach."""
    centre, reach = module((high + low) / 2), (high - low) / 2
    weight: Tensor = module.weight.abs()  # type: ignore[operator]
    if isinstance(module, nn.Conv2d):
        if module.padding_mode != "zeros":
            raise InvalidInputError(f"expected padding with zeros, got {module.padding_mode!r}")
        spread = nn.functional.conv2d(
            reach, weight, None, module.stride, module.padding, module.dilation, module.groups
        )
    else:
        spread = nn.functional.linear(reach, weight)
    return centre - spread, centre + spread


def _batch_norm(module: nn.Module, low: Tensor, high: Tensor) -> Box:
    """Pass batch norm: a factor for each channel, which turns the interval round where it is negative."""
    if module.training:
        raise InvalidInputError("expected batch norm in evaluation mode: call module.eval() first")
    first, second = module(low), module(high)
    return torch.minimum(first, second), torch.maximum(first, second)


def _residual(module: Any, low: Tensor, high: Tensor) -> Box:
    inner = interval_bounds(module.first, low, high)
    inner = interval_bounds(module.second, inner[0].relu(), inner[1].relu())
    around = interval_bounds(module.around, low, high)
    return (inner[0] + around[0]).relu(), (inner[1] + around[1]).relu()


_RULES: tuple[tuple[type[nn.Module], Callable[[nn.Module, Tensor, Tensor], Box]], ...] = (
    (nn.Sequential, _sequence),
    (nn.Linear, _affine),
    (nn.Conv2d, _affine),
    (nn.BatchNorm2d, _batch_norm),
    (Residual, _residual),
    (Centre, _rising),
    (nn.ReLU, _rising),
    (nn.MaxPool2d, _rising),
    (nn.AvgPool2d, _rising),
    (nn.AdaptiveAvgPool2d, _rising),
    (nn.Flatten, _rising),
    (nn.Identity, _rising),
)
