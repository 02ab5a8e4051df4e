"""What an input costs a network: the share of its units that are not silent."""

from __future__ import annotations

from torch import Tensor

from labkit.models import TorchClassifier
from labkit.models.rectifiers import Rectifiers

__all__ = ["activation_density"]


def activation_density(model: TorchClassifier, x: Tensor) -> Tensor:
    """Return the share of the outputs of rectifiers above zero for each input, shape ``(n,)``.

    Hardware that skips multiplications by zero spends about in proportion to it; on hardware that
    does not, it says nothing about energy.

    Parameters
    ----------
    model : TorchClassifier
        With rectifiers as modules; it is copied.
    x : Tensor of shape ``(n, ...)``

    Raises
    ------
    InvalidInputError
        When the model has no rectifier.

    References
    ----------
    Shumailov et al. 2021, section 3.  https://arxiv.org/abs/2006.03463
    """
    return Rectifiers(model.module).density(x)
