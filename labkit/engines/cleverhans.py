"""CleverHans: a table of its attacks in our words.

Its torch half alone is used, which needs nothing but torch and NumPy.  Three are missing:
``semantic`` inverts a picture, which is no small change, and HopSkipJump in L-infinity and the
fast gradient in L1 stop with errors of their own.  The fast gradient and PGD take a gradient
shorter than 1e-6 for none, so a sure victim would look robust; they only use its direction,
and get it at full length.

References
----------
Papernot et al., "Technical Report on the CleverHans v2.1.0 Adversarial Examples Library",
2018.  https://arxiv.org/abs/1610.00768
"""

from __future__ import annotations

from typing import Any

import numpy as np
from cleverhans.torch.attacks.carlini_wagner_l2 import carlini_wagner_l2
from cleverhans.torch.attacks.fast_gradient_method import fast_gradient_method
from cleverhans.torch.attacks.hop_skip_jump_attack import hop_skip_jump_attack
from cleverhans.torch.attacks.noise import noise
from cleverhans.torch.attacks.projected_gradient_descent import projected_gradient_descent
from cleverhans.torch.attacks.sparse_l1_descent import sparse_l1_descent
from cleverhans.torch.attacks.spsa import spsa
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.threat import Norm
from labkit.engines._offer import Offer
from labkit.engines._run import Job, make_attack

__all__ = ["ATTACKS", "attack"]

_BUDGET = {"epsilon": "eps"}
_STEPS = {**_BUDGET, "step_size": "eps_iter", "steps": "nb_iter"}
_START = {**_STEPS, "random_start": "rand_init"}
_BOX = {"clip_min": 0.0, "clip_max": 1.0}
_ORDERS = {Norm.LINF: np.inf, Norm.L2: 2}


def _fast(norm: Norm) -> Offer:
    fixed = {**_BOX, "norm": _ORDERS[norm]}
    return Offer(fast_gradient_method, _BUDGET, norm, fixed=fixed, directions=True)


def _descent(norm: Norm, words: dict[str, str] = _START, **more: Any) -> Offer:
    fixed = {**_BOX, "norm": _ORDERS[norm], "sanity_checks": False, **more}
    return Offer(
        projected_gradient_descent, words, norm, fixed=fixed, defaults={"steps": 40}, directions=True
    )


def _estimating(norm: Norm) -> Offer:
    return Offer(
        spsa,
        {
            **_BUDGET,
            "steps": "nb_iter",
            "samples": "spsa_samples",
            "radius": "delta",
            "lr": "learning_rate",
        },
        norm,
        fixed={**_BOX, "norm": _ORDERS[norm], "sanity_checks": False},
        defaults={"steps": 10},
        black_box=True,
    )


ATTACKS: dict[str, Offer] = {
    "bim": _descent(Norm.LINF, _STEPS, rand_init=False),
    "bim_l2": _descent(Norm.L2, _STEPS, rand_init=False),
    "carlini_wagner": Offer(
        carlini_wagner_l2,
        {
            "epsilon": "",
            "steps": "max_iterations",
            "binary_search_steps": "binary_search_steps",
            "lr": "lr",
            "confidence": "confidence",
            "weight": "initial_const",
        },
        Norm.L2,
        fixed={**_BOX, "n_classes": 0},
        free=True,
    ),
    "fgm_l2": _fast(Norm.L2),
    "fgsm": _fast(Norm.LINF),
    # It cannot be aimed unless it is shown an input that is read as that class.
    "hop_skip_jump": Offer(
        hop_skip_jump_attack,
        {"epsilon": "", "steps": "num_iterations", "evaluations": "initial_num_evals"},
        Norm.L2,
        fixed={**_BOX, "norm": 2, "verbose": False},
        defaults={"steps": 64},
        free=True,
        targeted=False,
        black_box=True,
        starts=True,
    ),
    "pgd": _descent(Norm.LINF),
    "pgd_l2": _descent(Norm.L2),
    "random_noise": Offer(
        noise, _BUDGET, Norm.LINF, fixed={**_BOX, "order": np.inf}, targeted=False, black_box=True
    ),
    "sparse_l1_descent": Offer(
        sparse_l1_descent,
        _STEPS,
        Norm.L1,
        fixed={**_BOX, "sanity_checks": False},
        defaults={"steps": 20},
    ),
    "spsa": _estimating(Norm.LINF),
    "spsa_l2": _estimating(Norm.L2),
}
"""What the engine offers, by our names."""


def _run(job: Job) -> Tensor:
    given = dict(job.given)
    if "n_classes" in given:
        given["n_classes"] = job.classes
    if given.get("eps_iter", 0.0) > given.get("eps", 0.0):
        raise InvalidInputError("expected step_size <= epsilon, for CleverHans takes no longer steps")
    if job.offer.make is noise:
        return noise(job.x, **given)
    if job.offer.make is hop_skip_jump_attack:
        return hop_skip_jump_attack(job.module, job.x, **given)
    return job.offer.make(job.module, job.x, y=job.goal, targeted=job.targeted, **given)


attack = make_attack("cleverhans", ATTACKS, _run)
