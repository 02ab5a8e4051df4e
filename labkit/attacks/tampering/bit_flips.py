"""Bit flips: how few bits of a stored model have to change until it is worth nothing."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from labkit.core.checks import whole
from labkit.core.machine import threads
from labkit.core.protocols import check_batch
from labkit.models import TorchClassifier

__all__ = ["BitFlip", "TamperedModel", "flip_bits"]

Progress = Callable[[int, int, str], None]

_BITS = 8
_WORTH = torch.tensor([1, 2, 4, 8, 16, 32, 64, -128])  # of each bit of a signed byte


@dataclass(frozen=True, slots=True)
class BitFlip:
    """One bit that was flipped.

    Attributes
    ----------
    weight : str
        Name of the tensor, as in ``state_dict``.
    position : int
        Of the value in the flattened tensor.
    bit : int
        From 0, the least, to 7, the sign.
    """

    weight: str
    position: int
    bit: int


@dataclass(frozen=True, slots=True, eq=False)
class TamperedModel:
    """A model with eight-bit weights, before and after.

    Attributes
    ----------
    stored, tampered : TorchClassifier
        Copies; the model that was handed in stays as it was.
    flips : tuple of BitFlip
        In the order in which they were made.
    """

    stored: TorchClassifier
    tampered: TorchClassifier
    flips: tuple[BitFlip, ...]


def flip_bits(
    model: TorchClassifier,
    x: Tensor,
    y: Tensor,
    *,
    flips: int,
    candidates: int = 10,
    progress: Progress | None = None,
) -> TamperedModel:
    """Flip, one after the other, the bit of the eight-bit weights that does the most harm.

    The weights are rounded to signed bytes with one scale for each tensor, as models are stored on
    small devices.  In each turn the gradient names the most promising bits of each tensor, each of
    them is tried, and the worst stays flipped.

    Parameters
    ----------
    model : TorchClassifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Some clean inputs and their classes, which the attacker looks at.
    flips : int
        How many bits to flip.
    candidates : int
        How many bits are tried in each turn.
    progress : function, optional
        ``progress(done, total, message)``.

    Returns
    -------
    TamperedModel

    References
    ----------
    Rakin, He & Fan, "Bit-Flip Attack: Crushing Neural Network with Progressive Bit Search",
    ICCV 2019.  https://arxiv.org/abs/1903.12269
    """
    check_batch(model, x, y)
    total, tried = whole("flips", flips), whole("candidates", candidates)
    module = copy.deepcopy(model.module).requires_grad_(True)
    stored = {name: _Bytes(weight) for name, weight in module.named_parameters() if weight.dim() > 1}
    before = copy.deepcopy(module)
    done: list[BitFlip] = []
    for turn in range(total):
        gains = _promise(module, stored, x, y)
        best = sorted(gains, key=lambda each: each[0], reverse=True)[:tried]
        worst = max(best, key=lambda each: _harm_with(module, stored, each[1], x, y))
        stored[worst[1].weight].flip(worst[1])
        done.append(worst[1])
        if progress is not None:
            progress(turn + 1, total, "flipping bits")
    copies = [
        TorchClassifier(each.requires_grad_(False), model.input_shape, model.classes, model.bounds)
        for each in (before, module)
    ]
    return TamperedModel(copies[0], copies[1], tuple(done))


class _Bytes:
    """A weight that is stored as signed bytes; the network's tensor always shows what is stored."""

    def __init__(self, weight: nn.Parameter) -> None:
        self.weight = weight
        self.scale = float(weight.detach().abs().max()) / 127 or 1.0
        self.values = (weight.detach() / self.scale).round().clamp(-128, 127).to(torch.int16)
        self._show()

    def _show(self) -> None:
        with torch.no_grad():
            self.weight.copy_(self.values * self.scale)

    def change(self, flip: BitFlip) -> int:
        """Return by how much a flip changes the stored value."""
        value = int(self.values.flatten()[flip.position]) & 0xFF
        worth = int(_WORTH[flip.bit])
        return -worth if value >> flip.bit & 1 else worth

    def flip(self, flip: BitFlip) -> None:
        flat = self.values.flatten()
        flat[flip.position] += self.change(flip)
        self.values = flat.view(self.values.shape)
        self._show()

    def changes(self) -> Tensor:
        """Return what each flip would change, shape ``(values, 8)``."""
        stored = self.values.flatten().to(torch.int64) & 0xFF
        bits = (stored[:, None] >> torch.arange(_BITS)) & 1
        return torch.where(bits == 1, -_WORTH, _WORTH).float() * self.scale


def _promise(
    module: nn.Module, stored: dict[str, _Bytes], x: Tensor, y: Tensor
) -> list[tuple[float, BitFlip]]:
    """Return the most promising bit of each tensor, by the first-order gain in harm."""
    weights = [each.weight for each in stored.values()]
    with threads(), torch.inference_mode(False), torch.enable_grad():
        slopes = torch.autograd.grad(_harm(module, x.clone(), y.clone()), weights)
    found = []
    for (name, each), slope in zip(stored.items(), slopes, strict=True):
        gains = (slope.flatten()[:, None] * each.changes()).flatten()
        for place in gains.topk(min(3, len(gains))).indices.tolist():
            found.append((float(gains[place]), BitFlip(name, place // _BITS, place % _BITS)))
    return found


def _harm_with(module: nn.Module, stored: dict[str, _Bytes], flip: BitFlip, x: Tensor, y: Tensor) -> float:
    """Return the harm with one bit flipped, and put the bit back."""
    stored[flip.weight].flip(flip)
    with threads(), torch.no_grad():
        harm = float(_harm(module, x, y))
    stored[flip.weight].flip(flip)
    return harm


def _harm(module: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """Return a soft count of the inputs that are misread.

    The authors take cross-entropy, which has no upper limit: in a small network the search then drives
    a few inputs ever further away, and leaves the others alone.
    """
    logits = module(x)
    own = logits.gather(1, y[:, None]).squeeze(1)
    gap = logits.scatter(1, y[:, None], -torch.inf).amax(1) - own
    return (gap / gap.detach().abs().mean().clamp_min(1e-6)).sigmoid().mean()
