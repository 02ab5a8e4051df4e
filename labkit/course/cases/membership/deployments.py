"""What a deployment gives away and what it is good for: trained and attacked by the judge."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from labkit import data
from labkit.attacks.membership import Shadows, draw_members, leave_one_out
from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive, make_generator
from labkit.course.cases.membership.records import held_out, private_records
from labkit.course.cases.variants import Variant
from labkit.data import Split
from labkit.defenses.privacy import dp_sgd_ensemble, privacy_spent, steps_of
from labkit.metrics import OverSplits, membership_auc, over_splits, tpr_at_fpr

__all__ = ["BUDGET", "JUDGED", "Deployed", "Deployment", "deploy"]

BUDGET = 4.0
"""The largest ``privacy_epsilon`` that is signed for a release."""

JUDGED = 16
"""Models that are trained for every judgement; each plays the victim once, against all others."""

Progress = Callable[[int, int, str], None]

_RANGES: dict[str, tuple[float, float]] = {
    "records": (100, 1100),
    "clip": (0.01, 100.0),
    "noise_multiplier": (0.0, 50.0),
    "sample_rate": (0.01, 1.0),
    "epochs": (1, 200),
}
_MOST_STEPS = 600


@dataclass(frozen=True, slots=True)
class Deployment:
    """How a reader is to be trained for release.

    Attributes
    ----------
    records : int
        From 100 to 1100 forms, all of which need consent.
    clip : float
        Longest gradient that one form may add.
    noise_multiplier : float
        Noise on the sum, in units of ``clip``.
    sample_rate : float
        Probability with which each form takes part in a step.
    epochs : int
        How often each form is taken up on average; ``epochs / sample_rate`` is at most 600 steps.
    """

    records: int
    clip: float
    noise_multiplier: float
    sample_rate: float
    epochs: int

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            value = getattr(self, name)
            # The numbers of numpy are numbers, too; True is none.
            known = isinstance(value, numbers.Real) and not isinstance(value, bool)
            if not known or not low <= float(value) <= high:
                raise InvalidInputError(f"expected {name} from {low:g} to {high:g}, got {value!r}")
            whole = name in ("records", "epochs")
            if whole and float(value) != int(value):
                raise InvalidInputError(f"expected {name} as a whole number, got {value!r}")
            object.__setattr__(self, name, int(value) if whole else float(value))
        if self.steps > _MOST_STEPS:
            raise InvalidInputError(
                f"expected at most {_MOST_STEPS} steps, got {self.steps}: "
                "fewer epochs, or a larger sample_rate"
            )

    @property
    def steps(self) -> int:
        """Updates of the whole training."""
        return steps_of(self.epochs, self.sample_rate)

    @property
    def name(self) -> str:
        """The settings, in words."""
        return (
            f"{self.records} forms, C {self.clip:g}, noise {self.noise_multiplier:g}, "
            f"rate {self.sample_rate:g}, {self.epochs} epochs"
        )

    def spent(self, privacy_delta: float, accountant: str = "rdp") -> float:
        """Return the ``privacy_epsilon`` of the whole training; infinite without noise."""
        return privacy_spent(
            noise_multiplier=self.noise_multiplier,
            sample_rate=self.sample_rate,
            steps=self.steps,
            privacy_delta=privacy_delta,
            accountant=accountant,
        )

    def settings(self) -> dict[str, float]:
        """Return what is handed in, as plain numbers."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Deployed:
    """What the judge measured of a deployment, over sixteen trainings.

    Attributes
    ----------
    tpr, auc : OverSplits
        Of the attack that found more: members found at 1 % wrong accusations, and area.
    attack : str
        Which attack that was.
    accuracy : OverSplits
        On forms that nobody trained on.
    trained : float
        Accuracy on the forms that each model was trained on.
    """

    tpr: OverSplits
    auc: OverSplits
    attack: str
    accuracy: OverSplits
    trained: float


_MEASURED: dict[tuple[object, ...], Deployed] = {}
_REMEMBERED = 200


def deploy(variant: Variant, deployment: Deployment, progress: Progress | None = None) -> Deployed:
    """Train sixteen models as the deployment says, attack each, and measure what they are good for.

    The judge draws who is in, with seeds of its own.  Each model is attacked with the other
    fifteen as shadows, by likelihood ratio and by loss; the attack that finds more counts.
    """
    scenario = variant.scenario
    key = (scenario.dataset, repr(sorted(scenario.settings.items())), variant.seed, deployment)
    if key not in _MEASURED:
        if len(_MEASURED) >= _REMEMBERED:
            _MEASURED.clear()
        _MEASURED[key] = _measured(variant, deployment, progress)
    return _MEASURED[key]


def _measured(variant: Variant, deployment: Deployment, progress: Progress | None) -> Deployed:
    known, members = _drawn(variant, deployment.records)
    models = dp_sgd_ensemble(
        known.x,
        known.y,
        members,
        classes=len(data.load(variant.scenario.dataset).card.classes),
        clip=deployment.clip,
        noise_multiplier=deployment.noise_multiplier,
        sample_rate=deployment.sample_rate,
        epochs=deployment.epochs,
        seed=derive(variant.seed, "deployment"),
        progress=progress,
    )
    shadows = Shadows(models, members, known.x, known.y)
    found = {
        "likelihood ratio": leave_one_out(shadows),
        "loss": shadows.confidence(),
    }
    rates = {name: over_splits(tpr_at_fpr, scores, members) for name, scores in found.items()}
    worst = max(rates, key=lambda name: rates[name].value)
    test = held_out(variant.scenario)
    right = (models.logits(test.x).argmax(2) == test.y).double().mean(1)
    fits = (models.logits(known.x).argmax(2) == known.y) & members
    return Deployed(
        tpr=rates[worst],
        auc=over_splits(membership_auc, found[worst], members),
        attack=worst,
        accuracy=OverSplits.of(right),
        trained=float(fits.sum() / members.sum()),
    )


def _drawn(variant: Variant, records: int) -> tuple[Split, Tensor]:
    """Return the forms that the judge draws from, and who is in each training."""
    everything = private_records(variant.scenario)
    generator = make_generator(derive(variant.seed, "deployment", "forms"))
    drawn = torch.randperm(len(everything), generator=generator)[: 2 * records]
    members = draw_members(len(drawn), JUDGED, records, seed=generator)
    return Split(everything.x[drawn], everything.y[drawn]), members
