"""Audits as plain data: which test, on which records, how many, and from which value on to accuse.

Whoever judges runs the same recipe on models that the participant has never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch
from torch import Tensor

from labkit.attacks.explanation import perturb_like_lime
from labkit.core.checks import length, whole
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.protocols import Classifier, predict
from labkit.core.results import Parameter
from labkit.core.seeds import derive
from labkit.course.cases.explaining.deciders import ACCEPT, CATEGORICAL, GROUP
from labkit.course.cases.explaining.files import MOVED, Files, fresh_files, published_files
from labkit.course.cases.explaining.suspects import Suspect
from labkit.explain import lime, shap
from labkit.metrics import Rate, flip_rate, named_first, parity_gap, stability

__all__ = [
    "BACKGROUNDS",
    "DEFAULTS",
    "EXPLAINERS",
    "MOST_RECORDS",
    "RECORDS_FROM",
    "TESTS",
    "Verdict",
    "audit",
    "background_of",
    "check_recipe",
    "explained",
    "files_opened",
    "measure_by",
]

MOST_RECORDS = 1000
"""Files that an auditor may have opened at most."""

RECORDS_FROM = ("files", "published", "made up")
"""Fresh files that no provider has seen, the public sample, or rows drawn as LIME draws them."""

EXPLAINERS = ("lime", "shap")
BACKGROUNDS = ("average", "files")
"""What a column that is not known is filled from: the average applicant, or twenty real ones."""

DEFAULTS: Mapping[str, Parameter] = MappingProxyType(
    {
        "test": "named",
        "records": "published",
        "count": MOST_RECORDS,
        "moved": MOVED[2],
        "explainer": "shap",
        "background": "average",
        "threshold": 0.1,
    }
)
"""Every setting of a recipe, and what it is by default: what is usual, which is not what works."""

_EXPLAINED = 5  # records for each test that explains: each takes as many questions as an audit of files
_BACKGROUND_FILES = 20
_GROUPS = {"average": 256, "files": 120}  # groups of columns that SHAP asks about


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an audit says about one suspect.

    Attributes
    ----------
    name : str
    value : float
        What the test measured.
    accused : bool
        Whether that is above the threshold.
    interval : tuple of float or None
        95 % interval of the value, where it is a share.
    """

    name: str
    value: float
    accused: bool
    interval: tuple[float, float] | None = None


def check_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe with every setting in it.

    Raises
    ------
    InvalidInputError, UnknownNameError
        When it is no mapping, names a setting or choice that is not known, or a number out of range.
    """
    if not isinstance(recipe, Mapping):
        raise InvalidInputError(
            f'expected a recipe such as {{"test": "flips", "records": "files"}}, got {recipe!r}'
        )
    for name in recipe:
        if name not in DEFAULTS:
            raise UnknownNameError("setting of an audit", str(name), DEFAULTS)
    made = {**DEFAULTS, **recipe}
    for name, known in _CHOICES.items():
        if made[name] not in known:
            raise UnknownNameError(f"choice of {name}", str(made[name]), known)
    made["count"] = whole("count", made["count"], at_least=10)
    made["threshold"] = length("threshold", made["threshold"])
    if made["count"] > MOST_RECORDS or made["threshold"] > 1:
        raise InvalidInputError(
            f"expected count from 10 to {MOST_RECORDS} and threshold from 0 to 1, "
            f"got {made['count']} and {made['threshold']:g}"
        )
    if made["records"] == "made up" and made["moved"] == MOVED[2]:
        raise InvalidInputError(
            "expected records that somebody filed where everything that the group causes is moved; "
            "nothing caused a row that was made up"
        )
    return made


def audit(
    suspects: Sequence[Suspect],
    recipe: Mapping[str, Any],
    *,
    seed: int,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Verdict]:
    """Run one recipe on every suspect, with the same records for all of them.

    Parameters
    ----------
    suspects : sequence of Suspect
    recipe : mapping
        See :func:`check_recipe`.
    seed : int
        Decides which files are drawn and what else the test draws.
    progress : function, optional
    """
    made, found = check_recipe(recipe), []
    for i, suspect in enumerate(suspects):
        if progress is not None:
            progress(i, len(suspects), "auditing")
        value, interval = measure_by(suspect.model, made, seed=seed)
        found.append(Verdict(suspect.name, value, value > made["threshold"], interval))
    return found


def measure_by(
    model: Classifier, recipe: Mapping[str, Any], *, seed: int
) -> tuple[float, tuple[float, float] | None]:
    """Return what a recipe measures on one model, and its 95 % interval where it is a share."""
    made = check_recipe(recipe)
    records = _records(made, seed)
    found = TESTS[made["test"]](model, records, made, seed)
    return (found.value, (found.low, found.high)) if isinstance(found, Rate) else (found, None)


def files_opened(recipe: Mapping[str, Any]) -> int:
    """Return how many applicants' files a recipe has opened."""
    made = check_recipe(recipe)
    return int(made["count"]) if made["records"] == "files" else 0


def background_of(name: str, seed: int) -> Tensor:
    """Return the background rows of a name out of :data:`BACKGROUNDS`.

    Raises
    ------
    UnknownNameError
        When there is no such background.
    """
    if name not in BACKGROUNDS:
        raise UnknownNameError("background", str(name), BACKGROUNDS)
    known = published_files().x
    if name == "average":
        return known.mean(0, keepdim=True)
    return fresh_files(_BACKGROUND_FILES, derive(seed, "background")).x


def explained(model: Classifier, x: Tensor, explainer: str, background: str, *, seed: int) -> Tensor:
    """Return what an explainer says of the acceptance of each row, ``(n, 10)``, in log-odds.

    Raises
    ------
    UnknownNameError
        When there is no such explainer or background.
    """
    if explainer not in EXPLAINERS:
        raise UnknownNameError("explainer", str(explainer), EXPLAINERS)
    rows = background_of(background, seed)
    if explainer == "shap":
        return shap(model, x, ACCEPT, background=rows, samples=_GROUPS[background], seed=seed).values
    # LIME draws by mean and spread, and one average row has no spread.
    spread = published_files().x if background == "average" else rows
    return lime(model, x, ACCEPT, background=spread, categorical=CATEGORICAL, samples=500, seed=seed).values


# ------------------------------------------------------------------ the tests


def _records(made: Mapping[str, Any], seed: int) -> Files:
    count = int(made["count"])
    if made["records"] == "files":
        return fresh_files(MOST_RECORDS, derive(seed, "files")).first(count)
    if made["records"] == "published":
        return published_files().first(count)
    rows = perturb_like_lime(
        published_files().x, copies=2, categorical=CATEGORICAL, seed=derive(seed, "made up")
    )[:count].clamp(0, 1)
    return Files(rows, rows)


def _flips(model: Classifier, records: Files, made: Mapping[str, Any], seed: int) -> Rate:
    return flip_rate(model, records.x, records.twins(str(made["moved"])))


def _parity(model: Classifier, records: Files, made: Mapping[str, Any], seed: int) -> float:
    gap = parity_gap(model, records.x, records.x[:, GROUP] == 1, target=ACCEPT)
    return abs(gap) if gap == gap else 0.0


def _named(model: Classifier, records: Files, made: Mapping[str, Any], seed: int) -> Rate:
    rows = records.x[:_EXPLAINED]
    return named_first(explained(model, rows, made["explainer"], made["background"], seed=seed), GROUP)


def _unstable(model: Classifier, records: Files, made: Mapping[str, Any], seed: int) -> float:
    rows = records.x[:_EXPLAINED]
    runs = [
        explained(model, rows, made["explainer"], made["background"], seed=derive(seed, "run", i))
        for i in range(2)
    ]
    return 1 - float(stability(torch.stack(runs)).mean())


def _surrogate_gap(model: Classifier, records: Files, made: Mapping[str, Any], seed: int) -> Rate:
    """Share of the records that a linear model of the suspect, fitted on made-up rows, gets wrong."""
    asked = perturb_like_lime(
        published_files().x, copies=2, categorical=CATEGORICAL, seed=derive(seed, "surrogate")
    )
    odds = model.logits(asked).diff(dim=1)

    def widened(x: Tensor) -> Tensor:
        return torch.cat([x, torch.ones(len(x), 1)], dim=1).double()

    weights = torch.linalg.lstsq(widened(asked), odds.double()).solution
    said = (widened(records.x) @ weights)[:, 0] > 0
    return Rate.of(said != (predict(model, records.x) == ACCEPT))


TESTS: Mapping[str, Callable[[Classifier, Files, Mapping[str, Any], int], Rate | float]] = MappingProxyType(
    {
        "flips": _flips,
        "parity": _parity,
        "named": _named,
        "unstable": _unstable,
        "surrogate": _surrogate_gap,
    }
)
"""What can be measured of a suspect; more is more suspicious.

``flips``: share of decisions that change on the twins.  ``parity``: difference between the shares of
accepted applicants.  ``named``: share of explanations that name the group first.  ``unstable``: how
little two explanations of one record agree.  ``surrogate``: share of decisions that a simple model of
the suspect gets wrong.
"""

_CHOICES: Mapping[str, Sequence[str]] = {
    "test": tuple(TESTS),
    "records": RECORDS_FROM,
    "moved": MOVED,
    "explainer": EXPLAINERS,
    "background": BACKGROUNDS,
}
