"""One participant's variant of an extraction lab: two services to copy, customers, six suspects.

The seed decides who holds which pictures, how the two services turn out, and which suspect was
made how.  What is issued here is what a participant may see; what the judge knows is drawn
anew where something is judged.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import torch
from torch import Tensor, nn

from labkit import data, models
from labkit.attacks.oracle import Oracle
from labkit.core.protocols import Classifier
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.extraction.customers import Customer, known_customers
from labkit.course.cases.extraction.dispute import Own, Suspect, own_side, suspects_of
from labkit.course.cases.extraction.sealed import Sealed
from labkit.course.cases.extraction.shares import scan, setting, share_out
from labkit.course.cases.inversion.asking import QueryAccount
from labkit.course.cases.variants import NewVariant, Variant
from labkit.course.lab import Scenario
from labkit.defenses.privacy import ApiView
from labkit.models.linear import LinearClassifier

__all__ = ["SUSPECTS", "ExtractionCase", "extraction_case", "logistic_reader", "reader_of", "score_of"]

Progress = Callable[[int, int, str], None]

SUSPECTS = 6


@dataclass(frozen=True, eq=False)
class ExtractionCase:
    """What one participant steals, defends and looks for.

    Attributes
    ----------
    scenario : Scenario
    seed : int
        Which variant this is.
    class_names : tuple of str
    pool : Tensor of shape ``(n, ...)``
        Scans that the thief has, without their classes.
    reader : Classifier
        The service that reads digits, as its owner sees it: full probabilities, no meter, no
        weights.
    score : Classifier
        The service that scores loans: one number, linear in the input.
    reader_account, score_account : QueryAccount
        How often each service was asked.
    """

    scenario: Scenario
    seed: int
    class_names: tuple[str, ...]
    pool: Tensor
    reader: Classifier
    score: Classifier
    reader_account: QueryAccount = field(init=False)
    score_account: QueryAccount = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "reader_account", QueryAccount(self.scenario.query_budget))
        object.__setattr__(self, "score_account", QueryAccount(self.score.input_shape[0] + 1))

    @property
    def query_budget(self) -> int:
        """Questions to the reader between two hand-ins."""
        return self.scenario.query_budget

    def oracle(self) -> Oracle:
        """Return the reader with the judge's meter, good for the budget until a hand-in."""
        return self.reader_account.open(ApiView(self.reader, "probabilities"))

    def score_oracle(self) -> Oracle:
        """Return the loan score with the judge's meter: as many questions as there are unknowns."""
        return self.score_account.open(self.score)

    @cached_property
    def customers(self) -> list[Customer]:
        """Last month's accounts: what each asked, in order."""
        return known_customers(self)

    @property
    def own(self) -> Own:
        """The model that Meridian owns in the dispute, its data, watermark and reference models."""
        return own_side(self.scenario)

    @cached_property
    def suspects(self) -> tuple[Suspect, ...]:
        """Six services on the market that answer with a class; which are copies is not said."""
        return suspects_of(self)


def extraction_case(scenario: Scenario, seed: int, progress: Progress | None = None) -> ExtractionCase:
    """Return the variant ``seed`` of ``scenario``; two small models are trained for it.

    Parameters
    ----------
    scenario : Scenario
        Its settings may name sizes, ``scan_noise``, ``epochs`` and ``lr``.
    seed : int
    progress : function, optional
    """
    dataset = data.load(scenario.dataset)
    variant = NewVariant(scenario, seed)
    shares = share_out(variant)
    noise = setting(scenario, "scan_noise")
    return ExtractionCase(
        scenario=scenario,
        seed=seed,
        class_names=tuple(dataset.card.classes),
        pool=scan(shares.pool.x, noise, derive(seed, "pool")),
        reader=Sealed(reader_of(variant, progress)),
        score=Sealed(score_of(variant)),
    )


def reader_of(variant: Variant, progress: Progress | None = None) -> models.TorchClassifier:
    """Train the reader of a variant; for the service and for whoever judges."""
    scenario, training = variant.scenario, share_out(variant).training
    shape, seed = tuple(training.x.shape[1:]), derive(variant.seed, "reader")
    classes = len(data.load(scenario.dataset).card.classes)
    return models.train(
        models.build(scenario.victim, shape, classes, seed=seed),
        training.x,
        training.y,
        epochs=int(setting(scenario, "epochs")),
        lr=setting(scenario, "lr"),
        seed=seed,
        progress=progress,
    )


def score_of(variant: Variant) -> LinearClassifier:
    """Fit the loan score of a variant by least squares, on the applications of one branch."""
    loans = data.load("loans").train
    branch = torch.randperm(len(loans), generator=make_generator(derive(variant.seed, "branch")))[:1000]
    x = torch.cat([loans.x[branch].double(), torch.ones(len(branch), 1, dtype=torch.float64)], 1)
    found = torch.linalg.lstsq(x, 1000 * loans.y[branch].double()[:, None]).solution[:, 0]
    return LinearClassifier(found[None, :-1], found[-1:])


def logistic_reader(scenario: Scenario) -> LinearClassifier:
    """Return a logistic regression on the pictures of a scenario, the same for everybody."""
    victim = models.load_victim("logistic", data.load(scenario.dataset))
    layer = cast(nn.Sequential, cast(models.TorchClassifier, victim).module)[-1]
    return LinearClassifier(cast(Tensor, layer.weight), cast(Tensor, layer.bias), tuple(victim.input_shape))
