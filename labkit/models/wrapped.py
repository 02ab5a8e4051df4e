"""A victim in front of another: the same inputs, the same classes, other answers."""

from __future__ import annotations

from labkit.core.protocols import Classifier

__all__ = ["WrappedClassifier"]


class WrappedClassifier:
    """What every model says that stands in front of another one: its inputs and classes are the other's.

    A subclass says what is answered, in ``logits``.  It is black-box unless it has a ``forward``
    of its own: no attack reaches the gradient of the model behind it by accident.

    Attributes
    ----------
    model : Classifier
        The model behind.  Where a subclass calls it something else, or keeps it to itself, it
        overrides ``_behind``.
    """

    __slots__ = ()

    model: Classifier

    @property
    def _behind(self) -> Classifier:
        return self.model

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest legal value of an input."""
        return self._behind.bounds

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one input, without the batch axis."""
        return self._behind.input_shape

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self._behind.classes
