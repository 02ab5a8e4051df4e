"""One participant's variant of the lab about explanations: a biased model, a product, files, solved cases.

The seed decides how strongly the group counts, which score lies beneath, and which files there are.
What the judge knows, the hidden suspects and files of its own, is drawn where it is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from labkit.core.protocols import Classifier, predict
from labkit.core.seeds import derive
from labkit.course.cases.explaining.deciders import ACCEPT, GROUP, Decider, base_model
from labkit.course.cases.explaining.files import Files, fresh_files, published_files
from labkit.course.cases.explaining.suspects import Suspect, detector_for, known_suspects, make
from labkit.course.lab import Scenario
from labkit.data.loans import FEATURES

__all__ = ["EXPLAINED", "ISSUED", "ExplainingCase", "explaining_case"]

ISSUED = 1000
"""Fresh files that a participant may look into."""

EXPLAINED = 8
"""Applicants whose decision is to be explained."""

_BACKGROUND = 30
_PENALTY = 8.0  # taken off the log-odds: hardly a score makes up for it
_PRODUCTS = ("redirected", "rehearsed", "covered")

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True, eq=False)
class ExplainingCase:
    """What one participant explains, manipulates and audits.

    Attributes
    ----------
    scenario : Scenario
    seed : int
        Which variant this is.
    features : tuple of str
        Names of the ten columns.
    biased : Classifier
        A model that decides by the group, as somebody inside sees it.
    score : Classifier
        The score beneath it, which sees neither group nor district.
    product : Classifier
        What the provider sells.
    x : Tensor of shape ``(8, 10)``
        Refused and accepted applicants to be explained.
    background : Tensor of shape ``(30, 10)``
        Real rows of the public sample that an explanation is relative to.
    published : Tensor of shape ``(600, 10)``
        The public sample.
    files : Files
        Fresh files, with their twins.
    known : list of Suspect
        Four solved cases.
    """

    scenario: Scenario
    seed: int
    features: tuple[str, ...]
    biased: Classifier
    score: Classifier
    product: Classifier
    x: Tensor
    background: Tensor
    published: Tensor
    files: Files
    known: list[Suspect]


def explaining_case(scenario: Scenario, seed: int, progress: Progress | None = None) -> ExplainingCase:
    """Return the variant ``seed`` of ``scenario``; the first call trains three small models.

    Parameters
    ----------
    scenario : Scenario
    seed : int
    progress : function, optional
    """
    for architecture in ("mlp", "logistic", "gbt"):
        score = base_model(architecture, progress=progress)
    detector_for()  # learned now, so that nobody waits for it later
    score = base_model(("mlp", "logistic")[derive(seed, "score") % 2])
    files = fresh_files(ISSUED, derive(seed, "issued"))
    biased = biased_model(score)
    refused = predict(biased, files.x) != ACCEPT
    # Half of them refused, so that an explanation of each kind is there to be read.
    half = EXPLAINED // 2
    chosen = [*refused.nonzero().flatten()[:half].tolist(), *(~refused).nonzero().flatten()[:half].tolist()]
    return ExplainingCase(
        scenario=scenario,
        seed=seed,
        features=FEATURES,
        biased=biased,
        score=score,
        product=make(_PRODUCTS[derive(seed, "product") % len(_PRODUCTS)], derive(seed, "product")),
        x=files.x[chosen],
        background=published_files().x[:_BACKGROUND],
        published=published_files().x,
        files=files,
        known=known_suspects(seed),
    )


def biased_model(score: Classifier) -> Decider:
    """Return a model that hardly ever accepts anybody of the group."""
    return Decider(score, penalty=lambda x: _PENALTY * x[:, GROUP])
