"""One participant's variant of the inversion lab, and what is measured on it.

The participant hands in pictures, counts and settings; the private records, the victim, the
recogniser and the attacks that judge a protection come from here.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from labkit.attacks.inversion import invert_class
from labkit.core import InvalidInputError
from labkit.course.inversion import InversionCase, inversion_case
from labkit.course.leaks import (
    Protection,
    caught_in_review,
    gradient_leak,
    likeness,
    service_leak,
    utility,
)
from labkit.metrics import psnr, re_identification, ssim
from labkit.scoring import Measurement

make_case = inversion_case

GRADIENT_CEILING = 0.2  # the target of "shield": an update that leaks more is not protected
SERVICE_CEILING = 0.25  # the target of "service"
SAME = 0.005  # two pictures that differ less than this on average are one


# ------------------------------------------------------------------ model inversion


def measure_likeness(case: InversionCase, x_hat: Tensor) -> Measurement:
    """Mean likeness of the three reconstructions to the average records of their classes."""
    made = _three(case, x_hat)
    own = _counts(made)
    found = torch.where(own, likeness(case, made, case.y_target), 0.0)
    names = [case.class_names[label] for label in case.y_target.tolist()]
    public = likeness(case, case.prior.mean.expand_as(made), case.y_target)
    return Measurement(
        float(found.mean()),
        {
            "worst": float(found.min()),
            "worst_name": names[int(found.argmin())],
            "best": float(found.max()),
            "best_name": names[int(found.argmax())],
            "similarity": float(ssim(made, case.means[case.y_target]).mean()),
            "decibels": float(psnr(made, case.means[case.y_target]).mean()),
            "average_public": float(public.mean()),
            "copies": float((~own).sum()),
        },
    )


def measure_recognised(case: InversionCase, x_hat: Tensor) -> Measurement:
    """Share of the three reconstructions that somebody else's model gives to the right class."""
    made = _three(case, x_hat)
    rate = re_identification(case.recogniser, made, case.y_target)
    scores = case.recogniser.logits(made)
    rank = (scores > scores.gather(1, case.y_target[:, None])).sum(1) + 1
    return Measurement(
        rate.value,
        {
            "recognised": rate.value * len(made),
            "low": rate.low,
            "high": rate.high,
            "worst_rank": float(rank.max()),
            "classes": float(len(case.class_names)),
            "likeness": float(likeness(case, made, case.y_target).mean()),
        },
    )


def measure_asked_likeness(case: InversionCase, x_hat: Tensor, queries: Tensor) -> Measurement:
    """Mean likeness of what was found by asking; a target that was asked about too often counts 0."""
    made, asked = _three(case, x_hat), torch.as_tensor(queries)
    if asked.shape != case.y_target.shape:
        raise InvalidInputError(
            f"expected queries of shape ({len(case.y_target)},), one count for each target; "
            f"got {tuple(asked.shape)}"
        )
    own = _counts(made)
    counts = (asked <= case.query_budget) & (asked > 0) & own
    found = torch.where(counts, likeness(case, made, case.y_target), 0.0)
    return Measurement(
        float(found.mean()),
        {
            "over_budget": float((asked > case.query_budget).sum()),
            "not_asked": float((asked <= 0).sum()),
            "most": float(asked.max()),
            "budget": float(case.query_budget),
            "level": case.level,
            "worst": float(found.min()),
            "copies": float((~own).sum()),
        },
    )


# ------------------------------------------------------------------ gradient inversion


def measure_record_error(case: InversionCase, x_hat: Tensor, y: int) -> Measurement:
    """Largest error in any value of the recovered record; 1 when its class is wrong."""
    made = torch.as_tensor(x_hat)
    if made.shape != case.record.x.shape:
        raise InvalidInputError(
            f"expected one record of shape {tuple(case.record.x.shape)}, got {tuple(made.shape)}"
        )
    if not bool(made.isfinite().all()):
        raise InvalidInputError("expected finite values in x_hat, got NaN or infinity")
    error = float((made - case.record.x).abs().max())
    label = int(torch.as_tensor(y).flatten()[0])
    right = label == int(case.record.y)
    return Measurement(
        error if right else 1.0,
        {
            "error": error,
            "right_class": float(right),
            "said": case.class_names[label] if 0 <= label < len(case.class_names) else str(label),
            "likeness": float(likeness(case, made, case.record.y)[0]),
            "decibels": min(99.0, float(psnr(made, case.record.x)[0])),
        },
    )


# ------------------------------------------------------------------ protection and price


def measure_gradient_leak(
    case: InversionCase, clip: float, noise_multiplier: float, batch_size: int
) -> Measurement:
    """What the judge's attacks read out of updates protected by these settings."""
    protection = Protection(clip, noise_multiplier, batch_size)
    return Measurement(
        gradient_leak(case, protection),
        {
            "bare": gradient_leak(case, BARE),
            "clip": protection.clip,
            "noise": protection.noise_multiplier,
            "batch": float(protection.batch_size),
            "without_noise": gradient_leak(case, Protection(protection.clip, 0.0, protection.batch_size)),
        },
    )


def measure_service_leak(case: InversionCase, level: str) -> Measurement:
    """What the judge reconstructs by asking a service that answers at this level."""
    return Measurement(
        service_leak(case, level),
        {
            "level": level,
            "full": service_leak(case, "probabilities"),
            "questions": float(case.scenario.settings["judge_questions"]),
            "caught": caught_in_review(case, level),
            "caught_full": caught_in_review(case, "probabilities"),
        },
    )


def measure_price(
    case: InversionCase, clip: float, noise_multiplier: float, batch_size: int, level: str
) -> Measurement:
    """Accuracy that the protection costs; 1 while it does not protect, for then nothing was bought."""
    protection = Protection(clip, noise_multiplier, batch_size)
    leak, told = gradient_leak(case, protection), service_leak(case, level)
    plain, protected = utility(case, None), utility(case, protection)
    lost = max(0.0, plain.value - protected.value)
    holds = leak <= GRADIENT_CEILING and told <= SERVICE_CEILING
    return Measurement(
        lost if holds else 1.0,
        {
            "lost": lost,
            "leak": leak,
            "told": told,
            "plain": plain.value,
            "protected": protected.value,
            "low": protected.low,
            "high": protected.high,
            "caught": caught_in_review(case, level),
            "caught_full": caught_in_review(case, "probabilities"),
        },
    )


BARE = Protection(clip=100.0, noise_multiplier=0.0, batch_size=1)
"""A federation that protects nothing: one record an update, in full."""


# ------------------------------------------------------------------ what the predictions are about


@lru_cache(maxsize=8)
def _prototype_likeness(case: InversionCase) -> float:
    made = invert_class(case.victim, case.y_target, prior=case.prior, prior_strength=0.01)
    return float(likeness(case, made.x_hat, case.y_target).mean())


def _counts(made: Tensor) -> Tensor:
    """Say which pictures count: one that shows the same as an earlier one draws nobody new."""
    apart = (made[:, None] - made[None, :]).flatten(2).abs().mean(2)
    return ~(apart < SAME).tril(-1).any(1)


def _three(case: InversionCase, x_hat: Tensor) -> Tensor:
    made = torch.as_tensor(x_hat)
    wanted = (len(case.y_target), *case.means.shape[1:])
    if tuple(made.shape) != wanted or not made.is_floating_point():
        raise InvalidInputError(
            f"expected x_hat as floats of shape {wanted}, one picture for each target in the order "
            f"of case.y_target; got {made.dtype} of shape {tuple(made.shape)}"
        )
    if not bool(made.isfinite().all()):
        raise InvalidInputError("expected finite values in x_hat, got NaN or infinity")
    low, high = case.victim.bounds
    return made.detach().clamp(low, high)


MEASURES = {
    "likeness": measure_likeness,
    "recognised": measure_recognised,
    "asked_likeness": measure_asked_likeness,
    "record_error": measure_record_error,
    "gradient_leak": measure_gradient_leak,
    "service_leak": measure_service_leak,
    "price": measure_price,
}

OUTCOMES = {
    "prototype_likeness_percent": lambda case: 100 * _prototype_likeness(case),
    "batch_leak_percent": lambda case: 100 * gradient_leak(case, Protection(1.0, 0.0, 16)),
}
