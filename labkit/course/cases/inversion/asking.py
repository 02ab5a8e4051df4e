"""A service with a meter of the judge's own: how often it was asked is read, and not believed."""

from __future__ import annotations

import hashlib

from torch import Tensor

from labkit.attacks.oracle import Oracle
from labkit.core.checks import whole
from labkit.core.errors import QueryBudgetError
from labkit.core.protocols import Classifier

__all__ = ["QueryAccount"]


class QueryAccount:
    """The questions of one participant since the last hand-in.

    Every oracle that is opened on the account asks at its expense, so opening another one
    buys no further question.  A hand-in settles it: the judge takes the count, and a new
    account begins.

    Parameters
    ----------
    query_budget : int
        Inputs that the service answers for in all.
    """

    def __init__(self, query_budget: int) -> None:
        self._budget = whole("query_budget", query_budget)
        self._asked = 0
        self._settled: tuple[str, int] | None = None

    @property
    def asked(self) -> int:
        """Inputs that were asked about since the last hand-in."""
        return self._asked

    @property
    def left(self) -> int:
        """Inputs that may still be asked about before the next hand-in."""
        return self._budget - self._asked

    def open(self, model: Classifier) -> Oracle:
        """Return a service that asks ``model`` at the expense of this account."""
        return _Metered(model, self)

    def charge(self, number: int) -> None:
        """Put questions on the account.

        Raises
        ------
        QueryBudgetError
            When that would exceed the budget; nothing is charged then.
        """
        if number > self.left:
            raise QueryBudgetError(
                f"asked about {number} more inputs, and {self.left} of {self._budget} questions are left. "
                "Ask about fewer, or hand in what you have: that settles the account and opens a new one."
            )
        self._asked += number

    def settle(self, x_hat: Tensor) -> int:
        """Return how many questions went into what is handed in, and begin anew.

        The same pictures, handed in again without another question, cost what they cost before.
        """
        name = hashlib.sha256(x_hat.detach().contiguous().numpy().tobytes()).hexdigest()
        if not self._asked and self._settled is not None and self._settled[0] == name:
            return self._settled[1]
        self._settled, self._asked = (name, self._asked), 0
        return self._settled[1]


class _Metered(Oracle):
    """An oracle whose budget is that of an account."""

    def __init__(self, model: Classifier, account: QueryAccount) -> None:
        super().__init__(model)
        self._account = account

    @property
    def left(self) -> int:
        return self._account.left

    def logits(self, x: Tensor) -> Tensor:
        if len(x) <= self.left:
            answer = super().logits(x)  # an input that is refused costs nothing
            self._account.charge(len(x))
            return answer
        self._account.charge(len(x))  # says what is wrong
        raise AssertionError("unreachable")
