"""What an attacker knows about pictures in general: principal components of public ones."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import floats, interval, whole
from labkit.core.errors import InvalidInputError

__all__ = ["Prior", "fit_prior"]


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """A Gaussian over inputs: a mean, directions, and how far inputs vary along each.

    Attributes
    ----------
    mean : Tensor of the shape of one input
        The average public input.
    components : Tensor of shape ``(k, values)``
        Orthonormal directions, the most varied first.
    scales : Tensor of shape ``(k,)``
        Standard deviation along each.
    bounds : pair of float
        Inputs stay within.
    """

    mean: Tensor
    components: Tensor
    scales: Tensor
    bounds: tuple[float, float] = (0.0, 1.0)

    def __len__(self) -> int:
        return len(self.scales)

    def decode(self, z: Tensor) -> Tensor:
        """Return the inputs that coefficients stand for; ``(n, k)`` to ``(n, ...)``, within the bounds.

        A coefficient of 1 lies one standard deviation from the mean.
        """
        flat = self.mean.flatten() + (z * self.scales) @ self.components
        return flat.view(-1, *self.mean.shape).clamp(*self.bounds)

    def encode(self, x: Tensor) -> Tensor:
        """Return the coefficients of inputs, ``(n, ...)`` to ``(n, k)``."""
        if x.shape[1:] != self.mean.shape:
            raise InvalidInputError(
                f"expected x of shape (n, {', '.join(map(str, self.mean.shape))}), got {tuple(x.shape)}"
            )
        return (x - self.mean).flatten(1) @ self.components.T / self.scales

    def first(self, k: int) -> Prior:
        """Return the prior with its first ``k`` directions only."""
        if not 0 < k <= len(self):
            raise InvalidInputError(f"expected from 1 to {len(self)} components, got {k}")
        return Prior(self.mean, self.components[:k], self.scales[:k], self.bounds)


def fit_prior(x: Tensor, components: int = 40, *, bounds: tuple[float, float] = (0.0, 1.0)) -> Prior:
    """Learn what inputs look like from public ones, by principal component analysis.

    Parameters
    ----------
    x : Tensor of shape ``(n, ...)``
        Public inputs, float32: none of them need be of a class, or a person, that the victim
        knows.
    components : int
        Directions to keep; no more than there are samples less one, or values in an input.
    bounds : pair of float
    """
    x, bounds = floats("x", x, axes=2), interval("bounds", bounds)
    most = min(len(x) - 1, x[0].numel() if len(x) else 0)
    if not 0 < whole("components", components) <= most:
        raise InvalidInputError(f"expected from 1 to {most} components for {len(x)} inputs, got {components}")
    flat = x.detach().flatten(1)
    mean = flat.mean(0)
    centred = flat - mean
    # The smaller of the two Gram matrices has the same spectrum and takes a fraction of the time.
    if len(x) < flat.shape[1]:
        values, vectors = torch.linalg.eigh((centred @ centred.T).double())
        directions = vectors.flip(1)[:, :components].T.float() @ centred
    else:
        values, vectors = torch.linalg.eigh((centred.T @ centred).double())
        directions = vectors.flip(1)[:, :components].T.float()
    directions = torch.nn.functional.normalize(directions, dim=1)
    scales = (values.flip(0)[:components].clamp_min(1e-12) / (len(x) - 1)).sqrt().float()
    return Prior(mean.view(x.shape[1:]), directions, scales, bounds)
