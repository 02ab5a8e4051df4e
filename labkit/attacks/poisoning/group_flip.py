"""Flip the labels of one group, so that a model learns to treat that group differently."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from labkit.attacks.poisoning._common import check_data, class_number, classes_in, count_of, positions
from labkit.core.checks import tensor
from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.poisoning import PoisonedDataset
from labkit.core.protocols import Classifier
from labkit.core.seeds import make_generator
from labkit.models.logistic import fit_logistic

__all__ = ["CHOICES", "group_label_flip"]

CHOICES = {
    "random": "any of them, each as likely",
    "boundary": "those of whom a model is least sure",
    "influence": "those whose label moves the scores of the two groups furthest apart",
}
"""How the samples to be flipped are chosen among the members of the group, and each in words."""


def group_label_flip(
    x: Tensor,
    y: Tensor,
    *,
    group: Tensor,
    member: int = 1,
    poison_rate: float,
    y_source: int = 1,
    y_target: int = 0,
    choose: str = "boundary",
    surrogate: Classifier | None = None,
    seed: int | torch.Generator = 0,
) -> PoisonedDataset:
    """Give some members of one group a wrong label.

    Parameters
    ----------
    x, y : Tensor of shape ``(n, ...)`` and ``(n,)`` int64
        The training set; left as it was.
    group : Tensor of shape ``(n,)``, int64
        Who belongs to which group.  The protected attribute need not be in the data: whatever
        stands in for it, such as a district, will do.
    member : int
        The group that is hit.
    poison_rate : float
        Share of all ``n`` samples that is flipped, rounded down to whole samples.
    y_source, y_target : int
        Members of this class get that one.  Class 1 to 0 of a loan keeps the group out; 0 to 1
        of the other group lets that one in.
    choose : str
        A name out of ``CHOICES``.
    surrogate : Classifier, optional
        A model of the attacker's own that says who lies near the boundary; by default a
        logistic regression on ``x`` and ``y``.
    seed : int or torch.Generator
        Decides between samples that are as good as each other.

    Returns
    -------
    PoisonedDataset
        With ``x_poisoned`` equal to ``x``.

    Raises
    ------
    InvalidInputError
        When there are too few such members, or group, labels and classes do not fit together.
    UnknownNameError
        When there is no such way to choose.

    Notes
    -----
    ``influence`` follows Koh & Liang (ICML 2017): what a label moves in the parameters of a
    logistic regression, to first order, and what that moves in the mean score of either group.

    References
    ----------
    Solans, Biggio & Castillo, "Poisoning Attacks on Algorithmic Fairness", ECML PKDD 2020,
    https://arxiv.org/abs/2004.07401.  Mehrabi, Naveed, Morstatter & Galstyan, "Exacerbating
    Algorithmic Bias through Fairness Attacks", AAAI 2021, https://arxiv.org/abs/2012.08723.
    """
    check_data(x, y)
    _check(y, group, y_source, y_target, choose)
    mine = group == member
    count = count_of(poison_rate, len(y))
    found = positions(mine & (y == y_source), count, f"samples of group {member} and class {y_source}")
    generator = make_generator(seed)
    # A random order first, so that what is equally good is drawn and not taken as it stands.
    found = found[torch.randperm(len(found), generator=generator)]
    if count and choose != "random":
        worth = _WORTH[choose](x, y, mine, y_source, y_target, surrogate)
        found = found[worth[found].argsort(descending=True, stable=True)]
    indices = found[:count].sort().values
    flipped = y.clone()
    flipped[indices] = y_target
    return PoisonedDataset(
        x=x,
        y=y,
        x_poisoned=x.clone(),
        y_poisoned=flipped,
        indices=indices,
        attack="group_label_flip",
        params={
            "poison_rate": float(poison_rate),
            "member": int(member),
            "y_source": int(y_source),
            "y_target": int(y_target),
            "choose": choose,
            "seed": seed if isinstance(seed, int) else None,
        },
        y_target=int(y_target),
    )


def _check(y: Tensor, group: Tensor, y_source: int, y_target: int, choose: str) -> None:
    classes = max(2, classes_in(y))
    for name, value in (("y_source", y_source), ("y_target", y_target)):
        class_number(name, value, classes)
    if y_source == y_target:
        raise InvalidInputError(f"expected y_source and y_target to differ, got {y_source} twice")
    if tensor("group", group).dtype != torch.int64 or group.shape != y.shape:
        raise InvalidInputError(
            f"expected group as int64 of shape ({len(y)},), one for each sample; "
            f"got {group.dtype} of {tuple(group.shape)}"
        )
    if choose not in CHOICES:
        raise UnknownNameError("way to choose", str(choose), CHOICES)


def _near_boundary(
    x: Tensor, y: Tensor, mine: Tensor, y_source: int, y_target: int, surrogate: Classifier | None
) -> Tensor:
    if surrogate is None:
        return -_own_model(x, y, y_source).logits(x.flatten(1)).diff(dim=1).flatten().abs()
    logits = surrogate.logits(x)
    return -(logits[:, y_source] - logits[:, y_target]).abs()


def _influence(
    x: Tensor, y: Tensor, mine: Tensor, y_source: int, y_target: int, surrogate: Classifier | None
) -> Tensor:
    """Return what taking each label away from ``y_source`` adds to the gap of the mean scores."""
    if not bool((~mine).any()):
        raise InvalidInputError("expected members of another group too, got none: there is no gap to widen")
    chance = _own_model(x, y, y_source).logits(x.flatten(1)).softmax(1)[:, 1].double()
    inputs = torch.cat([x.flatten(1).double(), torch.ones(len(x), 1, dtype=torch.float64)], dim=1)
    steep = (chance * (1 - chance))[:, None] * inputs
    curve = inputs.T @ steep / len(x) + 1e-6 * torch.eye(inputs.shape[1], dtype=torch.float64)
    apart = steep[~mine].mean(0) - steep[mine].mean(0)
    return -(inputs @ torch.linalg.solve(curve, apart))


def _own_model(x: Tensor, y: Tensor, y_source: int) -> Classifier:
    return fit_logistic(x.flatten(1), (y == y_source).long())


_WORTH: dict[str, Callable[[Tensor, Tensor, Tensor, int, int, Classifier | None], Tensor]] = {
    "boundary": _near_boundary,
    "influence": _influence,
}
