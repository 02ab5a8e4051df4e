"""Our victim as the torch module that other libraries expect, and the victim kept as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier

__all__ = ["LOOKS", "VictimModule", "at_rest", "check_look"]

Shape = tuple[int, ...]


def _as_picture(shape: Shape) -> Shape:
    """Return a shape of three axes: what is no picture becomes one of a single row."""
    if len(shape) == 3:
        return shape
    row = 1
    for axis in shape:
        row *= axis
    return (1, 1, row)


def _is_picture(shape: Shape) -> bool:
    return len(shape) == 3


def _is_square(shape: Shape) -> bool:
    return _is_picture(shape) and shape[1] == shape[2]


def _is_coloured(shape: Shape) -> bool:
    return _is_picture(shape) and shape[0] in (1, 3)


def _is_coloured_square(shape: Shape) -> bool:
    return _is_coloured(shape) and _is_square(shape)


def _three_channels(shape: Shape) -> Shape:
    return (3, *shape[1:])


LOOKS: dict[str, tuple[Callable[[Shape], bool], Callable[[Shape], Shape], str]] = {
    "any": (lambda shape: True, _as_picture, ""),
    "picture": (_is_picture, _as_picture, "pictures of shape (channels, height, width)"),
    "square": (_is_square, _as_picture, "pictures as high as they are wide"),
    "colour": (_is_coloured, _three_channels, "pictures of one or three channels"),
    "colour square": (
        _is_coloured_square,
        _three_channels,
        "pictures of one or three channels, as high as they are wide",
    ),
}
"""What an attack can look at: whether a shape fits, how the attack sees it, and how to say it."""


class _Gradient(torch.autograd.Function):
    """The victim's logits, differentiable in the input alone.

    Some attacks call ``backward``, which would leave gradients on the victim's parameters.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, victim: Any, directions: bool) -> Tensor:
        with torch.enable_grad():
            ctx.leaf = x.detach().clone().requires_grad_(True)
            ctx.logits = victim.forward(ctx.leaf)
        ctx.directions = directions
        return ctx.logits.detach().clone()

    @staticmethod
    def backward(ctx: Any, *towards: Any) -> tuple[Tensor, None, None]:
        if not ctx.logits.requires_grad:  # a victim that looks at nothing
            return torch.zeros_like(ctx.leaf), None, None
        (gradient,) = torch.autograd.grad(
            ctx.logits, ctx.leaf, towards[0], retain_graph=True, materialize_grads=True
        )
        if ctx.directions:
            # A sure victim has gradients that some libraries take for rounding: scale them up.
            largest = gradient.flatten(1).abs().amax(1).clamp_min(torch.finfo(gradient.dtype).tiny)
            gradient = gradient / largest.view(-1, *[1] * (gradient.dim() - 1))
        return gradient, None, None


class VictimModule(nn.Module):
    """Our victim as a module on ``[0, 1]``, with inputs of the shape that an attack can look at.

    A grey picture is shown as three equal channels where an attack insists on colour; what
    it does to them is averaged, and as it treats channels alike nothing is lost.
    """

    def __init__(self, victim: Classifier, look: str, like: Tensor, directions: bool = False) -> None:
        super().__init__()
        self._victim = victim
        self._directions = directions
        self.shape = LOOKS[look][1](tuple(victim.input_shape))
        self._tripled = look.startswith("colour") and victim.input_shape[0] == 1
        # Libraries read the device off the first parameter, and move parameters about; the victim's
        # stay out of their reach.
        self._home = like.device
        self.anchor = nn.Parameter(torch.zeros((), device=like.device), requires_grad=False)

    def shown(self, x: Tensor) -> Tensor:
        """Return inputs of the victim as the attack sees them."""
        low, high = self._victim.bounds
        unit = ((x - low) / (high - low)).clamp(0.0, 1.0)
        picture = unit.expand(-1, *self.shape) if self._tripled else unit.reshape(-1, *self.shape)
        return picture.contiguous()

    def meant(self, picture: Tensor) -> Tensor:
        """Return what the attack sees as inputs of the victim."""
        low, high = self._victim.bounds
        picture = picture.to(self._home, torch.float32)
        unit = picture.mean(1, keepdim=True) if self._tripled else picture
        return low + unit.reshape(-1, *self._victim.input_shape) * (high - low)

    def forward(self, picture: Tensor) -> Tensor:
        inputs = self.meant(picture)
        if torch.is_grad_enabled() and inputs.requires_grad:
            logits = _Gradient.apply(inputs, self._victim, self._directions)  # type: ignore[no-untyped-call]
        else:
            logits = self._victim.logits(inputs.detach())
        return logits.to(picture.device)


@contextmanager
def at_rest(victim: Classifier) -> Iterator[None]:
    """Keep the modules behind a victim in evaluation mode, and put each back as it was.

    A module in training mode draws its dropout anew and counts every question in its batch
    norms, which would change the victim.
    """
    before = [(part, part.training) for module in _modules(victim) for part in module.modules()]
    try:
        for part, _ in before:
            part.training = False
        yield
    finally:
        for part, training in before:
            part.training = training


def _modules(victim: Any) -> Iterator[nn.Module]:
    """Yield the torch modules behind a victim and behind the defenses in front of it."""
    while victim is not None:
        module = getattr(victim, "module", None)
        if isinstance(module, nn.Module):
            yield module
        victim = getattr(victim, "model", None)


def check_look(attack: str, look: str, shape: Shape) -> None:
    """Refuse inputs that an attack cannot look at.

    Raises
    ------
    InvalidInputError
        When a shape does not fit.
    """
    fits, _, words = LOOKS[look]
    if not fits(tuple(shape)):
        raise InvalidInputError(
            f"{attack} works on {words}; this victim takes inputs of shape {tuple(shape)}"
        )
