"""SecML-Torch: a table of its attacks in our words.

PGD, DDN and FMN are its own; its PGD keeps the iterate with the highest loss.  The rest
are Foolbox's behind its interface (``BIM`` is its PGD without a random start, by Foolbox).
Missing are those of Foolbox that are missing there, and what it has of a third library, which
wants a server for pictures.

It aims at one class at a time: inputs with other targets take other runs.

References
----------
Pintor et al., "SecML-Torch: A Library for Robustness Evaluation of Deep Learning Models",
https://github.com/pralab/secml-torch
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from labkit.core.threat import Norm
from labkit.engines import foolbox as _foolbox  # noqa: F401 - imports Foolbox without a fuss
from labkit.engines._offer import Offer
from labkit.engines._run import Job, make_attack

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from secmlt.adv.backends import Backends
    from secmlt.adv.evasion.boundary_attack import BoundaryAttack
    from secmlt.adv.evasion.cw import CW
    from secmlt.adv.evasion.ddn import DDN
    from secmlt.adv.evasion.deepfool import DeepFool
    from secmlt.adv.evasion.fgsm import FGSM
    from secmlt.adv.evasion.fmn import FMN
    from secmlt.adv.evasion.hopskipjump import HopSkipJump
    from secmlt.adv.evasion.pgd import PGD
    from secmlt.models.pytorch.base_pytorch_nn import BasePyTorchClassifier

__all__ = ["ATTACKS", "attack"]

_OWN: Mapping[str, Any] = {"backend": Backends.NATIVE}
_THEIRS: Mapping[str, Any] = {"backend": Backends.FOOLBOX}
_BUDGET = {"epsilon": "epsilon"}
_STEPS = {**_BUDGET, "step_size": "step_size", "steps": "num_steps"}
_NEAREST = {"epsilon": "", "steps": "num_steps"}
_ASKED = {"epsilon": "", "steps": "steps"}


def _descent(norm: Norm) -> Offer:
    return Offer(
        PGD,
        {**_STEPS, "random_start": "random_start"},
        norm,
        fixed={**_OWN, "perturbation_model": norm.value},
        defaults={"steps": 40, "random_start": True},
    )


def _plain(norm: Norm) -> Offer:
    fixed = {**_THEIRS, "perturbation_model": norm.value, "random_start": False}
    return Offer(PGD, _STEPS, norm, fixed=fixed, defaults={"steps": 10})


def _minimum(norm: Norm) -> Offer:
    return Offer(
        FMN,
        {**_NEAREST, "step_size": "step_size", "gamma": "gamma"},
        norm,
        fixed={**_OWN, "perturbation_model": norm.value},
        defaults={"steps": 100, "step_size": 1.0},
        free=True,
    )


def _asking(make: Any, norm: Norm, words: Mapping[str, str], **fixed: Any) -> Offer:
    return Offer(
        make,
        words,
        norm,
        fixed={**_THEIRS, **fixed},
        free=True,
        targeted=False,
        black_box=True,
        starts=True,
    )


_HOPS = {**_ASKED, "evaluations": "initial_gradient_eval_steps"}

ATTACKS: dict[str, Offer] = {
    "bim": _plain(Norm.LINF),
    "bim_l1": _plain(Norm.L1),
    "bim_l2": _plain(Norm.L2),
    "boundary": _asking(BoundaryAttack, Norm.L2, _ASKED),
    "carlini_wagner": Offer(
        CW,
        {
            **_NEAREST,
            "binary_search_steps": "binary_search_steps",
            "confidence": "confidence",
            "lr": "step_size",
            "weight": "initial_const",
        },
        Norm.L2,
        fixed=_THEIRS,
        free=True,
    ),
    "ddn": Offer(
        DDN,
        {**_NEAREST, "gamma": "gamma"},
        Norm.L2,
        fixed=_OWN,
        defaults={"steps": 100},
        free=True,
    ),
    "deepfool": Offer(
        DeepFool,
        {**_NEAREST, "overshoot": "overshoot"},
        Norm.L2,
        fixed=_THEIRS,
        free=True,
        targeted=False,
    ),
    "fgsm": Offer(FGSM, _BUDGET, Norm.LINF, fixed={**_THEIRS, "perturbation_model": "linf"}),
    "fmn": _minimum(Norm.LINF),
    "fmn_l0": _minimum(Norm.L0),
    "fmn_l1": _minimum(Norm.L1),
    "fmn_l2": _minimum(Norm.L2),
    "hop_skip_jump": _asking(HopSkipJump, Norm.L2, _HOPS, perturbation_model="l2"),
    "hop_skip_jump_linf": _asking(HopSkipJump, Norm.LINF, _HOPS, perturbation_model="linf"),
    "pgd": _descent(Norm.LINF),
    "pgd_l1": _descent(Norm.L1),
    "pgd_l2": _descent(Norm.L2),
}
"""What the engine offers, by our names."""


def _run(job: Job) -> Tensor:
    if not job.targeted:
        return _one_aim(job, job.x, job.goal, {})
    made = job.x.clone()
    for aim in sorted(set(job.goal.tolist())):
        rows = job.goal == aim
        made[rows] = _one_aim(job, job.x[rows], job.goal[rows], {"y_target": aim})
    return made


def _one_aim(job: Job, x: Tensor, goal: Tensor, aim: Mapping[str, int]) -> Tensor:
    """Run their attack on inputs that share a target, or have none."""
    theirs = job.offer.make(lb=0.0, ub=1.0, **job.given, **aim)
    batch = DataLoader(TensorDataset(x, goal), batch_size=len(x))
    ((made, _),) = theirs(BasePyTorchClassifier(job.module), batch, stream=True)
    return torch.as_tensor(made)


attack = make_attack("secml-torch", ATTACKS, _run)
