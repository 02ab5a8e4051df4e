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

from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.machine import threads
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
    """One attack: its class, our words for its parameters, and what else there is to know."""

    make: Any
    words: Mapping[str, str]
    norm: Norm
    fixed: Mapping[str, Any] | None = None
    targeted: bool = True
    nearest: bool = False
    """It looks for the smallest change; what it finds is then brought back to ``epsilon``."""


_STEPS = {"epsilon": "eps", "step_size": "alpha", "steps": "steps"}
_START = {**_STEPS, "random_start": "random_start"}
_RESTARTS = {"epsilon": "eps", "restarts": "n_restarts", "seed": "seed"}
_SEARCH = {"epsilon": "", "steps": "steps", "restarts": "n_restarts", "seed": "seed"}
_LINF, _L2 = {"norm": "Linf"}, {"norm": "L2"}
_NO_LIMIT = 1e6

ATTACKS: dict[str, _Offer] = {
    "fgsm": _Offer(torchattacks.FGSM, {"epsilon": "eps"}, Norm.LINF),
    "bim": _Offer(torchattacks.BIM, _STEPS, Norm.LINF),
    "pgd": _Offer(torchattacks.PGD, _START, Norm.LINF),
    "pgd_l2": _Offer(torchattacks.PGDL2, _START, Norm.L2),
    "mifgsm": _Offer(torchattacks.MIFGSM, {**_STEPS, "decay": "decay"}, Norm.LINF),
    "apgd": _Offer(torchattacks.APGD, {**_RESTARTS, "steps": "steps"}, Norm.LINF, _LINF, targeted=False),
    "apgd_l2": _Offer(torchattacks.APGD, {**_RESTARTS, "steps": "steps"}, Norm.L2, _L2, targeted=False),
    "square": _Offer(
        torchattacks.Square, {**_RESTARTS, "query_budget": "n_queries"}, Norm.LINF, _LINF, targeted=False
    ),
    "square_l2": _Offer(
        torchattacks.Square, {**_RESTARTS, "query_budget": "n_queries"}, Norm.L2, _L2, targeted=False
    ),
    "cw": _Offer(
        torchattacks.CW,
        {"epsilon": "", "steps": "steps", "lr": "lr", "constant": "c", "confidence": "kappa"},
        Norm.L2,
        nearest=True,
    ),
    "deepfool": _Offer(
        torchattacks.DeepFool,
        {"epsilon": "", "steps": "steps", "overshoot": "overshoot"},
        Norm.L2,
        targeted=False,
        nearest=True,
    ),
    # It rejects what it finds beyond eps; here, too, that is brought back instead.
    "fab": _Offer(
        torchattacks.FAB, _SEARCH, Norm.LINF, {**_LINF, "eps": _NO_LIMIT}, targeted=False, nearest=True
    ),
    "fab_l2": _Offer(
        torchattacks.FAB, _SEARCH, Norm.L2, {**_L2, "eps": _NO_LIMIT}, targeted=False, nearest=True
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
        When the attack does not take one of the hyperparameters, or it has no sensible value.

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
    for word in hyperparameters.keys() & {"epsilon", "step_size"}:
        hyperparameters[word] = length(word, hyperparameters[word])
    for word in hyperparameters.keys() & {"steps", "restarts", "query_budget"}:
        hyperparameters[word] = whole(word, hyperparameters[word])
    if "seed" in hyperparameters:
        hyperparameters["seed"] = whole("seed", hyperparameters["seed"], at_least=0)
    return partial(_run, name, offer, hyperparameters)


class _Gradient(torch.autograd.Function):
    """The victim's logits, differentiable in the input alone.

    Some attacks call ``backward``, which would leave gradients on the victim's parameters.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, victim: DifferentiableClassifier) -> Tensor:
        with torch.enable_grad():
            ctx.leaf = x.detach().clone().requires_grad_(True)
            ctx.logits = victim.forward(ctx.leaf)
        return ctx.logits.detach().clone()

    @staticmethod
    def backward(ctx: Any, *towards: Any) -> tuple[Tensor, None]:
        (gradient,) = torch.autograd.grad(ctx.logits, ctx.leaf, towards[0], retain_graph=True)
        return gradient, None


class _Module(nn.Module):
    """Our victim as the module that torchattacks expects."""

    def __init__(self, model: DifferentiableClassifier) -> None:
        super().__init__()
        self._victim = model
        # It reads the device off the first parameter; ours stay out of its reach.
        self.anchor = nn.Parameter(torch.zeros(()), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        low, high = self._victim.bounds
        inputs = low + x * (high - low)
        if not x.requires_grad:
            return self._victim.logits(inputs)
        return _Gradient.apply(inputs, self._victim)  # type: ignore[no-untyped-call]


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
    if len(x) == 0:
        raise InvalidInputError("expected one input or more, got an empty batch")
    victim = require_differentiable(model, f"torchattacks/{name}")
    if y_target is not None:
        if not offer.targeted:
            raise InvalidInputError(f"torchattacks/{name} cannot be aimed at a class; leave y_target out")
        check_batch(model, x, y_target)
    seed = hyperparameters.get("seed", 0)
    # Whoever is misread already, or read as the target, is none of its business.
    left = torch.nonzero(predict(model, x) == y if y_target is None else predict(model, x) != y_target)
    left = left.flatten()
    x_adv = x.detach().clone()
    if len(left):
        goal = y[left] if y_target is None else y_target[left]
        x_adv[left] = _made(offer, hyperparameters, victim, x_adv[left], goal, derive(seed, name), y_target)
    return AdversarialExamples(
        x=x,
        x_adv=x_adv,
        y=y,
        attack=f"torchattacks/{name}",
        params={**hyperparameters, "norm": offer.norm.value, "seed": seed},
        y_target=y_target,
    )


def _made(
    offer: _Offer,
    hyperparameters: Mapping[str, Any],
    victim: DifferentiableClassifier,
    x: Tensor,
    goal: Tensor,
    seed: int,
    y_target: Tensor | None,
) -> Tensor:
    """Run torchattacks' own object, which works on [0, 1] and draws from the global generator."""
    low, high = victim.bounds
    with (
        threads(),
        torch.inference_mode(False),
        torch.enable_grad(),
        torch.random.fork_rng(devices=[]),
        contextlib.redirect_stdout(io.StringIO()),
    ):
        torch.manual_seed(seed)
        theirs = _configured(
            offer, hyperparameters, _Module(victim), high - low, targeted=y_target is not None
        )
        made = theirs((x.clone() - low) / (high - low), goal.clone()).detach()
    made = (low + made * (high - low)).to(x.dtype)
    if offer.nearest and "epsilon" in hyperparameters:
        made = (x + offer.norm.project(made - x, hyperparameters["epsilon"])).clamp(low, high)
    return made


def _configured(
    offer: _Offer, hyperparameters: Mapping[str, Any], module: nn.Module, span: float, *, targeted: bool
) -> Any:
    """Return torchattacks' own object, with lengths in its units."""
    given = {offer.words[word]: value for word, value in hyperparameters.items() if offer.words.get(word)}
    for length_of in ("eps", "alpha"):
        if length_of in given:
            given[length_of] = given[length_of] / span
    if "seed" in given:
        given["seed"] %= 2**63
    theirs = offer.make(module.eval(), **(offer.fixed or {}), **given)
    if targeted:
        theirs.set_mode_targeted_by_label(quiet=True)
    return theirs
