"""Run a federation under recipes, and keep what every round showed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive
from labkit.course.cases.federated.case import FederatedCase, Federation
from labkit.course.cases.federated.recipes import aggregator_of, attack_of, check_attack, check_server
from labkit.defenses.aggregation import how_far
from labkit.metrics import Rate, clean_accuracy, fair_share, trigger_success_rate
from labkit.models import TorchClassifier
from labkit.models.federated import Round, federated_rounds, model_with
from labkit.models.federated.rounds import Aggregator

__all__ = ["Run", "run"]

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, eq=False)
class Run:
    """What became of a federation.

    Attributes
    ----------
    federation : Federation
    attack, server : dict
        The recipes, whole.
    accuracy : tuple of float
        Clean accuracy after every round that was measured; the last one is that of the model.
    backdoor : tuple of float
        Share of forms with the sign that are read as the target, after the same rounds.
    heard : Tensor of shape ``(rounds, clients)``
        How much of each round's update came from whom.
    far : Tensor of shape ``(rounds, clients)``
        How far from the median each client's update lay; 1 is usual.
    last : Round
    model : TorchClassifier
        At the end.
    """

    federation: Federation
    attack: dict[str, Any]
    server: dict[str, Any]
    accuracy: tuple[float, ...]
    backdoor: tuple[float, ...]
    heard: Tensor
    far: Tensor
    last: Round
    model: TorchClassifier

    @property
    def kept(self) -> float:
        """Clean accuracy at the end; under a backdoor, the share it leaves alone if that is less."""
        if self.attack["attack"] != "model_replacement":
            return self.accuracy[-1]
        return min(self.accuracy[-1], 1 - self.backdoor[-1])

    @property
    def share_of_malicious(self) -> float:
        """How much of the updates came from malicious clients, next to what their number would give."""
        marked = self.federation.malicious
        if not bool(marked.any()):
            return 0.0
        shares = [fair_share(self.heard, int(who)) for who in marked.nonzero().flatten()]
        return sum(shares) / len(shares)

    def share_of(self, client: int) -> float:
        """Return how much one client was heard; 1 is an equal share."""
        return fair_share(self.heard, client)


def run(
    case: FederatedCase,
    federation: Federation,
    attack: Mapping[str, Any],
    server: Mapping[str, Any],
    *,
    rounds: int | None = None,
    watch: bool = False,
    alarm: bool = True,
    wrap: Callable[[Aggregator], Aggregator] | None = None,
    progress: Progress | None = None,
) -> Run:
    """Train a federation in which malicious clients follow one recipe and the server another.

    Parameters
    ----------
    case : FederatedCase
    federation : Federation
    attack, server : mapping
        See :mod:`labkit.course.cases.federated.recipes`.
    rounds : int, optional
        That of the scenario without it.
    watch : bool
        Whether the model is measured after every round, and not only at the end.
    alarm : bool
        Whether a plain mean leaves out updates that are absurdly long.
    wrap : function, optional
        Changes the server's rule, such as by masks on what it sees.
    progress : function, optional
        ``progress(done, total, message)``.
    """
    attack, server = check_attack(attack), check_server(server)
    if server["aggregator"] in ("krum", "multi_krum") and server["tolerated"] > len(federation) - 3:
        raise InvalidInputError(
            f"expected tolerated from 0 to {len(federation) - 3} for {len(federation)} clinics, "
            f"got {server['tolerated']}"
        )
    total = int(case.setting("rounds")) if rounds is None else rounds
    longest = float(case.setting("longest")) if alarm else None
    rule = aggregator_of(server, seed=derive(federation.seed, "server"), longest=longest)
    poisons = attack["attack"] == "model_replacement"
    accuracy: list[float] = []
    backdoor: list[float] = []
    heard, far = [], []
    for each in federated_rounds(
        federation.module,
        case.poisoned(federation) if poisons else federation.clients,
        rounds=total,
        aggregate=rule if wrap is None else wrap(rule),
        attack=attack_of(attack),
        malicious=federation.malicious,
        epochs=int(case.setting("epochs")),
        lr=float(case.setting("lr")),
        batch_size=int(case.setting("batch_size")),
        seed=federation.seed,
    ):
        heard.append(each.aggregation.weights)
        if watch or each.number == total - 1:
            far.append(how_far(each.sent))
            model = model_with(federation.module, each.weights, federation.clients)
            accuracy.append(clean_accuracy(model, case.x_test, case.y_test).value)
            backdoor.append(success_of_trigger(case, model).value)
        if progress is not None:
            progress(each.number + 1, total, f"round {each.number + 1}")
    return Run(
        federation,
        attack,
        server,
        tuple(accuracy),
        tuple(backdoor),
        torch.stack(heard),
        torch.stack(far),
        each,
        model,
    )


def success_of_trigger(case: FederatedCase, model: TorchClassifier) -> Rate:
    """Return how many forms of other classes are read as the target once they bear the sign."""
    return trigger_success_rate(model, case.x_test, case.y_test, trigger=case.trigger, y_target=case.y_target)
