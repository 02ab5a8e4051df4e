"""Foolbox: a table of its attacks in our words.

What is missing keeps to no ball around the input (``SpatialAttack``, ``InversionAttack``,
``GaussianBlurAttack``, the searches for the least contrast or noise), swaps an input for another
one (``DatasetAttack``), only improves what another attack made (``PointwiseAttack``,
``BinarizationRefinementAttack``), or needs Numba (the Brendel and Bethge attacks).

Importing Foolbox imports GitPython, which refuses to be imported on a machine without git;
nothing here uses it.

References
----------
Rauber et al., "Foolbox Native: Fast adversarial attacks to benchmark the robustness of
machine learning models in PyTorch, TensorFlow, and JAX", JOSS 2020.
https://doi.org/10.21105/joss.02607
"""

from __future__ import annotations

import os
import warnings
from importlib import import_module
from typing import Any

from torch import Tensor

from labkit.core.threat import Norm
from labkit.engines._offer import Offer
from labkit.engines._run import Job, make_attack

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    _told = os.environ.get("GIT_PYTHON_REFRESH")
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"
    try:
        foolbox: Any = import_module("foolbox")
    finally:
        del os.environ["GIT_PYTHON_REFRESH"]
        if _told is not None:
            os.environ["GIT_PYTHON_REFRESH"] = _told

__all__ = ["ATTACKS", "attack"]

attacks = foolbox.attacks

_BUDGET = {"epsilon": ""}
_STEPS = {**_BUDGET, "step_size": "abs_stepsize", "steps": "steps"}
_START = {**_STEPS, "random_start": "random_start"}
_MOMENTUM = {**_START, "decay": "momentum"}


def _stepwise(make: Any, norm: Norm, words: dict[str, str] = _START, steps: int = 40) -> Offer:
    return Offer(make, words, norm, defaults={"steps": steps})


def _fast(make: Any, norm: Norm) -> Offer:
    return Offer(make, {**_BUDGET, "random_start": "random_start"}, norm, targeted=False)


def _noisy(make: Any, norm: Norm, words: dict[str, str] = _BUDGET) -> Offer:
    return Offer(make, words, norm, targeted=False, black_box=True)


def _nearest(make: Any, norm: Norm, words: dict[str, str], **more: Any) -> Offer:
    return Offer(make, {**_BUDGET, **words}, norm, free=True, **more)


def _asking(make: Any, norm: Norm, words: dict[str, str], **fixed: Any) -> Offer:
    """Return an attack that walks along the border from an input that is misread."""
    return _nearest(make, norm, words, fixed=fixed, targeted=False, black_box=True, starts=True)


_HOPS = {"steps": "steps", "evaluations": "initial_gradient_eval_steps"}
_ADAM = {"steps": "steps", "binary_search_steps": "binary_search_steps", "confidence": "confidence"}
_FMN = {"steps": "steps", "step_size": "max_stepsize", "gamma": "gamma"}
_FOOL = {"steps": "steps", "overshoot": "overshoot"}
_REPEATED = {**_BUDGET, "repeats": "repeats"}

ATTACKS: dict[str, Offer] = {
    "adam_pgd": _stepwise(attacks.LinfAdamProjectedGradientDescentAttack, Norm.LINF),
    "adam_pgd_l1": _stepwise(attacks.L1AdamProjectedGradientDescentAttack, Norm.L1),
    "adam_pgd_l2": _stepwise(attacks.L2AdamProjectedGradientDescentAttack, Norm.L2),
    "bim": _stepwise(attacks.LinfBasicIterativeAttack, Norm.LINF, _STEPS, steps=10),
    "bim_l1": _stepwise(attacks.L1BasicIterativeAttack, Norm.L1, _STEPS, steps=10),
    "bim_l2": _stepwise(attacks.L2BasicIterativeAttack, Norm.L2, _STEPS, steps=10),
    "boundary": _asking(attacks.BoundaryAttack, Norm.L2, {"steps": "steps"}, tensorboard=False),
    "carlini_wagner": _nearest(
        attacks.L2CarliniWagnerAttack, Norm.L2, {**_ADAM, "lr": "stepsize", "weight": "initial_const"}
    ),
    "contrast": _noisy(attacks.L2ContrastReductionAttack, Norm.L2),
    "ddn": _nearest(attacks.DDNAttack, Norm.L2, {"steps": "steps", "gamma": "gamma"}),
    "deepfool": _nearest(attacks.L2DeepFoolAttack, Norm.L2, _FOOL, targeted=False),
    "deepfool_linf": _nearest(attacks.LinfDeepFoolAttack, Norm.LINF, _FOOL, targeted=False),
    "ead": _nearest(
        attacks.EADAttack,
        Norm.L1,
        {**_ADAM, "lr": "initial_stepsize", "weight": "initial_const", "beta": "regularization"},
    ),
    "fgm_l1": _fast(attacks.L1FastGradientAttack, Norm.L1),
    "fgm_l2": _fast(attacks.L2FastGradientAttack, Norm.L2),
    "fgsm": _fast(attacks.LinfFastGradientAttack, Norm.LINF),
    "fmn": _nearest(attacks.LInfFMNAttack, Norm.LINF, _FMN),
    "fmn_l0": _nearest(attacks.L0FMNAttack, Norm.L0, _FMN),
    "fmn_l1": _nearest(attacks.L1FMNAttack, Norm.L1, _FMN),
    "fmn_l2": _nearest(attacks.L2FMNAttack, Norm.L2, _FMN),
    "gaussian_noise_l2": _noisy(attacks.L2AdditiveGaussianNoiseAttack, Norm.L2),
    "gen_attack": Offer(
        attacks.GenAttack,
        {**_BUDGET, "steps": "steps", "population": "population"},
        Norm.LINF,
        fixed={"channel_axis": 1},
        aims=True,
        black_box=True,
    ),
    "hop_skip_jump": _asking(attacks.HopSkipJumpAttack, Norm.L2, _HOPS, constraint="l2"),
    "hop_skip_jump_linf": _asking(attacks.HopSkipJumpAttack, Norm.LINF, _HOPS, constraint="linf"),
    "mifgsm": _stepwise(attacks.LinfMomentumIterativeFastGradientMethod, Norm.LINF, _MOMENTUM, steps=10),
    "mifgsm_l1": _stepwise(attacks.L1MomentumIterativeFastGradientMethod, Norm.L1, _MOMENTUM, steps=10),
    "mifgsm_l2": _stepwise(attacks.L2MomentumIterativeFastGradientMethod, Norm.L2, _MOMENTUM, steps=10),
    "newtonfool": _nearest(
        attacks.NewtonFoolAttack, Norm.L2, {"steps": "steps", "lr": "stepsize"}, targeted=False
    ),
    "pgd": _stepwise(attacks.LinfProjectedGradientDescentAttack, Norm.LINF),
    "pgd_l1": _stepwise(attacks.L1ProjectedGradientDescentAttack, Norm.L1),
    "pgd_l2": _stepwise(attacks.L2ProjectedGradientDescentAttack, Norm.L2),
    "random_noise": _noisy(attacks.LinfAdditiveUniformNoiseAttack, Norm.LINF),
    "random_noise_l2": _noisy(attacks.L2AdditiveUniformNoiseAttack, Norm.L2),
    "repeated_noise": _noisy(attacks.LinfRepeatedAdditiveUniformNoiseAttack, Norm.LINF, _REPEATED),
    "repeated_noise_l2": _noisy(
        attacks.L2ClippingAwareRepeatedAdditiveGaussianNoiseAttack, Norm.L2, _REPEATED
    ),
    "salt_and_pepper": _nearest(
        attacks.SaltAndPepperNoiseAttack,
        Norm.L2,
        {"steps": "steps"},
        fixed={"channel_axis": 1},
        targeted=False,
        black_box=True,
        look="picture",
    ),
    "sparse_l1_descent": _stepwise(attacks.SparseL1DescentAttack, Norm.L1, steps=20),
    "virtual_adversarial": Offer(
        attacks.VirtualAdversarialAttack,
        {**_BUDGET, "steps": "steps"},
        Norm.L2,
        defaults={"steps": 10},
        targeted=False,
    ),
}
"""What the engine offers, by our names."""


def _run(job: Job) -> Tensor:
    model = foolbox.PyTorchModel(job.module, bounds=(0.0, 1.0), device=job.x.device)
    criterion: Any = foolbox.criteria.Misclassification(job.goal)
    if job.targeted:
        criterion = foolbox.criteria.TargetedMisclassification(job.goal)
    theirs = job.offer.make(**job.given)
    _, made, _ = theirs(model, job.x, criterion, epsilons=job.epsilon)
    return made


attack = make_attack("foolbox", ATTACKS, _run)
