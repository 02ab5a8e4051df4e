"""One participant's variant of the federated lab: ten clinics, some of which lie.

The seed decides which samples which clinic holds, who lies, and where training starts.  Whoever
judges draws all of that anew: a recipe has to hold for clinics that nobody has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from labkit import data, models
from labkit.attacks.poisoning import badnets, patch
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.poisoning import Trigger
from labkit.core.seeds import derive, make_generator
from labkit.course.lab import Scenario
from labkit.models.federated import Clients, share_by_dirichlet, share_evenly

__all__ = ["KINDS", "FederatedCase", "Federation", "federated_case"]

Progress = Callable[[int, int, str], None]
Samples = tuple[Tensor, Tensor]

_SETTINGS: dict[str, Any] = {
    "clients": 10,
    "rounds": 12,
    "minority_rounds": 24,
    "epochs": 2,
    "lr": 0.3,
    "batch_size": 32,
    "concentration": 0.5,
    "longest": 6.0,  # a server leaves out updates longer than so many times the median length
    "poison_rate": 0.5,
    "trigger_size": 3,
    "test_size": 357,
}
"""What a scenario may set, and what holds otherwise."""

_LEAST = 24
"""Samples that every clinic holds at least, however skewed the shares."""

KINDS: Mapping[str, str] = {
    "alike": "all clinics alike",
    "skewed": "every clinic sees other digits",
    "minority": "one clinic scans dark on bright",
}
"""How the data of the clinics differ."""


@dataclass(frozen=True, eq=False)
class Federation:
    """Clinics that train one model together.

    Attributes
    ----------
    kind : str
        A key of :data:`KINDS`.
    seed : int
        Where training starts, and in which order samples come.
    clients : Clients
        What each clinic holds, before anybody poisons it.
    malicious : Tensor of shape ``(clients,)`` bool
    minority : int or None
        The honest clinic whose pictures differ, where there is one.
    module : nn.Module
        The untrained network.
    """

    kind: str
    seed: int
    clients: Clients
    malicious: Tensor
    minority: int | None
    module: nn.Module

    def __len__(self) -> int:
        return len(self.clients)

    @property
    def names(self) -> tuple[str, ...]:
        """What each clinic is called."""
        return tuple(f"H{number + 1}" for number in range(len(self)))


@dataclass(frozen=True, eq=False)
class FederatedCase:
    """What one participant attacks and defends.

    Attributes
    ----------
    scenario : Scenario
    seed : int
        Which variant this is.
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        All samples that clinics hold between them.
    x_test, y_test : Tensor of shape ``(m, ...)`` and ``(m,)`` int64
        What the model is measured on; no clinic holds one of them.
    trigger : Trigger
        The sign that malicious clinics teach in a model replacement.
    y_target : int
        What a form with that sign is to be read as.
    class_names : tuple of str
    """

    scenario: Scenario
    seed: int
    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor
    trigger: Trigger
    y_target: int
    class_names: tuple[str, ...]

    def setting(self, name: str) -> Any:
        """Return a setting of the scenario, such as ``rounds``."""
        return self.scenario.settings.get(name, _SETTINGS[name])

    def federation(
        self,
        kind: str = "alike",
        *,
        malicious: int = 0,
        clients: int | None = None,
        seed: int | None = None,
    ) -> Federation:
        """Draw the clinics of a federation.

        Parameters
        ----------
        kind : str
            A key of :data:`KINDS`.
        malicious : int
            How many of them lie; never the minority.
        clients : int, optional
            How many there are; that of the scenario without it.
        seed : int, optional
            Who holds what and who lies; that of the case without it.
        """
        if kind not in KINDS:
            raise UnknownNameError("kind of federation", kind, KINDS)
        n = int(self.setting("clients")) if clients is None else clients
        own = derive(self.seed if seed is None else seed, "federation", kind)
        honest = n - 1 if kind == "minority" else n
        if not 0 <= malicious < honest:
            raise InvalidInputError(f"expected malicious from 0 to {honest - 1}, got {malicious}")
        order = torch.randperm(honest, generator=make_generator(derive(own, "malicious")))
        marked = torch.zeros(n, dtype=torch.bool)
        marked[order[:malicious]] = True
        parts = self._parts(kind, n, own)
        start = models.build(
            self.scenario.victim, tuple(self.x.shape[1:]), len(self.class_names), seed=derive(own, "start")
        )
        return Federation(kind, own, Clients.of(parts), marked, n - 1 if kind == "minority" else None, start)

    def _parts(self, kind: str, clients: int, seed: int) -> list[Samples]:
        if kind == "skewed":
            concentration = float(self.setting("concentration"))
            shares = share_by_dirichlet(
                self.y, clients=clients, concentration=concentration, least=_LEAST, seed=seed
            )
        else:
            shares = share_evenly(self.y, clients=clients, seed=seed)
        parts = [(self.x[share], self.y[share]) for share in shares]
        if kind == "minority":
            parts[-1] = (self.as_minority(parts[-1][0]), parts[-1][1])
        return parts

    def as_minority(self, x: Tensor) -> Tensor:
        """Return pictures as the scanner of the minority clinic makes them: dark on bright."""
        return 1 - x

    def own_tests(self, federation: Federation, samples: int = 200) -> list[Samples]:
        """Return test data as each clinic would see them: its mix of classes, its scanner.

        Drawn with repetition from ``x_test``, so that a rare class is not missing.
        """
        tests = []
        held = torch.bincount(self.y_test, minlength=len(self.class_names)).clamp_min(1)
        for number in range(len(federation)):
            _, y = federation.clients.data(number)
            mix = torch.bincount(y, minlength=len(self.class_names)) / held
            drawn = torch.multinomial(
                mix[self.y_test],
                samples,
                replacement=True,
                generator=make_generator(derive(federation.seed, "tests", number)),
            )
            x = self.x_test[drawn]
            tests.append((self.as_minority(x) if number == federation.minority else x, self.y_test[drawn]))
        return tests

    def poisoned(self, federation: Federation) -> Clients:
        """Return what the clinics hold once the malicious ones have put the sign into their data."""
        parts = [federation.clients.data(number) for number in range(len(federation))]
        for number in federation.malicious.nonzero().flatten().tolist():
            x, y = parts[number]
            most = float((y != self.y_target).float().mean())
            made = badnets(
                x,
                y,
                trigger=self.trigger,
                y_target=self.y_target,
                poison_rate=min(float(self.setting("poison_rate")), most),
                seed=derive(federation.seed, "poison", number),
            )
            parts[number] = (made.x_poisoned, made.y_poisoned)
        return Clients.of(parts)


def federated_case(scenario: Scenario, seed: int, progress: Progress | None = None) -> FederatedCase:
    """Return the variant ``seed`` of ``scenario``; nothing is trained yet.

    Parameters
    ----------
    scenario : Scenario
        Names a data set of pictures and a network without batch normalisation.
    seed : int
        The same seed gives the same case on every machine.
    progress : function, optional
        Not called: this takes a moment.

    Raises
    ------
    InvalidInputError
        When the scenario names no data set.
    UnknownNameError
        When it names a data set or a network that does not exist.
    """
    if not scenario.dataset:
        raise InvalidInputError(f"the scenario {scenario.id!r} names no data set to train on together")
    dataset = data.load(scenario.dataset)
    x = torch.cat([dataset.train.x, dataset.test.x])
    y = torch.cat([dataset.train.y, dataset.test.y])
    kept = int(scenario.settings.get("test_size", _SETTINGS["test_size"]))
    order = torch.randperm(len(x), generator=make_generator(derive(seed, "hospitals")))
    test, learned = order[:kept], order[kept:]
    side = int(scenario.settings.get("trigger_size", _SETTINGS["trigger_size"]))
    channels, height, width = (int(each) for each in x.shape[1:])
    return FederatedCase(
        scenario=scenario,
        seed=seed,
        x=x[learned],
        y=y[learned],
        x_test=x[test],
        y_test=y[test],
        trigger=patch((channels, height, width), size=side),
        y_target=0,
        class_names=dataset.card.classes,
    )
