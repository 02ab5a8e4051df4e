"""Evasion: inputs that are misread, made with the gradient, with scores, or with labels alone.

Most keep to a budget; ``carlini_wagner``, ``deepfool``, ``fab`` and ``hop_skip_jump`` look for
the smallest change; ``universal_perturbation`` and ``adversarial_patch`` make one for all inputs.

Every attack is a function ``(model, x, y, *, epsilon, norm, ...)`` that returns
:class:`labkit.core.AdversarialExamples` and claims nothing about success.
"""

from collections.abc import Callable

from labkit.attacks.evasion.apgd import apgd, apgd_targeted
from labkit.attacks.evasion.bpda import bpda
from labkit.attacks.evasion.carlini_wagner import carlini_wagner
from labkit.attacks.evasion.deepfool import deepfool
from labkit.attacks.evasion.eot import eot
from labkit.attacks.evasion.fab import fab
from labkit.attacks.evasion.fgsm import fgsm
from labkit.attacks.evasion.hop_skip_jump import hop_skip_jump
from labkit.attacks.evasion.noise import random_noise
from labkit.attacks.evasion.patch import Patch, adversarial_patch, train_patch
from labkit.attacks.evasion.pgd import pgd
from labkit.attacks.evasion.square import square
from labkit.attacks.evasion.transfer import distil, transfer
from labkit.attacks.evasion.universal import universal_delta, universal_perturbation
from labkit.core.results import AdversarialExamples

__all__ = [
    "ATTACKS",
    "Patch",
    "adversarial_patch",
    "apgd",
    "apgd_targeted",
    "bpda",
    "carlini_wagner",
    "deepfool",
    "distil",
    "eot",
    "fab",
    "fgsm",
    "hop_skip_jump",
    "pgd",
    "random_noise",
    "square",
    "train_patch",
    "transfer",
    "universal_delta",
    "universal_perturbation",
]

ATTACKS: dict[str, Callable[..., AdversarialExamples]] = {
    "adversarial_patch": adversarial_patch,
    "apgd": apgd,
    "apgd_targeted": apgd_targeted,
    "carlini_wagner": carlini_wagner,
    "deepfool": deepfool,
    "fab": fab,
    "fgsm": fgsm,
    "hop_skip_jump": hop_skip_jump,
    "pgd": pgd,
    "random_noise": random_noise,
    "square": square,
    "universal_perturbation": universal_perturbation,
}
"""Attacks that need nothing but the victim, by name."""
