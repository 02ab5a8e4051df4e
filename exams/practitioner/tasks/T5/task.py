"""What the task on honest evaluation issues, and how its hand-ins are measured again.

A victim is trained from the variant alone, and put behind what its vendor calls a protection:
a filter that rounds, noise, logits so large that their gradient vanishes, or a training that
really helps.  The judge asks the same secured model, with noise of its own where there is noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor, nn

from labkit import data
from labkit.attacks import evasion
from labkit.core.protocols import Classifier, DifferentiableClassifier
from labkit.core.seeds import derive, make_generator
from labkit.core.threat import Norm, ThreatModel
from labkit.course.cases.robustness.shelf import Kept, Progress, kept
from labkit.defenses import Binarising, BitDepthSqueezing, NoisyInput
from labkit.defenses.robust_training import fast_adversarial_training
from labkit.exams.issued import Issued, model_tensors
from labkit.exams.task import Measured, Variant
from labkit.models import TorchClassifier, build, train

SAMPLES = 100
SHAPE, CLASSES, BOUNDS = (1, 8, 8), 10, (0.0, 1.0)
DRAWS = 256
"""Answers of a noisy model that the judge takes the mean of."""

_HARDER = 0.1
"""Noise on the inputs, so that a clean accuracy is no figure that can be guessed."""

Filter = Mapping[str, Any]

FILTERS: Mapping[str, Callable[[DifferentiableClassifier, Filter, int], Classifier]] = {
    "none": lambda model, _, __: model,
    "bit_depth": lambda model, told, _: BitDepthSqueezing(model, bits=told["bits"]),
    "binarise": lambda model, told, _: Binarising(model, threshold=told["threshold"]),
    "noise": lambda model, told, seed: NoisyInput(model, noise_std=told["noise_std"], seed=seed),
}
"""What stands in front of the network, by the name in the issued facts."""

_TOLD = {"bit_depth": ("bits",), "binarise": ("threshold",), "noise": ("noise_std",)}


def issue(variant: Variant) -> Issued:
    """Return network, filter and inputs, and the vendor's figure; which protection it is, nobody says."""
    model, (x, y) = _network(variant), _inputs(variant)
    told = _filter(variant)
    facts = {
        "dims": {"n": SAMPLES},
        "models": {
            "victim": {
                "architecture": variant.params["architecture"],
                "input_shape": list(SHAPE),
                "classes": CLASSES,
            }
        },
        "filter": dict(told),
        "norm": "linf",
        "epsilon": float(variant.params["epsilon"]),
        "vendor_claim": float(variant.params["vendor_claim"]),
    }
    return Issued({"x": x, "y": y, **model_tensors("victim", model.module)}, facts)


def measure(variant: Variant, hand_in: Mapping[str, Any]) -> Measured:
    """Ask the secured model again about everything that was handed in."""
    model, (x, y) = _network(variant), _inputs(variant)
    secured = FILTERS[_filter(variant)["kind"]](model, _filter(variant), derive(variant.seed, "judge"))
    clean = _accuracy(secured, x, y)
    metrics: dict[str, float] = {}
    facts: dict[str, float | str] = {"clean_accuracy": clean, "protection": str(variant.params["protection"])}
    if "x_adv" in hand_in:
        threat = ThreatModel(Norm.LINF, float(variant.params["epsilon"]))
        legal = threat.allows(x, hand_in["x_adv"], BOUNDS)
        metrics["robust_accuracy"] = _accuracy(secured, _brought_back(threat, x, hand_in["x_adv"], legal), y)
        facts["legal"] = float(legal.float().mean())
    if "clean_accuracy" in hand_in:
        metrics["baseline_error"] = abs(float(hand_in["clean_accuracy"]) - clean)
    if "checks" in hand_in:
        metrics |= _checks(variant, set(hand_in["checks"]))
    return Measured(metrics, facts)


def _brought_back(threat: ThreatModel, x: Tensor, x_adv: Tensor, legal: Tensor) -> Tensor:
    """Return what counts: inputs beyond the budget are the clean ones, and rounding gains nothing."""
    # In 64 bits, so that what lies within the budget stays as it was handed in, bit by bit.
    moved = (x_adv.double() - x.double()).clamp(-threat.epsilon, threat.epsilon)
    inside = (x.double() + moved).float().clamp(*BOUNDS)
    return torch.where(legal.view(-1, 1, 1, 1), inside, x)


def _accuracy(model: Classifier, x: Tensor, y: Tensor) -> float:
    """Return the share that is read correctly; where answers differ by chance, the mean over many."""
    draws = DRAWS if isinstance(model, NoisyInput) else 1
    right = [(model.logits(x).argmax(1) == y).double().mean() for _ in range(draws)]
    return float(torch.stack(right).mean())


def _checks(variant: Variant, ticked: set[str]) -> dict[str, float]:
    """Hold the ticked checks against those that expose this protection.

    A check whose outcome depends on luck counts neither way.  Right ones less wrong ones, as
    shares of their kind: ticking all of them, or none, is worth nothing.
    """
    right, unclear = set(variant.params["exposed_by"]), set(variant.params.get("unclear", ()))
    wrong = set(CHECKS) - right - unclear
    hits, misses = len(ticked & right), len(ticked & wrong)
    return {
        "check_recall": hits / len(right),
        "check_precision": hits / (hits + misses) if hits + misses else 0.0,
        "checks": max(0.0, hits / len(right) - misses / len(wrong)),
    }


CHECKS = (
    "the loss has no gradient",
    "scores alone break more",
    "a large budget leaves some standing",
    "a stand-in for the gradient of the filter breaks more",
    "a temperature on the logits breaks more",
    "the same question gets two answers",
    "averaging answers breaks more",
    "none of these",
)
"""The sanity checks of the brief."""


def _inputs(variant: Variant) -> tuple[Tensor, Tensor]:
    """Return test inputs that the variant draws, photographed by a poor camera."""
    held_out = data.load("digits").test
    generator = make_generator(derive(variant.seed, "inputs"))
    taken = torch.randperm(len(held_out), generator=generator)[:SAMPLES]
    grain = _HARDER * torch.randn((SAMPLES, *SHAPE), generator=generator)
    return (held_out.x[taken] + grain).clamp(*BOUNDS), held_out.y[taken].clone()


def _filter(variant: Variant) -> Filter:
    kind = str(variant.params.get("filter", "none"))
    return {"kind": kind, **{name: variant.params[name] for name in _TOLD.get(kind, ())}}


def _network(variant: Variant) -> TorchClassifier:
    """Return the network of the variant: trained once on a machine, and a copy for every call."""
    params = variant.params
    recipe = {
        "seed": variant.seed,
        "protection": str(params["protection"]),
        "epsilon": float(params["epsilon"]),
        "logit_scale": float(params.get("logit_scale", 1.0)),
    }
    architecture = str(params["architecture"])
    module = build(architecture, SHAPE, CLASSES)
    module.load_state_dict(_weights(architecture, **recipe))
    return TorchClassifier(module.requires_grad_(False), SHAPE, CLASSES)


@lru_cache(maxsize=32)
def _weights(architecture: str, **recipe: Any) -> dict[str, Tensor]:
    made = partial(_trained, architecture, **recipe)
    return kept("exam-t5", recipe, architecture, data.load("digits"), made)[0]


def _trained(
    architecture: str,
    _progress: Progress | None,
    *,
    seed: int,
    protection: str,
    epsilon: float,
    logit_scale: float,
) -> Kept:
    known = data.load("digits").train
    start = build(architecture, SHAPE, CLASSES, seed=derive(seed, "weights"))
    fit = _TRAININGS.get(protection, _plain)
    module = fit(start, known.x, known.y, epsilon=epsilon, seed=derive(seed, "training")).module
    assert isinstance(module, nn.Sequential)  # noqa: S101 - every architecture of ours is one
    weights = dict(module.state_dict())
    # The last layer makes the logits: nothing that is read changes when all of them grow alike.
    for name in list(weights)[-2:]:
        weights[name] = weights[name] * logit_scale
    return weights, {}


def _plain(module: nn.Module, x: Tensor, y: Tensor, *, epsilon: float, seed: int) -> TorchClassifier:
    return train(module, x, y, epochs=20, seed=seed)


def _with_noise(module: nn.Module, x: Tensor, y: Tensor, *, epsilon: float, seed: int) -> TorchClassifier:
    return train(module, x, y, epochs=25, seed=seed, augment=partial(_grainy, noise_std=0.2))


def _grainy(x: Tensor, generator: torch.Generator, *, noise_std: float) -> Tensor:
    return x + noise_std * torch.randn(x.shape, generator=generator)


def _adversarially(module: nn.Module, x: Tensor, y: Tensor, *, epsilon: float, seed: int) -> TorchClassifier:
    return fast_adversarial_training(module, x, y, epsilon=epsilon, classes=CLASSES, epochs=25, seed=seed)


_TRAININGS = {"noise": _with_noise, "adversarial training": _adversarially}


def advertised(variant: Variant) -> float:
    """Return what the vendor of a variant measures: the nicer of two attacks along the model's own gradient.

    Whoever makes a variant writes it into its parameters: victims differ in their last bits from
    processor to processor, and what is issued does not.
    """
    model, (x, y) = _network(variant), _inputs(variant)
    told, epsilon = _filter(variant), float(variant.params["epsilon"])
    secured = FILTERS[told["kind"]](model, told, derive(variant.seed, "vendor"))
    if not isinstance(secured, DifferentiableClassifier):
        return _accuracy(secured, x, y)  # a filter lets no gradient through, and the attacks go nowhere
    one_step = evasion.fgsm(secured, x, y, epsilon=epsilon).x_adv
    ten_steps = evasion.pgd(secured, x, y, epsilon=epsilon, steps=10).x_adv
    return max(_accuracy(secured, each, y) for each in (one_step, ten_steps))
