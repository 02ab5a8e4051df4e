"""Membership read off a single answer: how sure the model is, and of what."""

from __future__ import annotations

import torch
from torch import Tensor

from labkit.attacks.membership._common import answers, true_confidence
from labkit.core.membership import MembershipScores
from labkit.core.protocols import Classifier

__all__ = ["entropy_attack", "loss_attack", "modified_entropy_attack"]

_LEAST = 1e-30


def loss_attack(model: Classifier, x: Tensor, y: Tensor) -> MembershipScores:
    """Take a record for a member the smaller the model's loss on it is.

    One question for each record and no other model.  It takes every easy record for a member,
    so it does well on average and badly at few false alarms.

    Parameters
    ----------
    model : Classifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Candidates, with the class that is recorded for them.

    Returns
    -------
    MembershipScores
        The log-odds of the recorded class, which rank as the negative loss does.

    References
    ----------
    Yeom, Giacomelli, Fredrikson & Jha, "Privacy Risk in Machine Learning", CSF 2018.
    https://arxiv.org/abs/1709.01604
    """
    return MembershipScores(true_confidence(answers(model, x, y), y), "loss", queries=len(x))


def entropy_attack(model: Classifier, x: Tensor, y: Tensor) -> MembershipScores:
    """Take a record for a member the surer the model is, whatever it is sure of.

    The recorded class is not used, so a record that the model misreads with certainty looks
    like a member.

    Parameters
    ----------
    model : Classifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Candidates; the classes are only checked.

    References
    ----------
    Shokri, Stronati, Song & Shmatikov, "Membership Inference Attacks Against Machine Learning
    Models", IEEE S&P 2017.  https://arxiv.org/abs/1610.05820
    """
    logs = answers(model, x, y).log_softmax(1)
    return MembershipScores((logs.exp() * logs).sum(1), "entropy", queries=len(x))


def modified_entropy_attack(model: Classifier, x: Tensor, y: Tensor) -> MembershipScores:
    """Take a record for a member the surer the model is of the recorded class.

    Parameters
    ----------
    model : Classifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Candidates, with the class that is recorded for them.

    Returns
    -------
    MembershipScores
        ``(1 - p) log p`` of the recorded class plus ``q log(1 - q)`` over all others.

    References
    ----------
    Song & Mittal, "Systematic Evaluation of Privacy Risks of Machine Learning Models", USENIX
    Security 2021.  https://arxiv.org/abs/2003.10595
    """
    chances = answers(model, x, y).double().softmax(1)
    own = torch.nn.functional.one_hot(y, chances.shape[1]).bool()
    right = chances[own]
    others = torch.where(own, 0.0, chances * (1 - chances).clamp_min(_LEAST).log())
    scores = (1 - right) * right.clamp_min(_LEAST).log() + others.sum(1)
    return MembershipScores(scores.float(), "modified_entropy", queries=len(x))
