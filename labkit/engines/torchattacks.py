"""torchattacks: a table of its attacks in our words, and our victim as the module it expects.

What the shim keeps away from the victim and from the caller: torchattacks puts the model
into another mode, some of its attacks seed the global generator, targeted mode prints, and
several fail on an empty batch or where every input is misread already.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torchattacks
from torch import Tensor, nn

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.protocols import (
    Classifier,
    DifferentiableClassifier,
    check_batch,
    predict,
    require_differentiable,
)
from labkit.core.results import AdversarialExamples
from labkit.core.seeds import derive
from labkit.core.threat import Norm

__all__ = ["ATTACKS", "attack"]


@dataclass(frozen=True, slots=True)
class _Offer:
    """One attack: its class, our words for its parameters, and those that are fixed."""

    make: Any
    words: Mapping[str, str]
    norm: Norm
    fixed: Mapping[str, Any] | None = None
    targeted: bool = True


_STEPS = {"epsilon": "eps", "step_size": "alpha", "steps": "steps"}

ATTACKS: dict[str, _Offer] = {
    "fgsm": _Offer(torchattacks.FGSM, {"epsilon": "eps"}, Norm.LINF),
    "bim": _Offer(torchattacks.BIM, _STEPS, Norm.LINF),
    "pgd": _Offer(torchattacks.PGD, {**_STEPS, "random_start": "random_start"}, Norm.LINF),
    "pgd_l2": _Offer(torchattacks.PGDL2, {**_STEPS, "random_start": "random_start"}, Norm.L2),
    "mifgsm": _Offer(torchattacks.MIFGSM, {**_STEPS, "decay": "decay"}, Norm.LINF),
    "apgd": _Offer(
        torchattacks.APGD,
        {"epsilon": "eps", "steps": "steps", "restarts": "n_restarts", "seed": "seed"},
        Norm.LINF,
        {"norm": "Linf"},
        targeted=False,
    ),
    "square": _Offer(
        torchattacks.Square,
        {"epsilon": "eps", "query_budget": "n_queries", "restarts": "n_restarts", "seed": "seed"},
        Norm.LINF,
        {"norm": "Linf"},
        targeted=False,
    ),
}
"""What the engine offers, by our names."""


def attack(name: str, **hyperparameters: Any) -> Any:
    """Bind hyperparameters, in our words, to an attack of torchattacks.

    Parameters
    ----------
    name : str
        A key of :data:`ATTACKS`.
    **hyperparameters
        In our words: ``epsilon``, ``step_size``, ``steps``, ...; ``seed`` is taken by
        every attack.

    Returns
    -------
    function
        ``(model, x, y, *, y_target=None) -> AdversarialExamples``.

    Raises
    ------
    UnknownNameError
        When the engine has no such attack.
    InvalidInputError
        When the attack does not take one of the hyperparameters.

    References
    ----------
    Kim, "Torchattacks: A PyTorch Repository for Adversarial Attacks", 2020.
    https://arxiv.org/abs/2010.01950
    """
    if name not in ATTACKS:
        raise UnknownNameError("attack of torchattacks", name, ATTACKS)
    offer = ATTACKS[name]
    if unknown := hyperparameters.keys() - {*offer.words, "seed"}:
        raise InvalidInputError(
            f"torchattacks/{name} does not take {', '.join(sorted(unknown))}; "
            f"it takes {', '.join([*offer.words, 'seed'])}"
        )
    return partial(_run, name, offer, hyperparameters)


class _Module(nn.Module):
    """Our victim as the module that torchattacks expects."""

    def __init__(self, model: DifferentiableClassifier) -> None:
        super().__init__()
        self._victim = model
        # It reads the device off the first parameter; ours stay out of its reach.
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        low, high = self._victim.bounds
        return self._victim.forward(low + x * (high - low))


def _run(
    name: str,
    offer: _Offer,
    hyperparameters: Mapping[str, Any],
    model: Classifier,
    x: Tensor,
    y: Tensor,
    *,
    y_target: Tensor | None = None,
) -> AdversarialExamples:
    check_batch(model, x, y)
    victim = require_differentiable(model, f"torchattacks/{name}")
    if y_target is not None and not offer.targeted:
        raise InvalidInputError(f"torchattacks/{name} cannot be aimed at a class; leave y_target out")
    low, high = model.bounds
    seed = int(hyperparameters.get("seed", 0))
    left = torch.nonzero(predict(model, x) == y).flatten() if y_target is None else torch.arange(len(x))
    x_adv = x.clone()
    if len(left):
        # It works on [0, 1] and draws from the global generator, which is put back.
        unit = (x[left] - low) / (high - low)
        with torch.random.fork_rng(devices=[]), contextlib.redirect_stdout(io.StringIO()):
            torch.manual_seed(derive(seed, "torchattacks", name) % 2**31)
            theirs = _configured(
                offer, hyperparameters, _Module(victim), high - low, targeted=y_target is not None
            )
            made = theirs(unit, y[left] if y_target is None else y_target[left])
        x_adv[left] = (low + made.detach() * (high - low)).to(x.dtype)
    return AdversarialExamples(
        x=x,
        x_adv=x_adv,
        y=y,
        attack=f"torchattacks/{name}",
        params={**hyperparameters, "norm": offer.norm.value, "seed": seed},
        y_target=y_target,
    )


def _configured(
    offer: _Offer, hyperparameters: Mapping[str, Any], module: nn.Module, span: float, *, targeted: bool
) -> Any:
    """Return torchattacks' own object, with lengths in its units."""
    given = {offer.words[word]: value for word, value in hyperparameters.items() if word in offer.words}
    for length in ("eps", "alpha"):
        if length in given:
            given[length] = given[length] / span
    theirs = offer.make(module.eval(), **(offer.fixed or {}), **given)
    if targeted:
        theirs.set_mode_targeted_by_label(quiet=True)
    return theirs
