"""torchattacks: a table of its attacks in our words.

Three are missing.  ``MultiAttack`` is several attacks one after the other, which
:func:`labkit.metrics.robust_accuracy` measures as it is; ``LGV`` trains copies of the
victim on data of its own (:func:`labkit.attacks.evasion.distil` and ``transfer`` are the way
here); ``FAB`` in L1 stops with an error of its own.

References
----------
Kim, "Torchattacks: A PyTorch Repository for Adversarial Attacks", 2020.
https://arxiv.org/abs/2010.01950
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torchattacks
from torch import Tensor

from labkit.core.threat import Norm
from labkit.engines._offer import Offer
from labkit.engines._run import Job, make_attack

__all__ = ["ATTACKS", "attack"]

_NOTHING: Mapping[str, Any] = {}
_LINF, _L2 = {"norm": "Linf"}, {"norm": "L2"}
_EVERY = {"multi_targeted": True, "n_classes": 0}
_BUDGET = {"epsilon": "eps"}
_STEPS = {**_BUDGET, "step_size": "alpha", "steps": "steps"}
_START = {**_STEPS, "random_start": "random_start"}
_MOMENTUM = {**_STEPS, "decay": "decay"}
_SEEDED = {**_BUDGET, "restarts": "n_restarts", "seed": "seed"}
_DECIDED = {**_SEEDED, "steps": "steps"}
_ASKED = {**_SEEDED, "query_budget": "n_queries"}
_SMOOTHED = {**_STEPS, "noise": "noise_sd", "samples": "noise_batch_size"}
_ELASTIC = {
    "epsilon": "",
    "steps": "max_iterations",
    "binary_search_steps": "binary_search_steps",
    "lr": "lr",
    "beta": "beta",
}
_PATCHWISE = {"epsilon": "max_epsilon", "steps": "num_iter_set"}
_TEN = {"steps": 10}


def _stepwise(
    make: Any,
    words: dict[str, str] = _STEPS,
    norm: Norm = Norm.LINF,
    *,
    targeted: bool = True,
    look: str = "any",
    fixed: Mapping[str, Any] = _NOTHING,
) -> Offer:
    """Return an attack of ten steps, as all of theirs have by default."""
    return Offer(make, words, norm, fixed=fixed, defaults=_TEN, targeted=targeted, look=look)


def _ensemble(module: Any, *, steps: int, n_queries: int, **given: Any) -> Any:
    """Return their AutoAttack, with as many steps and questions as it was told."""
    theirs = torchattacks.AutoAttack(module, **given)
    for part in theirs._autoattack.attacks:
        for word, value in {"steps": steps, "n_queries": n_queries}.items():
            if hasattr(part, word):
                setattr(part, word, value)
    return theirs


def _auto(norm: Norm, fixed: Mapping[str, Any]) -> Offer:
    return Offer(
        _ensemble,
        {**_BUDGET, "steps": "steps", "query_budget": "n_queries", "seed": "seed"},
        norm,
        fixed={**fixed, "n_classes": 0},
        defaults={"steps": 10, "query_budget": 5000},
        targeted=False,
        look="picture",
        least_classes=4,
    )


ATTACKS: dict[str, Offer] = {
    "apgd": _stepwise(torchattacks.APGD, _DECIDED, targeted=False, fixed=_LINF),
    "apgd_l2": _stepwise(torchattacks.APGD, _DECIDED, Norm.L2, targeted=False, fixed=_L2),
    "apgd_t": Offer(
        torchattacks.APGDT,
        _DECIDED,
        Norm.LINF,
        fixed={**_LINF, "n_classes": 0},
        defaults=_TEN,
        targeted=False,
        least_classes=4,
    ),
    "apgd_t_l2": Offer(
        torchattacks.APGDT,
        _DECIDED,
        Norm.L2,
        fixed={**_L2, "n_classes": 0},
        defaults=_TEN,
        targeted=False,
        least_classes=4,
    ),
    "autoattack": _auto(Norm.LINF, _LINF),
    "autoattack_l2": _auto(Norm.L2, _L2),
    "bim": _stepwise(torchattacks.BIM),
    "carlini_wagner": Offer(
        torchattacks.CW,
        {"epsilon": "", "steps": "steps", "lr": "lr", "weight": "c", "confidence": "kappa"},
        Norm.L2,
        defaults={"steps": 50},
        free=True,
    ),
    "deepfool": Offer(
        torchattacks.DeepFool,
        {"epsilon": "", "steps": "steps", "overshoot": "overshoot"},
        Norm.L2,
        free=True,
        targeted=False,
        beyond=0.001,
    ),
    "difgsm": _stepwise(torchattacks.DIFGSM, {**_START, "decay": "decay"}, look="square"),
    "ead_en": Offer(torchattacks.EADEN, _ELASTIC, Norm.L1, free=True, at_least={"steps": 10}),
    "ead_l1": Offer(torchattacks.EADL1, _ELASTIC, Norm.L1, free=True, at_least={"steps": 10}),
    "eotpgd": _stepwise(torchattacks.EOTPGD, {**_START, "samples": "eot_iter"}),
    "fab": _stepwise(torchattacks.FAB, _DECIDED, targeted=False, fixed=_LINF),
    "fab_l2": _stepwise(torchattacks.FAB, _DECIDED, Norm.L2, targeted=False, fixed=_L2),
    "fab_t": _stepwise(torchattacks.FAB, _DECIDED, targeted=False, fixed={**_LINF, **_EVERY}),
    "fab_t_l2": _stepwise(torchattacks.FAB, _DECIDED, Norm.L2, targeted=False, fixed={**_L2, **_EVERY}),
    "ffgsm": Offer(torchattacks.FFGSM, {**_BUDGET, "step_size": "alpha"}, Norm.LINF, stride=1.25),
    "fgsm": Offer(torchattacks.FGSM, _BUDGET, Norm.LINF),
    "gaussian_noise": Offer(
        torchattacks.GN, {"epsilon": "", "noise": "std"}, Norm.L2, free=True, targeted=False, black_box=True
    ),
    "jitter": _stepwise(torchattacks.Jitter, _START),
    "jsma": Offer(
        torchattacks.JSMA,
        {"epsilon": "", "step_size": "theta", "gamma": "gamma"},
        Norm.L0,
        free=True,
        aims=True,
    ),
    "mifgsm": _stepwise(torchattacks.MIFGSM, _MOMENTUM),
    "nifgsm": _stepwise(torchattacks.NIFGSM, _MOMENTUM),
    "one_pixel": Offer(
        torchattacks.OnePixel,
        {"epsilon": "", "pixels": "pixels", "steps": "steps", "population": "popsize"},
        Norm.L0,
        free=True,
        black_box=True,
        look="picture",
    ),
    "pgd": _stepwise(torchattacks.PGD, _START),
    "pgd_l2": _stepwise(torchattacks.PGDL2, _START, Norm.L2),
    "pgdrs": _stepwise(torchattacks.PGDRS, _SMOOTHED),
    "pgdrs_l2": _stepwise(torchattacks.PGDRSL2, _SMOOTHED, Norm.L2),
    "pifgsm": _stepwise(torchattacks.PIFGSM, _PATCHWISE, targeted=False, look="colour"),
    "pifgsm++": _stepwise(torchattacks.PIFGSMPP, _PATCHWISE, look="colour"),
    "pixle": Offer(
        torchattacks.Pixle,
        {"epsilon": "", "restarts": "restarts", "steps": "max_iterations"},
        Norm.L0,
        free=True,
        black_box=True,
        look="square",
    ),
    "rfgsm": _stepwise(torchattacks.RFGSM),
    "sinifgsm": _stepwise(torchattacks.SINIFGSM, {**_MOMENTUM, "scales": "m"}),
    "sparsefool": Offer(
        torchattacks.SparseFool,
        {"epsilon": "", "steps": "steps", "overshoot": "overshoot"},
        Norm.L0,
        free=True,
        targeted=False,
    ),
    "spsa": Offer(
        torchattacks.SPSA,
        {**_BUDGET, "steps": "nb_iter", "samples": "nb_sample", "radius": "delta", "lr": "lr"},
        Norm.LINF,
        defaults={"steps": 1},
        black_box=True,
    ),
    "square": Offer(torchattacks.Square, _ASKED, Norm.LINF, fixed=_LINF, black_box=True, look="picture"),
    "square_l2": Offer(torchattacks.Square, _ASKED, Norm.L2, fixed=_L2, black_box=True, look="picture"),
    "tifgsm": _stepwise(torchattacks.TIFGSM, {**_START, "decay": "decay"}, look="colour square"),
    "tpgd": _stepwise(torchattacks.TPGD, targeted=False),
    "upgd": _stepwise(torchattacks.UPGD, {**_START, "decay": "decay"}),
    "vanila": Offer(torchattacks.VANILA, {}, Norm.LINF, free=True, targeted=False, black_box=True),
    "vmifgsm": _stepwise(torchattacks.VMIFGSM, {**_MOMENTUM, "samples": "N"}),
    "vnifgsm": _stepwise(torchattacks.VNIFGSM, {**_MOMENTUM, "samples": "N"}),
}
"""What the engine offers, by our names."""


def _run(job: Job) -> Tensor:
    given = dict(job.given)
    if "seed" in job.offer.words:
        given["seed"] = job.seed
    if "n_classes" in given:
        given["n_classes"] = job.classes
    theirs = job.offer.make(job.module, **given)
    if job.targeted:
        theirs.set_mode_targeted_by_label(quiet=True)
    return theirs(job.x, job.goal)


attack = make_attack("torchattacks", ATTACKS, _run)
