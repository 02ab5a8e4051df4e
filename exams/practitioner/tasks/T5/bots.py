"""Three candidates of the task on honest evaluation; their recorded runs set the ends of the scale."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from labkit.attacks import evasion
from labkit.core.protocols import Classifier, DifferentiableClassifier, predict
from labkit.defenses import Binarising, BitDepthSqueezing, NoisyInput
from labkit.exams.issued import Issued, load_model
from labkit.exams.task import Variant
from labkit.models import TorchClassifier

HandIn = dict[str, Any]

_OUT_OF_A_HUNDRED = 0.049
"""Five of a hundred are "more" in the sanity checks of the brief; a little below, for what a float loses."""


def reference(issued: Issued, variant: Variant) -> HandIn:
    """Put a gradient back, attack with it and without it, make every check, claim what was measured."""
    secured, x, y = _secured(issued), issued.tensors["x"], issued.tensors["y"]
    budget = {"epsilon": issued.facts["epsilon"]}
    tries = [attack(secured, x, y, **budget) for attack in _ATTACKS[issued.facts["filter"]["kind"]]]
    x_adv = _best(secured, x, y, tries)
    return {
        "x_adv": x_adv,
        "claimed_accuracy": round(_accuracy(secured, x_adv, y), 3),
        "clean_accuracy": round(_accuracy(secured, x, y), 3),
        "checks": _checks(secured, x, y, **budget),
        "why_evidence": 2,
        "why_statement": 3,
    }


def nothing(issued: Issued, variant: Variant) -> HandIn:
    """Hand back what was issued, and believe the vendor."""
    return {
        "x_adv": issued.tensors["x"],
        "claimed_accuracy": float(issued.facts["vendor_claim"]),
        "clean_accuracy": 1.0,
        "checks": [],
        "why_evidence": 1,
        "why_statement": 1,
    }


def lazy(issued: Issued, variant: Variant) -> HandIn:
    """Run PGD once on the model as it stands, suspect the usual, and repeat the vendor's figure."""
    secured, x, y = _secured(issued), issued.tensors["x"], issued.tensors["y"]
    x_adv = x
    if isinstance(secured, DifferentiableClassifier):
        x_adv = evasion.pgd(secured, x, y, epsilon=issued.facts["epsilon"], steps=10).x_adv
    return {
        "x_adv": x_adv,
        "claimed_accuracy": float(issued.facts["vendor_claim"]),
        "clean_accuracy": round(_accuracy(secured, x, y), 3),
        "checks": ["scores alone break more"],
        "why_evidence": 3,
        "why_statement": 1,
    }


# ---------------------------------------------------------------- what was issued

_FILTERS: Mapping[str, Callable[[DifferentiableClassifier, Mapping[str, Any]], Classifier]] = {
    "none": lambda model, _: model,
    "bit_depth": lambda model, told: BitDepthSqueezing(model, bits=told["bits"]),
    "binarise": lambda model, told: Binarising(model, threshold=told["threshold"]),
    "noise": lambda model, told: NoisyInput(model, noise_std=told["noise_std"], seed=0),
}


def _secured(issued: Issued) -> Classifier:
    told = issued.facts["filter"]
    return _FILTERS[told["kind"]](load_model(issued, "victim"), told)


# ---------------------------------------------------------------- attacks


def _through_the_filter(
    secured: Any, x: Tensor, y: Tensor, *, epsilon: float, loss: str = "margin", seed: int = 0
) -> Tensor:
    return evasion.pgd(
        evasion.bpda(secured),
        x,
        y,
        epsilon=epsilon,
        steps=80,
        restarts=2,
        step_decay=True,
        loss=loss,
        seed=seed,
    ).x_adv


def _smoothly(secured: Any, x: Tensor, y: Tensor, *, epsilon: float) -> Tensor:
    threshold = getattr(secured, "threshold", 0.5)
    smooth = evasion.bpda(secured, lambda z: torch.sigmoid(8 * (z - threshold)))
    return evasion.pgd(smooth, x, y, epsilon=epsilon, steps=80, step_decay=True, loss="margin").x_adv


def _by_scores(secured: Classifier, x: Tensor, y: Tensor, *, epsilon: float, queries: int = 1500) -> Tensor:
    return evasion.square(secured, x, y, epsilon=epsilon, query_budget=queries).x_adv


def _by_ratio(secured: Classifier, x: Tensor, y: Tensor, *, epsilon: float) -> Tensor:
    return evasion.apgd(secured, x, y, epsilon=epsilon, steps=80, restarts=2, loss="dlr").x_adv


def _by_margin(secured: Classifier, x: Tensor, y: Tensor, *, epsilon: float) -> Tensor:
    return evasion.pgd(
        secured, x, y, epsilon=epsilon, steps=80, restarts=2, step_decay=True, loss="margin"
    ).x_adv


def _on_average(
    secured: Any, x: Tensor, y: Tensor, *, epsilon: float, draws: int = 16, loss: str = "margin"
) -> Tensor:
    mean = evasion.eot(secured, draws)
    return evasion.pgd(
        mean, x, y, epsilon=epsilon, steps=40, step_decay=True, loss=loss, early_stop=False
    ).x_adv


_Attack = Callable[..., Tensor]

_ATTACKS: Mapping[str, tuple[_Attack, ...]] = {
    "none": (_by_margin, _by_ratio, _by_scores),
    "bit_depth": (_through_the_filter, _smoothly, _by_scores),
    "binarise": (_through_the_filter, _smoothly, _by_scores),
    "noise": (_on_average, lambda *given, **budget: _on_average(*given, loss="cross_entropy", **budget)),
}


def _best(secured: Classifier, x: Tensor, y: Tensor, tries: list[Tensor]) -> Tensor:
    """Return for each input the try that is read correctly least often."""
    rates = torch.stack([_right(secured, each, y) for each in tries])
    chosen = rates.argmin(0)
    return torch.stack(tries)[chosen, torch.arange(len(x))]


def _right(secured: Classifier, x: Tensor, y: Tensor) -> Tensor:
    """Return how often each input is read correctly: once, or over many answers of a noisy model."""
    draws = 64 if isinstance(secured, NoisyInput) else 1
    return torch.stack([(predict(secured, x) == y).double() for _ in range(draws)]).mean(0)


def _accuracy(secured: Classifier, x: Tensor, y: Tensor) -> float:
    return float(_right(secured, x, y).mean())


# ---------------------------------------------------------------- checks


def _checks(secured: Classifier, x: Tensor, y: Tensor, *, epsilon: float) -> list[str]:
    """Return which sanity checks of the brief expose the secured model."""
    return [name for name, value in measured_checks(secured, x, y, epsilon=epsilon).items() if value] or [
        "none of these"
    ]


def measured_checks(secured: Classifier, x: Tensor, y: Tensor, *, epsilon: float) -> dict[str, bool]:
    """Make every check as the brief defines it."""
    return {name: value > limit for name, (value, limit) in check_figures(secured, x, y, epsilon).items()}


def check_figures(
    secured: Classifier, x: Tensor, y: Tensor, epsilon: float
) -> dict[str, tuple[float, float]]:
    """Return for each check what was measured, and the limit above which it exposes the model."""
    by_gradient = _accuracy(secured, _plainly(secured, x, y, epsilon), y)
    by_scores = _accuracy(secured, _by_scores(secured, x, y, epsilon=epsilon, queries=500), y)
    asked_twice = torch.stack([predict(secured, x) for _ in range(5)])
    helped = {name: by_gradient for name in _HELP}
    for name, (fits, attack) in _HELP.items():
        if fits(secured):
            helped[name] = _accuracy(secured, attack(secured, x, y, epsilon=epsilon), y)
    return {
        "the loss has no gradient": (_flat(secured, x, y), 0.5),
        "scores alone break more": (by_gradient - by_scores, _OUT_OF_A_HUNDRED),
        "a large budget leaves some standing": (_accuracy(secured, _plainly(secured, x, y, 1.0), y), 0.1),
        "the same question gets two answers": (
            float((asked_twice != asked_twice[0]).any(0).double().mean()),
            0.0,
        ),
        **{name: (by_gradient - found, _OUT_OF_A_HUNDRED) for name, found in helped.items()},
    }


def _cooled(secured: Any, x: Tensor, y: Tensor, *, epsilon: float) -> Tensor:
    """Return what PGD finds when the logits are brought down to ordinary size, which reads nothing anew.

    Noise in front of the network stays where it is.
    """
    largest = float(secured.logits(x).abs().max())
    network = secured.model if isinstance(secured, NoisyInput) else secured
    module = copy.deepcopy(network.module)
    with torch.no_grad():
        for part in (module[-1].weight, module[-1].bias):
            part.mul_(10.0 / largest)
    cool: DifferentiableClassifier = TorchClassifier(module, network.input_shape, network.classes)
    if isinstance(secured, NoisyInput):
        cool = NoisyInput(cool, noise_std=secured.noise_std, seed=0)
    return evasion.pgd(cool, x, y, epsilon=epsilon).x_adv


_HELP: Mapping[str, tuple[Callable[[Classifier], bool], _Attack]] = {
    "a stand-in for the gradient of the filter breaks more": (
        lambda secured: hasattr(secured, "transform"),
        _through_the_filter,
    ),
    "a temperature on the logits breaks more": (
        lambda secured: isinstance(secured, DifferentiableClassifier),
        _cooled,
    ),
    "averaging answers breaks more": (lambda secured: isinstance(secured, NoisyInput), _on_average),
}
"""Checks that help the gradient: what they apply to, and the attack."""


def _plainly(secured: Classifier, x: Tensor, y: Tensor, epsilon: float) -> Tensor:
    """Return what PGD finds along the model's own gradient; without one it goes nowhere."""
    if not isinstance(secured, DifferentiableClassifier):
        return x
    return evasion.pgd(secured, x, y, epsilon=epsilon).x_adv


def _flat(secured: Classifier, x: Tensor, y: Tensor) -> float:
    """Return the share of the inputs at which the loss has no gradient at all."""
    if not isinstance(secured, DifferentiableClassifier):
        return 1.0
    leaf = x.clone().requires_grad_(True)
    loss = functional.cross_entropy(secured.forward(leaf), y, reduction="sum")
    (gradient,) = torch.autograd.grad(loss, leaf)
    return float((gradient.flatten(1).abs().amax(1) == 0).double().mean())
