"""One participant's variant of the lab of robust training and certification.

The seed decides which inputs are issued, which trainings a contractor delivers and which claims
a vendor makes.  What is judged is measured on inputs that are not issued
(:func:`labkit.course.cases.robustness.judging.kept_back`).  The victim and the networks that are
issued ready made are the same for everybody, so they are trained once on a machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor, nn

from labkit import data
from labkit.core.errors import InvalidInputError
from labkit.core.seeds import derive
from labkit.core.threat import Norm, ThreatModel
from labkit.course.cases.evasion import stratified
from labkit.course.cases.robustness.runs import Run, drawn_runs
from labkit.course.cases.robustness.shelf import Kept, Progress, kept
from labkit.course.cases.robustness.statements import VendorClaim, vendor_claims
from labkit.course.lab import Scenario
from labkit.data import Dataset, Split
from labkit.defenses.certification import (
    Certificates,
    SmoothedClassifier,
    certify_intervals,
    interval_training,
)
from labkit.defenses.robust_training import noise_training
from labkit.models import TorchClassifier, build, load_victim

__all__ = ["RobustnessCase", "robustness_case"]


@dataclass(frozen=True, eq=False)
class RobustnessCase:
    """What one participant hardens, certifies and judges.

    Attributes
    ----------
    scenario : Scenario
    seed : int
        Which variant this is.
    dataset : Dataset
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)``
        Inputs to measure on, and their true classes.
    victim : TorchClassifier
        The model in use, which nobody hardened.
    threat : ThreatModel
        L-infinity: what PGD is allowed.
    runs : tuple of Run
        Four fast trainings of a contractor.
    certificates : dict of str to Certificates
        Of ``x``: what a vendor shows, ``"smoothing"`` in L2 and ``"intervals"`` in L-infinity.
    claims : tuple of VendorClaim
        Eight sentences that the vendor makes of them.
    class_names : tuple of str
    """

    scenario: Scenario
    seed: int
    dataset: Dataset
    x: Tensor
    y: Tensor
    victim: TorchClassifier
    threat: ThreatModel
    runs: tuple[Run, ...]
    certificates: dict[str, Certificates]
    claims: tuple[VendorClaim, ...]
    class_names: tuple[str, ...]

    @property
    def train(self) -> Split:
        """What networks are trained on."""
        return self.dataset.train

    @property
    def network(self) -> nn.Module:
        """The victim's network, to begin training from; whoever trains it trains a copy."""
        return self.victim.module

    @property
    def architecture(self) -> str:
        return self.scenario.victim

    @property
    def input_shape(self) -> tuple[int, ...]:
        return self.victim.input_shape

    @property
    def classes(self) -> int:
        return self.victim.classes

    def setting(self, name: str) -> float:
        """Return a number out of the settings of the scenario."""
        return float(self.scenario.settings[name])


def robustness_case(scenario: Scenario, seed: int, progress: Progress | None = None) -> RobustnessCase:
    """Return the variant ``seed`` of ``scenario``; the first call on a machine trains what is issued.

    Parameters
    ----------
    scenario : Scenario
        Its settings name ``certified_epsilon`` (L2), ``interval_epsilon`` (L-infinity),
        ``confidence``, ``vendor_noise`` and ``vendor_interval``.
    seed : int
        The same seed gives the same case on every machine.
    progress : function, optional
        ``progress(done, total, message)``.
    """
    dataset = data.load(scenario.dataset)
    victim = load_victim(scenario.victim, dataset, progress=progress)
    if not isinstance(victim, TorchClassifier):
        raise InvalidInputError(f"expected a victim made of a network, got {type(victim).__name__}")
    taken = stratified(dataset.test.y, scenario.samples, derive(seed, "samples", scenario.id))
    x, y = dataset.test.x[taken], dataset.test.y[taken]
    runs = drawn_runs(scenario.victim, dataset, scenario.epsilon, seed, progress)
    shown = _vendor_certificates(scenario, dataset, victim, x, seed, progress)
    return RobustnessCase(
        scenario=scenario,
        seed=seed,
        dataset=dataset,
        x=x,
        y=y,
        victim=victim,
        threat=ThreatModel(Norm(scenario.norm), scenario.epsilon),
        runs=runs,
        certificates=shown,
        claims=vendor_claims(shown, y, seed),
        class_names=dataset.card.classes,
    )


def _vendor_certificates(
    scenario: Scenario,
    dataset: Dataset,
    victim: TorchClassifier,
    x: Tensor,
    seed: int,
    progress: Progress | None,
) -> dict[str, Certificates]:
    settings = scenario.settings
    noise_std, box = float(settings["vendor_noise"]), float(settings["vendor_interval"])
    noisy = _ready_made("noise", {"noise_std": noise_std, "epochs": 20}, scenario, dataset, victim, progress)
    boxed = _ready_made("intervals", {"epsilon": box, "epochs": 30}, scenario, dataset, victim, progress)
    smoothed = SmoothedClassifier(noisy, noise_std, n=400, confidence=float(settings["confidence"]))
    return {
        "smoothing": smoothed.certify(x, seed=derive(seed, "vendor")),
        "intervals": certify_intervals(boxed, x),
    }


def _ready_made(
    name: str,
    settings: dict[str, float],
    scenario: Scenario,
    dataset: Dataset,
    victim: TorchClassifier,
    progress: Progress | None,
) -> TorchClassifier:
    def make(report: Progress | None) -> Kept:
        model = _TRAININGS[name](
            victim.module, dataset.train.x, dataset.train.y, seed=0, progress=report, **settings
        )
        return dict(model.module.state_dict()), {}

    tensors, _ = kept(name, settings, scenario.victim, dataset, make, progress)
    module = build(scenario.victim, victim.input_shape, victim.classes)
    module.load_state_dict(tensors)
    return TorchClassifier(module.requires_grad_(False), victim.input_shape, victim.classes)


_TRAININGS: Mapping[str, Callable[..., TorchClassifier]] = {
    "noise": noise_training,
    "intervals": interval_training,
}
