"""Rules of a checkpoint: under which condition a participant is told what.

A condition is written ``NAME OP NUMBER``, several joined by ``and``::

    measured > 0.6 and illegal_share > 0

``NAME`` is ``measured`` or a fact of the measurement; ``OP`` is one of ``< <= > >= == !=``.
Texts may quote both, with a format: ``{measured:.0%}``.  Nothing is evaluated as code.
"""

from __future__ import annotations

import math
import operator
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from labkit.core.errors import InvalidInputError
from labkit.scoring.measurement import SLACK, Fact

__all__ = ["Condition", "Rule", "fields_of", "fill", "parse_when"]

_OPERATORS: dict[str, tuple[Callable[[float, float], bool], float]] = {
    # The slack makes a rule agree with the target that it explains (see SLACK).
    "<": (operator.lt, -SLACK),
    "<=": (operator.le, SLACK),
    ">": (operator.gt, SLACK),
    ">=": (operator.ge, -SLACK),
}
_TERM = re.compile(r"([A-Za-z_]\w*)\s*(<=|>=|==|!=|<|>)\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
_FORMATTER = string.Formatter()


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison of a named value with a number."""

    name: str
    op: str
    number: float

    def holds(self, values: Mapping[str, Fact]) -> bool:
        """Return whether the comparison holds; no comparison with NaN does."""
        value = values.get(self.name)
        if value is None:
            raise InvalidInputError(
                f"the rule '{self}' needs the fact {self.name!r}; the measurement has: "
                f"{', '.join(sorted(values))}"
            )
        if isinstance(value, str):
            raise InvalidInputError(
                f"the rule '{self}' compares a number, and {self.name} is the text {value!r}"
            )
        if math.isnan(value):
            return False
        if self.op in _OPERATORS:
            compare, slack = _OPERATORS[self.op]
            return compare(value, self.number + slack)
        return (abs(value - self.number) <= SLACK) is (self.op == "==")

    def __str__(self) -> str:
        return f"{self.name} {self.op} {self.number:g}"


def parse_when(text: str) -> tuple[Condition, ...]:
    """Return the conditions in ``text``, which all have to hold.

    Raises
    ------
    InvalidInputError
        When ``text`` is not ``NAME OP NUMBER``, possibly joined by ``and``.
    """
    conditions = []
    for part in re.split(r"\s+and\s+", text.strip()):
        found = _TERM.fullmatch(part.strip())
        if found is None:
            raise InvalidInputError(
                f"expected NAME OP NUMBER joined by 'and', such as 'measured > 0.6 and illegal > 0'; "
                f"got {part!r}"
            )
        conditions.append(Condition(found[1], found[2], float(found[3])))
    return tuple(conditions)


def fields_of(text: str) -> set[str]:
    """Return the names that ``text`` quotes in braces.

    Raises
    ------
    InvalidInputError
        When a brace is not closed, a field is not a plain name, or its format does not
        suit a number.
    """
    names = set()
    try:
        parts = list(_FORMATTER.parse(text))
    except ValueError as error:
        raise InvalidInputError(f"expected fields such as {{measured:.2f}}: {error}") from None
    for _, name, spec, conversion in parts:
        if name is None:
            continue
        if not name.isidentifier() or conversion or "{" in (spec or ""):
            raise InvalidInputError(
                f"expected a plain name in braces such as {{measured:.2f}}, got {{{name}}}"
            )
        try:
            format(0.5, spec or "")
        except ValueError as error:
            raise InvalidInputError(
                f"the format of {{{name}:{spec}}} does not suit a number: {error}"
            ) from None
        names.add(name)
    return names


def fill(text: str, values: Mapping[str, Fact]) -> str:
    """Return ``text`` with its fields filled in."""
    if missing := fields_of(text) - values.keys():
        raise InvalidInputError(
            f"the text {text[:60]!r} quotes {', '.join(sorted(missing))}; the measurement has: "
            f"{', '.join(sorted(values))}"
        )
    return text.format_map(values)


@dataclass(frozen=True, slots=True)
class Rule:
    """When every condition of ``when`` holds, ``say`` explains and ``next_probe`` leads on.

    The last rule of a checkpoint has no condition, so that every measurement is explained.
    """

    when: tuple[Condition, ...]
    say: str
    next_probe: str

    def applies(self, values: Mapping[str, Fact]) -> bool:
        return all(condition.holds(values) for condition in self.when)

    @property
    def names(self) -> set[str]:
        """Every name that the rule tests or quotes."""
        tested = {condition.name for condition in self.when}
        return tested | fields_of(self.say) | fields_of(self.next_probe)
