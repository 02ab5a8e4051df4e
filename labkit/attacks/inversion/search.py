"""Black-box model inversion: search the prior with nothing but the answers of a service."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.attacks.inversion._common import Progress, check_prior, check_targets
from labkit.attacks.inversion.prior import Prior
from labkit.attacks.oracle import Oracle
from labkit.core.checks import whole
from labkit.core.machine import threads
from labkit.core.protocols import Classifier
from labkit.core.results import Reconstruction
from labkit.core.seeds import derive, make_generator

__all__ = ["search_class"]


def search_class(
    model: Classifier,
    y_target: Tensor,
    *,
    prior: Prior,
    query_budget: int = 600,
    population: int = 60,
    seed: int = 0,
    progress: Progress | None = None,
) -> Reconstruction:
    """Reconstruct classes by asking: a population of guesses moves to where the answers are best.

    Each round asks about a population drawn from a Gaussian over the coefficients of the
    prior, and moves that Gaussian to the better guesses, each weighed by its answer (the
    cross-entropy method).  Scores, rounded scores, the top few or the label alone: the
    attack takes what the service gives.  With labels alone every hit counts the same, so
    the Gaussian settles in the middle of the region that the model calls the class.

    Parameters
    ----------
    model : Classifier
        A service that answers with scores, however coarse: what it does not tell it must
        answer with a score below all that it does.
    y_target : Tensor of shape ``(n,)``, int64
    prior : Prior
    query_budget : int
        Questions for each class.
    population : int
        Questions a round.
    seed : int
    progress : function, optional

    Raises
    ------
    QueryBudgetError
        When ``model`` is an :class:`Oracle` whose own budget is smaller than what is asked.

    References
    ----------
    Rubinstein, "The Cross-Entropy Method", 1999; Kahla et al., "Label-Only Model Inversion
    Attacks via Boundary Repulsion", CVPR 2022, for what labels alone give away.
    """
    y, prior = check_targets(y_target, model.classes), check_prior(prior, model)
    budget, size = whole("query_budget", query_budget), whole("population", population, at_least=4)
    found, asked, final = [], [], []
    with threads(), torch.no_grad():
        for number, target in enumerate(y.tolist()):
            counter = Oracle(model, budget)
            centre, value = _search(
                counter, target, prior, size, make_generator(derive(seed, "search", target))
            )
            found.append(prior.decode(centre[None])[0])
            asked.append(counter.queries)
            final.append(value)
            if progress is not None:
                progress(number + 1, len(y), "asking the service")
    return Reconstruction(
        x_hat=torch.stack(found),
        y=y,
        attack="search_class",
        params={
            "components": len(prior),
            "query_budget": budget,
            "population": size,
            "seed": seed,
        },
        queries=torch.tensor(asked),
        objective=torch.tensor(final),
    )


def _search(
    service: Oracle, target: int, prior: Prior, size: int, generator: torch.Generator
) -> tuple[Tensor, float]:
    """Return the coefficients that the search ends at, and the mean badness of its last elite."""
    centre, spread = torch.zeros(len(prior)), torch.ones(len(prior))
    best_z, best_value = torch.zeros(0, len(prior)), torch.zeros(0)
    while service.left:
        count = min(size, service.left)
        z = centre + spread * torch.randn(count, len(prior), generator=generator)
        scores = torch.log_softmax(service.logits(prior.decode(z)), 1)
        value = scores[:, target] + (scores.argmax(1) == target)
        # Far from the mean of the prior is far from a face, however sure the model is.
        value = value - 0.004 * (z**2).sum(1)
        keep_z, keep_value = torch.cat([best_z, z]), torch.cat([best_value, value])
        order = keep_value.argsort(descending=True, stable=True)[: max(4, size // 4)]
        best_z, best_value = keep_z[order], keep_value[order]
        # One answer alone does not spread.
        apart = best_value.std() if len(best_value) > 1 else best_value.new_zeros(())
        weights = torch.softmax(best_value / apart.clamp_min(0.3), 0)
        centre = 0.5 * centre + 0.5 * weights @ best_z
        wide = (weights @ (best_z - centre) ** 2).sqrt()
        spread = 0.6 * spread + 0.4 * wide.clamp(0.15, 1.0)
    return centre, -float(best_value.mean()) if len(best_value) else float("nan")
