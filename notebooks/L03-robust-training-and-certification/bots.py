"""Three players of the lab: one who knows how, one who does nothing, one who is lazy.

Their runs, recorded in ``reference.json``, are what the thresholds in ``lab.toml`` rest on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from labkit.attacks import evasion
from labkit.core import Norm, derive, predict
from labkit.course.cases.robustness.case import RobustnessCase
from labkit.course.cases.robustness.statement import linf_reach
from labkit.course.cases.robustness.weights import weights_of
from labkit.defenses import adversarial_training
from labkit.defenses.certification import SmoothedClassifier, certify_intervals, check_claim
from labkit.defenses.robust_training import fast_adversarial_training, noise_training
from labkit.metrics import Rate, certified_accuracy, clean_accuracy
from labkit.models import TorchClassifier

Handed = Iterator[tuple[str, dict[str, Any]]]

COPIES = 1000


def reference(case: RobustnessCase) -> Handed:
    """Play the lab as the solution notebook does."""
    hardened, noisy = networks(case)
    yield "robust", {"weights": weights_of(hardened)}

    left = [standing(case, run.model) for run in case.runs]
    verdicts = [
        "sound" if rate.value >= 0.75 * one_step(case, run.model).value else "collapsed"
        for run, rate in zip(case.runs, left, strict=True)
    ]
    yield "collapse", {"verdicts": verdicts, "reported": [rate.value for rate in left]}

    noise_std = case.setting("vendor_noise")
    settings = {"noise_std": noise_std, "n": COPIES}
    yield "certificate", {"weights": weights_of(noisy), **settings}

    reasons = [check_claim(each.claim, case.certificates[each.shown], case.y).reason for each in case.claims]
    yield "claims", {"reasons": reasons}

    votes = smoothed(case, noisy, noise_std)
    certified = certified_accuracy(votes, case.y, case.setting("certified_epsilon"))
    boxes = certify_intervals(hardened, case.x)
    lines = {
        "clean": clean_accuracy(hardened, case.x, case.y).low,
        "robust": standing(case, hardened).low,
        "certified": certified.low,
        "reach": linf_reach(case),
        "proven": certified_accuracy(boxes, case.y, case.setting("interval_epsilon")).low,
    }
    models = {"weights": weights_of(hardened), "smoothed": weights_of(noisy)}
    yield "statement", {**models, **settings, "lines": lines}


def nothing(case: RobustnessCase) -> Handed:
    """Hand in what was issued, and believe what was claimed."""
    issued = weights_of(case.victim)
    yield "robust", {"weights": issued}
    claimed = [run.claimed[-1] for run in case.runs]
    yield "collapse", {"verdicts": ["sound"] * len(case.runs), "reported": claimed}
    settings = {"noise_std": case.setting("vendor_noise"), "n": 100}
    yield "certificate", {"weights": issued, **settings}
    yield "claims", {"reasons": ["holds"] * len(case.claims)}
    clean = clean_accuracy(case.victim, case.x, case.y).value
    lines = {"clean": clean, "robust": clean, "certified": clean, "reach": 0.25, "proven": clean}
    yield "statement", {"weights": issued, "smoothed": issued, **settings, "lines": lines}


def lazy(case: RobustnessCase) -> Handed:
    """Train for two epochs, test with one step, take more noise for more safety, compare names only."""
    hurried = _once("hurried", case, _hurried)
    yield "robust", {"weights": weights_of(hurried)}
    one = [one_step(case, run.model).value for run in case.runs]
    yield "collapse", {"verdicts": ["sound" if each > 0.5 else "collapsed" for each in one], "reported": one}
    noise_std = case.setting("vendor_noise")
    yield "certificate", {"weights": weights_of(case.victim), "noise_std": 0.35, "n": COPIES}

    reasons = []
    for each in case.claims:
        made = case.certificates[each.shown]
        found = check_claim(each.claim, made, case.y).reason
        # The names and the numbers are compared; neither the norm nor the abstentions.
        reasons.append("holds" if found in ("norm", "abstentions") else found)
    yield "claims", {"reasons": reasons}

    hardened, noisy = networks(case)
    votes = smoothed(case, noisy, noise_std)
    certified = certified_accuracy(votes, case.y, case.setting("certified_epsilon")).value
    lines = {
        "clean": clean_accuracy(hardened, case.x, case.y).value,
        "robust": one_step(case, hardened).value,
        "certified": certified,
        "reach": case.setting("certified_epsilon"),
        "proven": certified,
    }
    models = {"weights": weights_of(hardened), "smoothed": weights_of(noisy)}
    yield "statement", {**models, "noise_std": noise_std, "n": COPIES, "lines": lines}


def networks(case: RobustnessCase) -> tuple[TorchClassifier, TorchClassifier]:
    """Return the hardened network and the one that was trained under noise."""
    return _once("hardened", case, _hardened), _once("noisy", case, _noisy)


def standing(case: RobustnessCase, model: TorchClassifier) -> Rate:
    """Return what PGD with both losses leaves on the issued inputs."""
    stands = torch.ones(len(case.x), dtype=torch.bool)
    for loss in ("cross_entropy", "margin"):
        adv = evasion.pgd(
            model,
            case.x,
            case.y,
            epsilon=case.threat.epsilon,
            steps=40,
            loss=loss,
            seed=derive(case.seed, "reference bot", loss),
        )
        stands &= predict(model, adv.x_adv) == case.y
    return Rate.of(stands)


def one_step(case: RobustnessCase, model: TorchClassifier) -> Rate:
    """Return what FGSM leaves on the issued inputs."""
    adv = evasion.fgsm(model, case.x, case.y, epsilon=case.threat.epsilon)
    return Rate.of(predict(model, adv.x_adv) == case.y)


def smoothed(case: RobustnessCase, model: TorchClassifier, noise_std: float) -> Any:
    """Certify the issued inputs as the judge certifies others."""
    made = SmoothedClassifier(model, noise_std, n=COPIES, confidence=case.setting("confidence"))
    return made.certify(case.x, seed=derive(case.seed, "reference bot"))


def _hardened(case: RobustnessCase) -> TorchClassifier:
    def attack(model: TorchClassifier, x: Tensor, y: Tensor) -> Tensor:
        budget = {"epsilon": case.threat.epsilon, "norm": Norm(case.threat.norm)}
        return evasion.pgd(model, x, y, steps=5, **budget).x_adv

    return adversarial_training(case.network, case.train.x, case.train.y, attack=attack, epochs=30)


def _noisy(case: RobustnessCase) -> TorchClassifier:
    noise_std = case.setting("vendor_noise")
    return noise_training(case.network, case.train.x, case.train.y, noise_std=noise_std, epochs=30, seed=1)


def _hurried(case: RobustnessCase) -> TorchClassifier:
    return fast_adversarial_training(
        case.network, case.train.x, case.train.y, epsilon=case.threat.epsilon / 3, epochs=2
    )


def _once(name: str, case: RobustnessCase, make: Any) -> TorchClassifier:
    """Train a network of a scenario once; the variants differ in what it is judged on."""
    key = (name, case.scenario.id)
    if key not in _TRAINED:
        _TRAINED[key] = make(case)
    return _TRAINED[key]


_TRAINED: dict[tuple[str, str], TorchClassifier] = {}
