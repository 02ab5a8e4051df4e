"""The Adversarial Robustness Toolbox (ART): a table of its evasion attacks in our words.

Those that keep to a ball around the input and attack a classifier of tensors are here.  What is
missing moves an input further than any norm says (patches, textures, lasers, rotations,
colours, shadows), is made for other data (speech, video, malware, decision trees, detectors),
needs more than the victim and its inputs (a second model, or a library that does not come along:
``AutoAttack`` imports multiprocess, ``GeoDA`` NumPy 1, Brendel and Bethge's attack Numba), makes
one change for a whole set of inputs (the universal perturbations), or asks the victim some
thousand times for every value of an input (``ZooAttack``).

Two things happen when ART is imported, and both are kept away from the caller: it writes its
settings into the home folder (they go into labkit's cache), and it configures logging anew.

References
----------
Nicolae et al., "Adversarial Robustness Toolbox v1.0.0", 2018.
https://arxiv.org/abs/1807.01069
"""

from __future__ import annotations

import logging.config
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from labkit.core.paths import cache_dir, ensure_dir
from labkit.core.threat import Norm
from labkit.engines._offer import Offer
from labkit.engines._run import Job, make_attack


@contextmanager
def _elsewhere() -> Iterator[None]:
    """Let an import take labkit's cache for the home folder, and leave logging alone."""
    homes = {word: os.environ.get(word) for word in ("HOME", "USERPROFILE")}
    configure = logging.config.dictConfig
    os.environ.update(dict.fromkeys(homes, str(ensure_dir(cache_dir()))))
    logging.config.dictConfig = lambda config: None
    try:
        yield
    finally:
        logging.config.dictConfig = configure
        for word, value in homes.items():
            if value is None:
                del os.environ[word]
            else:
                os.environ[word] = value


with _elsewhere():
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier

__all__ = ["ATTACKS", "attack"]

_BATCH = 256  # theirs is 32 or even 1, which takes up to twice as long
_QUIET: Mapping[str, Any] = {"verbose": False, "batch_size": _BATCH}
_BATCHED: Mapping[str, Any] = {"batch_size": _BATCH}
_ORDERS = {Norm.LINF: np.inf, Norm.L2: 2, Norm.L1: 1}

_BUDGET = {"epsilon": "eps"}
_STEPS = {**_BUDGET, "step_size": "eps_step", "steps": "max_iter"}
_START = {**_STEPS, "random_start": "num_random_init"}
_DECIDED = {**_STEPS, "restarts": "nb_random_init"}
_NEAREST = {"epsilon": "", "steps": "max_iter"}
_ADAM = {**_NEAREST, "lr": "learning_rate", "confidence": "confidence"}
_SEARCHED = {**_ADAM, "binary_search_steps": "binary_search_steps", "weight": "initial_const"}


def _fast(norm: Norm) -> Offer:
    return Offer(
        evasion.FastGradientMethod, _BUDGET, norm, fixed={**_BATCHED, "norm": _ORDERS[norm]}, directions=True
    )


def _descent(norm: Norm) -> Offer:
    return Offer(
        evasion.ProjectedGradientDescent,
        _START,
        norm,
        fixed={**_QUIET, "norm": _ORDERS[norm]},
        defaults={"steps": 40, "random_start": True},
        directions=True,
    )


def _decided(make: Any, norm: Norm, **fixed: Any) -> Offer:
    """Return an attack that sets its own steps, from two budgets down."""
    return Offer(
        make,
        _DECIDED,
        norm,
        fixed={**_QUIET, "norm": _ORDERS[norm], **fixed},
        defaults={"steps": 20, "restarts": 1},
        stride=2.0,
    )


def _square(norm: Norm) -> Offer:
    return Offer(
        evasion.SquareAttack,
        {**_BUDGET, "query_budget": "max_iter", "restarts": "nb_restarts"},
        norm,
        fixed={**_QUIET, "norm": _ORDERS[norm]},
        targeted=False,
        black_box=True,
        look="picture",
    )


def _nearest(make: Any, norm: Norm, words: Mapping[str, str], **more: Any) -> Offer:
    return Offer(make, words, norm, fixed=more.pop("fixed", _QUIET), free=True, **more)


def _asking(norm: Norm) -> Offer:
    return _nearest(
        evasion.HopSkipJump,
        norm,
        {**_NEAREST, "evaluations": "init_eval"},
        fixed={**_QUIET, "norm": _ORDERS[norm]},
        defaults={"steps": 50},
        black_box=True,
    )


ATTACKS: dict[str, Offer] = {
    "acg": _decided(evasion.AutoConjugateGradient, Norm.LINF),
    "acg_l2": _decided(evasion.AutoConjugateGradient, Norm.L2),
    "apgd": _decided(evasion.AutoProjectedGradientDescent, Norm.LINF),
    "apgd_l1": _decided(evasion.AutoProjectedGradientDescent, Norm.L1),
    "apgd_l2": _decided(evasion.AutoProjectedGradientDescent, Norm.L2),
    "bim": Offer(
        evasion.BasicIterativeMethod,
        _STEPS,
        Norm.LINF,
        fixed=_QUIET,
        defaults={"steps": 10},
        directions=True,
    ),
    "boundary": _nearest(
        evasion.BoundaryAttack,
        Norm.L2,
        {**_NEAREST, "samples": "sample_size"},
        defaults={"steps": 1000},
        black_box=True,
    ),
    "carlini_wagner": _nearest(evasion.CarliniL2Method, Norm.L2, _SEARCHED),
    "carlini_wagner_l0": _nearest(evasion.CarliniL0Method, Norm.L0, _SEARCHED),
    "carlini_wagner_linf": _nearest(
        evasion.CarliniLInfMethod, Norm.LINF, {**_ADAM, "weight": "initial_const"}
    ),
    "deepfool": _nearest(evasion.DeepFool, Norm.L2, {**_NEAREST, "overshoot": "epsilon"}, targeted=False),
    "ead_en": _nearest(
        evasion.ElasticNet, Norm.L1, {**_SEARCHED, "beta": "beta"}, fixed={**_QUIET, "decision_rule": "EN"}
    ),
    "ead_l1": _nearest(
        evasion.ElasticNet, Norm.L1, {**_SEARCHED, "beta": "beta"}, fixed={**_QUIET, "decision_rule": "L1"}
    ),
    "fgm_l1": _fast(Norm.L1),
    "fgm_l2": _fast(Norm.L2),
    "fgsm": _fast(Norm.LINF),
    "hop_skip_jump": _asking(Norm.L2),
    "hop_skip_jump_linf": _asking(Norm.LINF),
    "jsma": _nearest(
        evasion.SaliencyMapMethod,
        Norm.L0,
        {"epsilon": "", "step_size": "theta", "gamma": "gamma"},
        aims=True,
    ),
    "mifgsm": Offer(
        evasion.MomentumIterativeMethod,
        {**_STEPS, "decay": "decay"},
        Norm.LINF,
        fixed=_QUIET,
        defaults={"steps": 10},
        directions=True,
    ),
    "newtonfool": _nearest(evasion.NewtonFool, Norm.L2, {**_NEAREST, "lr": "eta"}, targeted=False),
    "one_pixel": _nearest(
        evasion.PixelAttack,
        Norm.L0,
        {"epsilon": "", "pixels": "th", "steps": "max_iter"},
        fixed={"es": 1, "verbose": False},
        defaults={"pixels": 1},
        black_box=True,
        look="picture",
    ),
    "pgd": _descent(Norm.LINF),
    "pgd_l1": _descent(Norm.L1),
    "pgd_l2": _descent(Norm.L2),
    "simba": _nearest(
        evasion.SimBA,
        Norm.L2,
        {"epsilon": "", "step_size": "epsilon", "steps": "max_iter"},
        fixed={"attack": "px", "batch_size": 1, "verbose": False},
        defaults={"steps": 3000},
        black_box=True,
        look="square",
    ),
    "square": _square(Norm.LINF),
    "square_l2": _square(Norm.L2),
    "virtual_adversarial": Offer(
        evasion.VirtualAdversarialMethod,
        {**_BUDGET, "steps": "max_iter"},
        Norm.L2,
        fixed=_QUIET,
        defaults={"steps": 10},
        targeted=False,
    ),
}
"""What the engine offers, by our names."""


class _Probabilities(nn.Module):
    """A victim that says how sure it is, as some attacks without a gradient want it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        return self.module(x).softmax(1)


_PROBABILITIES = (evasion.SimBA, evasion.PixelAttack, evasion.VirtualAdversarialMethod)


def _run(job: Job) -> Tensor:
    given = dict(job.given)
    if "num_random_init" in given:
        given["num_random_init"] = int(given["num_random_init"])
    if job.offer.targeted and not job.offer.aims:
        given["targeted"] = job.targeted
    module = _Probabilities(job.module) if job.offer.make in _PROBABILITIES else job.module
    estimator = PyTorchClassifier(
        model=module,
        loss=nn.CrossEntropyLoss(),
        input_shape=job.module.shape,
        nb_classes=job.classes,
        clip_values=(0.0, 1.0),
        device_type="cpu",
    )
    goals = np.eye(job.classes, dtype=np.float32)[job.goal.cpu().numpy()]
    with _seeded(job.seed):
        made = job.offer.make(estimator, **given).generate(x=job.x.cpu().numpy(), y=goals)
    return torch.as_tensor(made, dtype=torch.float32, device=job.x.device)


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Seed the generators that ART makes for itself without a seed."""
    make = np.random.RandomState

    class Seeded(make):  # type: ignore[misc,valid-type]
        def __init__(self, given: Any = None) -> None:
            super().__init__(seed if given is None else given)

    np.random.RandomState = Seeded  # type: ignore[misc,assignment]
    try:
        yield
    finally:
        np.random.RandomState = make  # type: ignore[misc]


attack = make_attack("art", ATTACKS, _run)
