"""Recipes of attacks and of servers: plain data, so that whoever judges can run them elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from labkit.attacks.federated import ATTACKS as SENDING
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.seeds import make_generator
from labkit.defenses.aggregation import AGGREGATORS
from labkit.models.federated.rounds import Aggregator, Attack

__all__ = ["ATTACKS", "SERVERS", "Setting", "aggregator_of", "attack_of", "check_attack", "check_server"]


class Setting(NamedTuple):
    """One setting of a recipe: what it is by default, and from where to where it may go."""

    default: float | bool
    low: float = 0.0
    high: float = 1.0


ATTACKS: Mapping[str, Mapping[str, Setting]] = MappingProxyType(
    {
        "none": {},
        "sign_flip": {"scale": Setting(1.0, 0.0, 20.0)},
        "a_little_is_enough": {"z": Setting(1.0, 0.0, 20.0), "listens": Setting(False)},
        "inner_product": {"scale": Setting(1.0, 0.0, 20.0), "listens": Setting(False)},
        "model_replacement": {"boost": Setting(1.0, 0.0, 20.0)},
        "free_rider": {"disguise": Setting(0.1, 0.0, 5.0)},
    }
)
"""Every attack with its settings.  Malicious clients of a model replacement train on poisoned data."""

SERVERS: Mapping[str, Mapping[str, Setting]] = MappingProxyType(
    {
        "mean": {},
        "krum": {"tolerated": Setting(1, 0, 7)},
        "multi_krum": {"tolerated": Setting(1, 0, 7), "kept": Setting(7, 1, 10)},
        "trimmed_mean": {"trim": Setting(1, 0, 4)},
        "median": {},
        "clipped_mean": {"clip": Setting(1.0, 0.05, 20.0)},
        "distance_filter": {"threshold": Setting(2.0, 1.0, 20.0)},
        "private_mean": {"clip": Setting(1.0, 0.05, 20.0), "noise_multiplier": Setting(0.1, 0.0, 5.0)},
    }
)
"""Every rule of a server with its settings, for ten clients."""


def check_attack(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe of an attack with every setting in it.

    Raises
    ------
    InvalidInputError, UnknownNameError
        When it is no mapping, names something unknown, or a setting is out of range.
    """
    return _check(recipe, "attack", ATTACKS, '{"attack": "sign_flip", "scale": 2.0}')


def check_server(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the recipe of a server with every setting in it.

    Raises
    ------
    InvalidInputError, UnknownNameError
        When it is no mapping, names something unknown, or a setting is out of range.
    """
    return _check(recipe, "aggregator", SERVERS, '{"aggregator": "trimmed_mean", "trim": 2}')


def attack_of(recipe: Mapping[str, Any]) -> Attack | None:
    """Return the attack that a recipe names, or None for a recipe that does nothing."""
    settings = check_attack(recipe)
    name = settings.pop("attack")
    return None if name == "none" else partial(SENDING[name], **settings)


def aggregator_of(recipe: Mapping[str, Any], *, seed: int = 0, longest: float | None = None) -> Aggregator:
    """Return the rule that a recipe names.

    Parameters
    ----------
    recipe : mapping
    seed : int
        What noise is drawn from, where the rule adds some.
    longest : float, optional
        A plain mean leaves longer updates out, in units of the median length.
    """
    settings = check_server(recipe)
    name = settings.pop("aggregator")
    if name == "mean":
        settings["longest"] = longest
    if name == "private_mean":
        settings["seed"] = make_generator(seed)
    return partial(AGGREGATORS[name], **settings)


def _check(recipe: Any, key: str, table: Mapping[str, Mapping[str, Setting]], example: str) -> dict[str, Any]:
    if not isinstance(recipe, Mapping) or key not in recipe:
        raise InvalidInputError(f"expected a recipe such as {example}, got {recipe!r}")
    name = recipe[key]
    if not isinstance(name, str) or name not in table:
        raise UnknownNameError(key, str(name), table)
    if unknown := sorted(set(map(str, recipe)) - {key} - set(table[name])):
        raise UnknownNameError(f"setting of {name}", unknown[0], table[name])
    whole = {key: name}
    for setting, about in table[name].items():
        whole[setting] = _within(setting, recipe.get(setting, about.default), about)
    return whole


def _within(name: str, value: Any, about: Setting) -> Any:
    """Return a value of the type of the default, within its range."""
    if isinstance(about.default, bool):
        if not isinstance(value, bool):
            raise InvalidInputError(f"expected {name} as True or False, got {value!r}")
        return value
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    if not about.low <= number <= about.high:
        raise InvalidInputError(f"expected {name} from {about.low:g} to {about.high:g}, got {value!r}")
    if not isinstance(about.default, int):
        return float(number)
    if number != int(number):
        raise InvalidInputError(f"expected {name} as a whole number, got {value!r}")
    return int(number)
