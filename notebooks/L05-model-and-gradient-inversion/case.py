"""One participant's variant of the inversion lab, and what is measured on it.

The participant hands in pictures, classes and settings; the private records, the recogniser,
the meter of the service and the attacks that judge a protection come from here.
"""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor

from labkit.attacks.inversion import invert_class
from labkit.core import InvalidInputError
from labkit.course.cases.inversion.case import InversionCase, inversion_case
from labkit.course.cases.inversion.leaks import RETURNS, gradient_leak, likeness, service_leak
from labkit.course.cases.inversion.prices import DESK_FLOOR, caught_in_review, desk_retention, utility
from labkit.course.cases.inversion.protections import BARE, Protection
from labkit.course.cases.inversion.records import (
    class_means,
    intercepted_batch,
    intercepted_record,
    recogniser_of,
)
from labkit.metrics import correlation, psnr, re_identification, ssim, utility_retention
from labkit.scoring import Measurement

make_case = inversion_case

GRADIENT_CEILING = 0.2  # the target of "shield": an update that leaks more is not protected
SERVICE_CEILING = 0.27  # the target of "service"
SAME = 0.005  # two pictures that differ less than this on average are one


# ------------------------------------------------------------------ model inversion


def measure_likeness(case: InversionCase, x_hat: Tensor) -> Measurement:
    """Mean likeness of the three reconstructions to the average records of their classes."""
    made, means = _three(case, x_hat), class_means(case)[case.y_target]
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
            "similarity": float(ssim(made, means).mean()),
            "decibels": float(psnr(made, means).mean()),
            "average_public": float(public.mean()),
            "copies": float((~own).sum()),
        },
    )


def measure_recognised(case: InversionCase, x_hat: Tensor) -> Measurement:
    """Share of the three reconstructions that somebody else's model gives to the right class."""
    made, recogniser = _three(case, x_hat), recogniser_of(case)
    rate = re_identification(recogniser, made, case.y_target)
    scores = recogniser.logits(made)
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


def measure_asked_likeness(case: InversionCase, x_hat: Tensor) -> Measurement:
    """Mean likeness of what was found by asking; 0 where the service's meter has counted no question."""
    made = _three(case, x_hat)
    asked, own = case.account.settle(made), _counts(made)
    found = torch.where(own & (asked > 0), likeness(case, made, case.y_target), 0.0)
    return Measurement(
        float(found.mean()),
        {
            "not_asked": float(asked == 0),
            "asked": float(asked),
            "budget": float(case.query_budget * len(case.y_target)),
            "level": case.level,
            "worst": float(found.min()),
            "copies": float((~own).sum()),
        },
    )


# ------------------------------------------------------------------ gradient inversion


def measure_record_error(case: InversionCase, x_hat: Tensor, y: int) -> Measurement:
    """Largest error in any value of the recovered record; 1 when its class is wrong."""
    record = intercepted_record(case)
    made = _pictures(case, x_hat, 1, "the record")
    error, label = float((made - record.x).abs().max()), int(torch.as_tensor(y).flatten()[0])
    right = label == int(record.y)
    return Measurement(
        error if right else 1.0,
        {
            "error": error,
            "right_class": float(right),
            "said": case.class_names[label] if 0 <= label < len(case.class_names) else str(label),
            "likeness": float(likeness(case, made, record.y)[0]),
            "decibels": min(99.0, float(psnr(made, record.x)[0])),
        },
    )


def measure_batch_likeness(case: InversionCase, x_hat: Tensor, y: Tensor) -> Measurement:
    """Mean likeness of four recovered records to the true ones; a record of no such class counts 0."""
    batch = intercepted_batch(case)
    made = _pictures(case, x_hat, len(batch), "each record").clamp(*case.shared_model.bounds)
    said = torch.as_tensor(y).flatten().tolist()
    if len(said) != len(batch):
        raise InvalidInputError(f"expected y as {len(batch)} classes, one for each record; got {len(said)}")
    own, found = _counts(made), torch.zeros(len(batch))
    for i, label in enumerate(batch.y.tolist()):
        if label in said and own[said.index(label)]:
            one = made[said.index(label)][None]
            found[i] = correlation(one, batch.x[i][None], known=case.prior.mean)[0]
    right = len(set(said) & set(batch.y.tolist()))
    return Measurement(
        float(found.mean()),
        {
            "right_classes": float(right),
            "wrong_classes": float(len(batch) - right),
            "records": float(len(batch)),
            "worst": float(found.min()),
            "best": float(found.max()),
            "copies": float((~own).sum()),
        },
    )


# ------------------------------------------------------------------ protection and price


def measure_gradient_leak(
    case: InversionCase, clip: float, noise_multiplier: float, batch_size: int
) -> Measurement:
    """What the judge's attacks read out of updates protected by these settings, above chance."""
    protection = Protection(clip, noise_multiplier, batch_size)
    leak = gradient_leak(case, protection)
    quiet = gradient_leak(case, Protection(protection.clip, 0.0, protection.batch_size))
    return Measurement(
        leak.value,
        {
            "bare": gradient_leak(case, BARE).value,
            "clip": protection.clip,
            "noise": protection.noise_multiplier,
            "batch": float(protection.batch_size),
            "without_noise": quiet.value,
            "one_update": max(0.0, leak.matched),
            "returns": float(RETURNS),
        },
    )


def measure_service_leak(case: InversionCase, level: str) -> Measurement:
    """What the judge reconstructs by asking at this level; 1 while the desk can no longer do its work."""
    told, kept = service_leak(case, level), desk_retention(case, level)
    return Measurement(
        told if kept >= DESK_FLOOR else 1.0,
        {
            "level": level,
            "told": told,
            "full": service_leak(case, "probabilities"),
            "questions": float(case.scenario.settings["judge_questions"]),
            "kept": kept,
            "caught": caught_in_review(case, level).value,
            "caught_full": caught_in_review(case, "probabilities").value,
        },
    )


def measure_price(
    case: InversionCase, clip: float, noise_multiplier: float, batch_size: int, level: str
) -> Measurement:
    """Share of the right answers that the protection costs; 1 while it does not protect."""
    protection = Protection(clip, noise_multiplier, batch_size)
    leak, service = gradient_leak(case, protection).value, measure_service_leak(case, level)
    holds = leak <= GRADIENT_CEILING and service.value <= SERVICE_CEILING
    facts = {
        "leak": leak,
        "told": service.facts["told"],
        "kept": service.facts["kept"],
        "holds": float(holds),
    }
    if not holds:  # nothing was bought, so there is no price
        return Measurement(1.0, facts)
    plain, protected = utility(case, None), utility(case, protection)
    lost = max(0.0, 1 - utility_retention(protected, plain))
    facts.update(
        plain=plain.value, protected=protected.value, low=protected.low, high=protected.high, lost=lost
    )
    return Measurement(lost, facts)


# ------------------------------------------------------------------ what the predictions are about


@lru_cache(maxsize=8)
def _prototype_likeness(case: InversionCase) -> float:
    made = invert_class(case.victim, case.y_target, prior=case.prior)
    return float(likeness(case, made.x_hat, case.y_target).mean())


# ------------------------------------------------------------------ what they share


def _counts(made: Tensor) -> Tensor:
    """Say which pictures count: one that shows the same as an earlier one shows nobody new."""
    apart = (made[:, None] - made[None, :]).abs().flatten(2).mean(2)
    return ~(apart < SAME).tril(-1).any(1)


def _three(case: InversionCase, x_hat: Tensor) -> Tensor:
    made = _pictures(case, x_hat, len(case.y_target), "each target in the order of case.y_target")
    return made.clamp(*case.victim.bounds)


def _pictures(case: InversionCase, x_hat: Tensor, count: int, of: str) -> Tensor:
    made, wanted = torch.as_tensor(x_hat), (count, *case.victim.input_shape)
    if tuple(made.shape) != wanted or not made.is_floating_point():
        raise InvalidInputError(
            f"expected x_hat as floats of shape {wanted}, one picture for {of}; "
            f"got {made.dtype} of shape {tuple(made.shape)}"
        )
    if not bool(made.isfinite().all()):
        raise InvalidInputError("expected finite values in x_hat, got NaN or infinity")
    return made.detach().float()


MEASURES = {
    "likeness": measure_likeness,
    "recognised": measure_recognised,
    "asked_likeness": measure_asked_likeness,
    "record_error": measure_record_error,
    "batch_likeness": measure_batch_likeness,
    "gradient_leak": measure_gradient_leak,
    "service_leak": measure_service_leak,
    "price": measure_price,
}

OUTCOMES = {
    "prototype_likeness_percent": lambda case: 100 * _prototype_likeness(case),
    "batch_leak_percent": lambda case: 100 * gradient_leak(case, Protection(1.0, 0.0, 16)).value,
}
