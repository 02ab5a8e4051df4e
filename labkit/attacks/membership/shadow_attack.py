"""A classifier that has learned from shadows what the answer about a member looks like."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from labkit.attacks.membership._common import answers, true_confidence
from labkit.attacks.membership.shadows import Shadows
from labkit.core.checks import whole
from labkit.core.machine import threads
from labkit.core.membership import MembershipScores
from labkit.core.protocols import Classifier
from labkit.models.optimiser import AdamW

__all__ = ["shadow_attack"]

_LR = 0.05


def shadow_attack(
    model: Classifier, x: Tensor, y: Tensor, *, shadows: Shadows, steps: int = 200
) -> MembershipScores:
    """Train a classifier of members on the answers of shadows, and ask it about the victim's.

    What it sees of an answer is the log-odds of the recorded class, the entropy, and the three
    largest probabilities: nothing that says which record it is.  So it learns one border for
    all records, where :func:`lira` has one for each.

    Parameters
    ----------
    model : Classifier
        The victim.
    x, y : Tensor of shape ``(n, ...)`` float32 and ``(n,)`` int64
        Candidates; not necessarily those of the shadows.
    shadows : Shadows
    steps : int
        Steps of the classifier's training.

    References
    ----------
    Shokri, Stronati, Song & Shmatikov, IEEE S&P 2017.  https://arxiv.org/abs/1610.05820
    """
    rounds = whole("steps", steps)
    seen = _features(shadows.models.logits(shadows.x), shadows.y).flatten(0, 1)
    mean, spread = seen.mean(0), seen.std(0).clamp_min(1e-6)
    seen, was_in = (seen - mean) / spread, shadows.members.flatten().float()
    weight, bias = torch.zeros(seen.shape[1]), torch.zeros(1)
    optimiser = AdamW([weight, bias], weight_decay=1e-3)
    with torch.no_grad(), threads():
        for _ in range(rounds):
            slope = torch.sigmoid(seen @ weight + bias) - was_in
            optimiser.step([seen.T @ slope / len(seen), slope.mean()[None]], _LR)
        asked = (_features(answers(model, x, y), y) - mean) / spread
        scores = asked @ weight + bias
    return MembershipScores(scores, "shadow", {"shadows": len(shadows), "steps": rounds}, queries=len(x))


def _features(logits: Tensor, y: Tensor) -> Tensor:
    """Return what the classifier sees of each answer, ``(..., n, 5)``."""
    logs = functional.log_softmax(logits, -1)
    chances = logs.exp()
    best = chances.topk(min(3, logits.shape[-1]), dim=-1).values
    best = functional.pad(best, (0, 3 - best.shape[-1]))
    entropy = -(chances * logs).sum(-1, keepdim=True)
    return torch.cat([true_confidence(logits, y)[..., None], entropy, best], -1)
