"""A model behind a door: it can be asked, and what is behind it is not an attribute of anything."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from labkit.core.protocols import Classifier

__all__ = ["Sealed"]


class Sealed:
    """Black-box access to a model, and nothing else.

    Parameters
    ----------
    model : Classifier
    """

    def __init__(self, model: Classifier) -> None:
        # Not the method itself: that would lead back to the model.
        self._ask: Callable[[Tensor], Tensor] = lambda x: model.logits(x)
        self.bounds: tuple[float, float] = model.bounds
        self.input_shape: tuple[int, ...] = tuple(model.input_shape)
        self.classes: int = model.classes

    def logits(self, x: Tensor) -> Tensor:
        """Return logits of shape ``(n, classes)``, with no gradient attached."""
        return self._ask(x)
