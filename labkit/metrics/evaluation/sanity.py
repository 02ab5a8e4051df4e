"""Checks that expose a masked gradient: what must hold if the attacks did find their way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from labkit.attacks import evasion
from labkit.core.machine import threads
from labkit.core.protocols import Classifier, DifferentiableClassifier, predict
from labkit.core.seeds import derive
from labkit.core.threat import Norm, ThreatModel
from labkit.metrics.evaluation.report import STANDS, RobustnessReport, SanityCheck

__all__ = ["sanity_checks"]

Progress = Callable[[int, int, str], None]

_SAMPLES = 64
_SLACK = 0.05  # of the inputs that are looked at: as much may differ by the luck of a starting point


def sanity_checks(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    report: RobustnessReport,
    surrogate: DifferentiableClassifier | None,
    precision: str,
    progress: Progress | None,
) -> tuple[SanityCheck, ...]:
    """Make every check that applies, on up to 64 of the inputs that the model reads correctly.

    Parameters
    ----------
    model, x, y, surrogate, precision
        As :func:`labkit.metrics.robustness` was given them.
    report : RobustnessReport
        What the cascade found.
    progress : function or None

    References
    ----------
    Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", ICML 2018.
    https://arxiv.org/abs/1802.00420

    Carlini et al., "On Evaluating Adversarial Robustness", 2019.  https://arxiv.org/abs/1902.06705
    """
    right = (predict(model, x) == y).nonzero().flatten()[:_SAMPLES]
    if not len(right):
        return ()
    look = _Look(model, x[right], y[right], report, report.broken_by[right], precision)
    turns: list[Callable[[], SanityCheck]] = [look.same_answer_twice, look.noise_is_weaker]
    if isinstance(model, DifferentiableClassifier):
        turns += [
            look.gradients_there,
            look.black_box_is_weaker,
            look.everything_falls_at_a_large_budget,
            look.more_steps_help,
        ]
    if surrogate is not None:
        turns.append(lambda: look.transfer_is_weaker(surrogate))
    checks = []
    for done, turn in enumerate(turns, start=1):
        checks.append(turn())
        if progress is not None:
            progress(done, len(turns), checks[-1].name)
    return tuple(checks)


class _Look:
    """What the checks share."""

    def __init__(
        self,
        model: Classifier,
        x: Tensor,
        y: Tensor,
        report: RobustnessReport,
        broken_by: Tensor,
        precision: str,
    ) -> None:
        self.model, self.x, self.y, self.report = model, x, y, report
        self.threat, self.precision = report.threat, precision
        self.budget: dict[str, Any] = {"epsilon": report.threat.epsilon, "norm": report.threat.norm}
        self.seed = derive(int(report.params["seed"] or 0), "sanity")
        black_box = [i for i, stage in enumerate(report.stages) if stage.name == "square"]
        self.by_black_box = torch.isin(broken_by, torch.tensor(black_box))
        self.by_gradient = (broken_by > STANDS) & ~self.by_black_box

    def same_answer_twice(self) -> SanityCheck:
        """Whether the model answers the same question alike."""
        differ = int((predict(self.model, self.x) != predict(self.model, self.x)).sum())
        return SanityCheck(
            "the model answers alike twice",
            differ == 0,
            f"{differ} of {len(self.x)} inputs were read differently the second time",
            "A model with chance inside needs attacks that average over it (labkit.attacks.evasion.eot).",
        )

    def noise_is_weaker(self) -> SanityCheck:
        """Whether random changes break less than the search does."""
        broken = torch.zeros(len(self.x), dtype=torch.bool)
        for draw in range(10):
            broken |= self._breaks(
                evasion.random_noise(
                    self.model, self.x, self.y, seed=derive(self.seed, "noise", draw), **self.budget
                ).x_adv
            )
        found = self.by_gradient | self.by_black_box
        return self._compared(
            "random noise does not beat the search",
            broken & ~found,
            "ten draws of noise broke",
            "The search is blind: its gradient points nowhere. Look for rounding, saturation or chance in "
            "the model, and put a gradient back with labkit.attacks.evasion.bpda.",
        )

    def gradients_there(self) -> SanityCheck:
        """Whether the loss has a gradient at the inputs."""
        assert isinstance(self.model, DifferentiableClassifier)  # noqa: S101 - the caller asked
        with threads(), torch.inference_mode(False), torch.enable_grad():
            leaf = self.x.clone().requires_grad_(True)
            loss = functional.cross_entropy(self.model.forward(leaf).float(), self.y.clone(), reduction="sum")
            (gradient,) = torch.autograd.grad(loss, leaf)
        flat = gradient.flatten(1)
        missing = (flat.abs().amax(1) == 0) | ~flat.isfinite().all(1)
        return SanityCheck(
            "the loss has a gradient",
            bool(missing.float().mean() <= _SLACK),
            f"{int(missing.sum())} of {len(self.x)} inputs have none",
            "Cross-entropy vanishes where a model is very sure; look at what the logits ratio (apgd-dlr) "
            "breaks, and divide the logits by a temperature.",
        )

    def black_box_is_weaker(self) -> SanityCheck:
        """Whether an attack without the gradient finds nothing that those with it missed."""
        broken = self.by_black_box
        if not any(stage.name == "square" for stage in self.report.stages):
            broken = ~self.by_gradient & self._breaks(self._square())
        return self._compared(
            "the gradient finds what questions find",
            broken,
            "Square alone broke",
            "Whoever may only ask does better than whoever sees the gradient: the gradient is masked.",
        )

    def everything_falls_at_a_large_budget(self) -> SanityCheck:
        """Whether no input survives when any input may become any other."""
        low, high = self.model.bounds
        largest = (high - low) * {Norm.LINF: 1.0, Norm.L2: self.x[0].numel() ** 0.5}.get(
            self.threat.norm, float(self.x[0].numel())
        )
        stands = ~self._breaks(self._pgd(epsilon=largest, steps=100), ThreatModel(self.threat.norm, largest))
        return SanityCheck(
            "nothing survives an unlimited budget",
            bool(stands.float().mean() <= _SLACK),
            f"{int(stands.sum())} of {len(self.x)} inputs stand although every input may become any other",
            "The search cannot find what must be there: its gradient is masked, or its steps are too small.",
        )

    def more_steps_help(self) -> SanityCheck:
        """Whether five times the steps break at least as much."""
        few, many = (self._breaks(self._pgd(epsilon=self.threat.epsilon, steps=n)) for n in (20, 100))
        lost = int(few.sum()) - int(many.sum())
        return SanityCheck(
            "more steps do not help the defender",
            lost <= _SLACK * len(self.x),
            f"20 steps broke {int(few.sum())}, 100 steps {int(many.sum())} of {len(self.x)}",
            "More work finds less: the gradient misleads, or the step size does not fit.",
        )

    def transfer_is_weaker(self, surrogate: DifferentiableClassifier) -> SanityCheck:
        """Whether what is made on another model finds nothing that the search missed."""
        made = evasion.transfer(
            self.model,
            self.x,
            self.y,
            surrogate=surrogate,
            attack=evasion.pgd,
            steps=40,
            seed=self.seed,
            **self.budget,
        )
        found = self.by_gradient | self.by_black_box
        return self._compared(
            "the search finds what transfers",
            self._breaks(made.x_adv) & ~found,
            "the surrogate alone broke",
            "What is made on another model works better than the model's own gradient: it is masked.",
        )

    # ------------------------------------------------------------ shared

    def _pgd(self, epsilon: float, steps: int) -> Tensor:
        return evasion.pgd(
            self.model,
            self.x,
            self.y,
            epsilon=epsilon,
            norm=self.threat.norm,
            steps=steps,
            step_decay=True,
            precision=self.precision,
            seed=self.seed,
        ).x_adv

    def _square(self) -> Tensor:
        return evasion.square(
            self.model, self.x, self.y, query_budget=1000, seed=self.seed, **self.budget
        ).x_adv

    def _breaks(self, x_adv: Tensor, threat: ThreatModel | None = None) -> Tensor:
        legal = (threat or self.threat).allows(self.x, x_adv, self.model.bounds)
        return legal & (predict(self.model, x_adv) != self.y)

    def _compared(self, name: str, more: Tensor, what: str, means: str) -> SanityCheck:
        """Return the check that next to nothing was found in another way."""
        return SanityCheck(
            name,
            bool(more.float().mean() <= _SLACK),
            f"{what} {int(more.sum())} of {len(self.x)} inputs that the search left standing",
            means,
        )
