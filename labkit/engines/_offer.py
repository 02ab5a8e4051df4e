"""The table of an engine: its attacks in our words, and what each of them needs to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from labkit.core.checks import length, size, whole
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.threat import Norm

__all__ = ["Offer", "settle"]

_NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Offer:
    """One attack: what makes it, our words for its parameters, and what else there is to know.

    Attributes
    ----------
    make : Any
        The class or function of the library.
    words : mapping
        Our word for each parameter, and theirs; an empty one is for the shim alone.
    norm : Norm
        The distance that the attack keeps to, or makes small.
    fixed : mapping
        Their parameters that are always the same.
    defaults : mapping
        Our words with the values they have when nobody says anything.
    stride : float or None
        Length of a step by default, in budgets; None for enough to cross the ball, and one at most.
    free : bool
        It has no budget of its own: it looks for the smallest change, or for any.  What it
        finds is brought back to ``epsilon`` when there is one.
    targeted : bool
        It can be aimed at a class.
    aims : bool
        It cannot do otherwise; unaimed, it goes for the class that the victim likes second best.
    black_box : bool
        It asks for answers only, and works on a victim without a gradient.
    starts : bool
        It needs a misread input to start from, which it does not always find.
    look : str
        What inputs it can be used on, a key of the table in ``_victim``.
    least_classes : int
        How many classes the victim must have.
    at_least : mapping
        Our words for whole numbers that must not be smaller than this.
    beyond : float
        Share by which its changes are made longer, for it stops within rounding of the border.
    directions : bool
        Only the direction of the gradient counts for it, so its length is put right first.
    """

    make: Any
    words: Mapping[str, str]
    norm: Norm
    fixed: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    defaults: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    stride: float | None = None
    free: bool = False
    targeted: bool = True
    aims: bool = False
    black_box: bool = False
    starts: bool = False
    look: str = "any"
    least_classes: int = 2
    at_least: Mapping[str, int] = field(default_factory=lambda: _NOTHING)
    beyond: float = 0.0
    directions: bool = False

    def theirs(self, settings: Mapping[str, Any], span: float) -> dict[str, Any]:
        """Return ``settings`` under their names, with lengths in units of ``span``."""
        given = dict(self.fixed)
        for word, value in settings.items():
            if self.words.get(word):
                given[self.words[word]] = self.in_units(word, value, span)
        return given

    def in_units(self, word: str, value: Any, span: float) -> Any:
        """Return a length in units of ``span``, and anything else as it is."""
        counts = word not in _LENGTHS or (word == "epsilon" and self.norm is Norm.L0)
        return value if counts or value is None else value / span


_LENGTHS = {"epsilon", "step_size", "radius"}


def _switch(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInputError(f"expected {name} as True or False, got {value!r}")
    return value


def _share(name: str, value: Any) -> float:
    number = length(name, value)
    if number > 1:
        raise InvalidInputError(f"expected {name} from 0 to 1, got {value!r}")
    return number


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "epsilon": length,
    "step_size": length,
    "radius": size,
    "lr": size,
    "weight": size,
    "beta": length,
    "decay": length,
    "confidence": length,
    "overshoot": length,
    "noise": length,
    "gamma": _share,
    "random_start": _switch,
}
"""How a value is checked; what is not here is a whole number."""


def settle(engine: str, offers: Mapping[str, Offer], name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Check the settings of an attack and add those that were left out.

    Raises
    ------
    UnknownNameError
        When there is no such attack.
    InvalidInputError
        When it does not take a setting, needs one that is missing, or a value has no sense.
    """
    if name not in offers:
        raise UnknownNameError(f"attack of {engine}", name, offers)
    offer = offers[name]
    if unknown := given.keys() - {*offer.words, "seed"}:
        raise InvalidInputError(
            f"{engine}/{name} does not take {', '.join(sorted(unknown))}; "
            f"it takes {', '.join([*offer.words, 'seed'])}"
        )
    settings = {word: _checked(offer, word, value) for word, value in {**offer.defaults, **given}.items()}
    if "epsilon" in offer.words and not offer.free:
        if "epsilon" not in settings:
            raise InvalidInputError(f"expected epsilon, the budget of {engine}/{name}; got none")
        if "step_size" in offer.words and "step_size" not in settings:
            stride = min(2.5 / settings["steps"], 1.0) if offer.stride is None else offer.stride
            settings["step_size"] = stride * settings["epsilon"]
    return settings


def _checked(offer: Offer, word: str, value: Any) -> Any:
    if word in _CHECKS:
        return _CHECKS[word](word, value)
    return whole(word, value, at_least=offer.at_least.get(word, 0 if word == "seed" else 1))
