"""Black-box access with a meter: answers are counted, and end when the budget is spent."""

from __future__ import annotations

from torch import Tensor

from labkit.core.checks import whole
from labkit.core.errors import QueryBudgetError
from labkit.core.protocols import Classifier
from labkit.models.wrapped import WrappedClassifier

__all__ = ["Oracle"]


class Oracle(WrappedClassifier):
    """A classifier that counts how many inputs it was asked about.

    It hands out logits and nothing else: a white-box attack cannot be pointed at it.

    Parameters
    ----------
    model : Classifier
        The victim behind the counter.
    query_budget : int, optional
        How many inputs it answers for in all; None for no limit.
    """

    def __init__(self, model: Classifier, query_budget: int | None = None) -> None:
        self._model = model
        self._budget = None if query_budget is None else whole("query_budget", query_budget, at_least=0)
        self._queries = 0

    @property
    def _behind(self) -> Classifier:
        return self._model

    @property
    def queries(self) -> int:
        """How many inputs were answered for so far."""
        return self._queries

    @property
    def left(self) -> int | None:
        """How many inputs may still be asked about; None for no limit."""
        return None if self._budget is None else self._budget - self._queries

    def logits(self, x: Tensor) -> Tensor:
        """Answer for ``x``, shape ``(n, classes)``.

        Raises
        ------
        QueryBudgetError
            When the answer would exceed the budget; nothing is answered then.
        InvalidInputError
            When ``x`` is no input of the victim; that costs no query.
        """
        if self._budget is not None and self._queries + len(x) > self._budget:
            raise QueryBudgetError(
                f"asked about {len(x)} more inputs, and {self.left} of {self._budget} queries are left. "
                "Ask about fewer at a time, or stop asking about inputs that are already misread."
            )
        answer = self._model.logits(x)
        self._queries += len(x)
        return answer
