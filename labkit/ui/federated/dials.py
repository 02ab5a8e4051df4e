"""The dials of an attack and of a server, as recipes that a judge can run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labkit.ui.controls import choice, column, slider, tick

__all__ = ["AttackDials", "ServerDials", "named_attack", "named_server"]

_ATTACKS = {
    "sign_flip": ("turn the sign", "scale", "How many times as long as the honest update"),
    "a_little_is_enough": ("a little is enough", "z", "How many standard deviations off the mean"),
    "inner_product": ("inner product", "scale", "How many times as long as the mean, backwards"),
    "model_replacement": ("model replacement (backdoor)", "boost", "How many times as long"),
    "free_rider": ("free rider", "disguise", "Noise, as a share of the last move of the model"),
}
_LISTENING = ("a_little_is_enough", "inner_product")
_SERVERS = {
    "mean": ("mean (FedAvg)", ()),
    "krum": ("Krum", ("tolerated",)),
    "multi_krum": ("multi-Krum", ("tolerated", "kept")),
    "trimmed_mean": ("trimmed mean", ("trim",)),
    "median": ("median of every weight", ()),
    "clipped_mean": ("mean of clipped updates", ("clip",)),
    "distance_filter": ("distance filter", ("threshold",)),
    "private_mean": ("clipped, with noise (DP)", ("clip", "noise_multiplier")),
}


def named_attack(recipe: Mapping[str, Any]) -> str:
    """Say the recipe of an attack in words."""
    if recipe["attack"] == "none":
        return "nobody lies"
    title, strength, _ = _ATTACKS[recipe["attack"]]
    listens = ", listening" if recipe.get("listens") else ""
    return f"{title}, {strength} {recipe[strength]:g}{listens}"


def named_server(recipe: Mapping[str, Any]) -> str:
    """Say the recipe of a server in words."""
    title, settings = _SERVERS[recipe["aggregator"]]
    words = ", ".join(f"{name.replace('_', ' ')} {recipe[name]:g}" for name in settings)
    return f"{title}: {words}" if words else title


class AttackDials:
    """Which attack, how strong, and whether the attackers listen in.

    Parameters
    ----------
    state : mapping
        ``attack``, ``strength``, ``listens``.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        options = [(title, name) for name, (title, *_) in _ATTACKS.items()]
        self.attack = choice(
            "Malicious clinics", options, str(state.get("attack", "sign_flip")), "What they send"
        )
        self.strength = slider(
            "Strength", float(state.get("strength", 1.0)), 0.0, 10.0, 0.1, "How hard they pull"
        )
        self.listens = tick(
            "They know what the others send", bool(state.get("listens", False)), "Listening in"
        )
        self.view = column(self.attack, self.strength, self.listens)
        self.attack.observe(lambda _: self._show(), "value")
        self._show()

    @property
    def dials(self) -> dict[str, Any]:
        """Every dial by the name that a state calls it by."""
        return {"attack": self.attack, "strength": self.strength, "listens": self.listens}

    def recipe(self) -> dict[str, Any]:
        """Return what the dials say."""
        name = str(self.attack.value)
        made: dict[str, Any] = {"attack": name, _ATTACKS[name][1]: round(float(self.strength.value), 2)}
        if name == "free_rider":
            made["disguise"] = min(5.0, made["disguise"])
        if name in _LISTENING:
            made["listens"] = bool(self.listens.value)
        return made

    def _show(self) -> None:
        name = str(self.attack.value)
        self.strength.description = _ATTACKS[name][1].capitalize()
        self.strength.tooltip = _ATTACKS[name][2]
        self.listens.layout.display = "" if name in _LISTENING else "none"


class ServerDials:
    """Which rule the server adds up with, and how it is set.

    Parameters
    ----------
    state : mapping
        ``aggregator``, ``tolerated``, ``kept``, ``trim``, ``clip``, ``threshold``, ``noise``.
    """

    def __init__(self, state: Mapping[str, Any]) -> None:
        options = [(title, name) for name, (title, _) in _SERVERS.items()]
        self.aggregator = choice(
            "The server takes", options, str(state.get("aggregator", "mean")), "How updates are added up"
        )
        self._sliders = {
            "tolerated": slider(
                "Liars expected", int(state.get("tolerated", 1)), 0, 7, 1, "How many clinics may lie"
            ),
            "kept": slider(
                "Updates kept", int(state.get("kept", 9)), 1, 10, 1, "The best so many go into the mean"
            ),
            "trim": slider(
                "Trimmed at each end", int(state.get("trim", 1)), 0, 4, 1, "Values left out for every weight"
            ),
            "clip": slider(
                "Clip", float(state.get("clip", 1.0)), 0.1, 5.0, 0.1, "Longest update that counts"
            ),
            "threshold": slider(
                "Threshold", float(state.get("threshold", 2.0)), 1.0, 12.0, 0.5, "Times the usual distance"
            ),
            "noise_multiplier": slider(
                "Noise multiplier", float(state.get("noise", 0.1)), 0.0, 2.0, 0.05, "In units of the clip"
            ),
        }
        self.view = column(self.aggregator, *self._sliders.values())
        self.aggregator.observe(lambda _: self._show(), "value")
        self._show()

    @property
    def dials(self) -> dict[str, Any]:
        """Every dial by the name that a state calls it by."""
        named = {("noise" if name == "noise_multiplier" else name): d for name, d in self._sliders.items()}
        return {"aggregator": self.aggregator, **named}

    def recipe(self) -> dict[str, Any]:
        """Return what the dials say."""
        name = str(self.aggregator.value)
        return {
            "aggregator": name,
            **{each: _number(self._sliders[each].value) for each in _SERVERS[name][1]},
        }

    def _show(self) -> None:
        mine = _SERVERS[str(self.aggregator.value)][1]
        for name, dial in self._sliders.items():
            dial.layout.display = "" if name in mine else "none"


def _number(value: Any) -> Any:
    return value if isinstance(value, int) else round(float(value), 2)
