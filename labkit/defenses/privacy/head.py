"""Share less: train nothing but a linear head, on features that anybody could compute."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from labkit.core.errors import InvalidInputError
from labkit.core.seeds import make_generator

__all__ = ["PublicFeatures", "public_head"]


class PublicFeatures(nn.Module):
    """Coefficients of an input in directions that were learned from public inputs; fixed.

    Parameters
    ----------
    mean : Tensor of the shape of one input
    components : Tensor of shape ``(k, values)``
    scales : Tensor of shape ``(k,)``
    """

    mean: Tensor
    components: Tensor
    scales: Tensor

    def __init__(self, mean: Tensor, components: Tensor, scales: Tensor) -> None:
        super().__init__()
        if components.shape != (len(scales), mean.numel()):
            raise InvalidInputError(
                f"expected components of shape ({len(scales)}, {mean.numel()}), got {tuple(components.shape)}"
            )
        self.register_buffer("mean", mean.flatten().clone())
        self.register_buffer("components", components.clone())
        self.register_buffer("scales", scales.clone())

    def forward(self, x: Tensor) -> Tensor:
        return (x.flatten(1) - self.mean) @ self.components.T / self.scales


def public_head(
    mean: Tensor, components: Tensor, scales: Tensor, classes: int, *, seed: int | torch.Generator = 0
) -> nn.Module:
    """Build an untrained linear head on public features: the only part that clients train.

    It has a few thousand parameters where a network has some hundred thousand, so the same
    noise costs far less accuracy.
    """
    generator = make_generator(seed)
    with torch.random.fork_rng(devices=[]):
        layer = nn.Linear(len(scales), classes)
    reach = len(scales) ** -0.5
    with torch.no_grad():
        layer.weight.uniform_(-reach, reach, generator=generator)
        layer.bias.uniform_(-reach, reach, generator=generator)
    return nn.Sequential(PublicFeatures(mean, components, scales), layer).requires_grad_(False)
