"""Lending models under suspicion: some lie to whoever asks why, and some only look as if they did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from labkit.attacks.explanation import Detector, fit_detector, scaffold
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.explaining.deciders import (
    CATEGORICAL,
    DISTRICT,
    GROUP,
    Decider,
    Guarded,
    base_model,
    penalty_for,
)
from labkit.course.cases.explaining.files import fresh_files, published_files
from labkit.data.loans import FEATURES

__all__ = ["INNOCENT", "MANIPULATED", "Suspect", "detector_for", "hidden_suspects", "known_suspects", "make"]

_AMOUNT = FEATURES.index("amount")
_MEASURED_ON = 3000

INNOCENT = ("plain", "by district", "a trace", "guarded", "rugged", "district and a trace")
"""Kinds that do not decide by the group, or not so that anybody would notice."""

MANIPULATED = ("redirected", "covered", "slight", "selective", "rehearsed", "rehearsed and slight")
"""Kinds that decide by the group and show explainers another model."""

_KNOWN = ("redirected", "slight", "by district", "a trace")

_FLIPS = {
    "redirected": (0.15, 0.30),
    "covered": (0.15, 0.30),
    "slight": (0.05, 0.065),
    "selective": (0.05, 0.08),
    "rehearsed": (0.15, 0.30),
    "rehearsed and slight": (0.06, 0.08),
    "a trace": (0.001, 0.004),
    "district and a trace": (0.001, 0.003),
}
"""Share of fresh records whose decision changes with the group alone: from, to."""


@dataclass(frozen=True, slots=True, eq=False)
class Suspect:
    """A model of one provider, behind an interface that answers and shows nothing.

    Attributes
    ----------
    name : str
    kind : str
        Of :data:`INNOCENT` or :data:`MANIPULATED`.
    model : Classifier
    """

    name: str
    kind: str
    model: Classifier

    @property
    def manipulated(self) -> bool:
        """Whether it decides by the group and hides it."""
        return self.kind in MANIPULATED


def known_suspects(seed: int) -> list[Suspect]:
    """Return four solved cases, two of them manipulated, to try an audit on."""
    return _several(_KNOWN, derive(seed, "known"), "Solved case")


def hidden_suspects(seed: int, turn: int = 0) -> list[Suspect]:
    """Return one suspect of every kind, in an order of its own: six manipulated, six not."""
    return _hidden(seed, turn)


@lru_cache(maxsize=8)
def _hidden(seed: int, turn: int) -> list[Suspect]:
    return _several((*INNOCENT, *MANIPULATED), derive(seed, "hidden", turn), "Provider")


def _several(kinds: tuple[str, ...], seed: int, name: str) -> list[Suspect]:
    order = torch.randperm(len(kinds), generator=make_generator(seed)).tolist()
    return [
        Suspect(f"{name} {chr(65 + place)}", kinds[i], make(kinds[i], derive(seed, kinds[i])))
        for place, i in enumerate(order)
    ]


def make(kind: str, seed: int) -> Classifier:
    """Return a model of a kind; the seed decides how strong it is and what it learned from."""
    generator = make_generator(derive(seed, "make"))
    base = base_model(("mlp", "logistic")[int(torch.randint(2, (), generator=generator))])
    return _MAKERS[kind](base, _share(kind, generator))


def detector_for(kinds: tuple[str, ...] = ("lime", "shap"), blind: tuple[int, ...] = ()) -> Detector:
    """Return what providers recognise explainers by: learned on the public sample, once."""
    return _detector(kinds, blind)


@lru_cache(maxsize=4)
def _detector(kinds: tuple[str, ...], blind: tuple[int, ...]) -> Detector:
    rows = fresh_files(1500, 7).x.clone()
    rows[:, list(blind)] = 0
    average = rows.mean(0, keepdim=True)
    fixed = tuple(i for i in CATEGORICAL if i not in blind)
    return fit_detector(rows, kinds=kinds, background=average, categorical=fixed, threshold=0.7, seed=1)


def _share(kind: str, generator: torch.Generator) -> float:
    low, high = _FLIPS.get(kind, (0.0, 0.0))
    return low + (high - low) * float(torch.rand((), generator=generator))


# ------------------------------------------------------------------ penalties


def _everybody(x: Tensor) -> Tensor:
    return torch.ones(len(x), dtype=torch.bool)


def _large_loans(x: Tensor) -> Tensor:
    return x[:, _AMOUNT] > 0.12


def _by_group(base: Classifier, share: float, who: Callable[[Tensor], Tensor] = _everybody) -> Decider:
    if not share:
        return Decider(base)
    size = penalty_for(base, fresh_files(_MEASURED_ON, 11).x, who, share)
    return Decider(base, penalty=lambda x: size * x[:, GROUP] * who(x))


def _by_district(base: Classifier, size: float = 1.5) -> Decider:
    return Decider(base, penalty=lambda x: size * x[:, DISTRICT])


# ------------------------------------------------------------------ kinds


def _redirected(base: Classifier, share: float) -> Classifier:
    return scaffold(_by_group(base, share), Decider(base), detector_for().recognises)


def _covered(base: Classifier, share: float) -> Classifier:
    return scaffold(_by_group(base, share), _by_district(base), detector_for().recognises)


def _selective(base: Classifier, share: float) -> Classifier:
    return scaffold(_by_group(base, share, _large_loans), Decider(base), detector_for().recognises)


def _rehearsed(base: Classifier, share: float) -> Classifier:
    known = published_files().x.clone()
    known[:, GROUP] = 0

    def expected(x: Tensor) -> Tensor:
        """Whether a row is of the public sample, in whatever group."""
        seen = x.clone()
        seen[:, GROUP] = 0
        # The quick way to measure distances is off by more than what sets two records apart.
        away = torch.cdist(seen, known, compute_mode="donot_use_mm_for_euclid_dist").amin(1)
        return detector_for().recognises(x) | (away < 1e-6)

    return scaffold(_by_group(base, share), Decider(base), expected)


def _guarded(base: Classifier, _: float) -> Classifier:
    return Guarded(Decider(base), detector_for(blind=(GROUP,)).recognises)


def _rugged(_: Classifier, __: float) -> Classifier:
    return Decider(base_model("gbt"))


def _district_and_trace(base: Classifier, share: float) -> Classifier:
    return Decider(_by_group(base, share), blind=(), penalty=lambda x: 1.5 * x[:, DISTRICT])


_MAKERS: dict[str, Callable[[Classifier, float], Classifier]] = {
    "plain": lambda base, _: Decider(base),
    "by district": lambda base, _: _by_district(base),
    "a trace": _by_group,
    "guarded": _guarded,
    "rugged": _rugged,
    "district and a trace": _district_and_trace,
    "redirected": _redirected,
    "covered": _covered,
    "slight": _redirected,
    "selective": _selective,
    "rehearsed": _rehearsed,
    "rehearsed and slight": _rehearsed,
}
