"""Evasion: inputs that are misread, made with the gradient, with scores, or with labels alone.

Every attack is a function ``(model, x, y, *, epsilon, norm, ...)`` that returns
:class:`labkit.core.AdversarialExamples` and claims nothing about success.
"""

from collections.abc import Callable

from labkit.attacks.evasion.apgd import apgd, apgd_targeted
from labkit.attacks.evasion.bpda import bpda
from labkit.attacks.evasion.fgsm import fgsm
from labkit.attacks.evasion.hop_skip_jump import hop_skip_jump
from labkit.attacks.evasion.noise import random_noise
from labkit.attacks.evasion.pgd import pgd
from labkit.attacks.evasion.square import square
from labkit.attacks.evasion.transfer import distil, transfer
from labkit.core.results import AdversarialExamples

__all__ = [
    "ATTACKS",
    "apgd",
    "apgd_targeted",
    "bpda",
    "distil",
    "fgsm",
    "hop_skip_jump",
    "pgd",
    "random_noise",
    "square",
    "transfer",
]

ATTACKS: dict[str, Callable[..., AdversarialExamples]] = {
    "apgd": apgd,
    "apgd_targeted": apgd_targeted,
    "fgsm": fgsm,
    "hop_skip_jump": hop_skip_jump,
    "pgd": pgd,
    "random_noise": random_noise,
    "square": square,
}
"""Attacks that need nothing but the victim, by name."""
