"""Scaffolding: one model for applicants, another for whoever asks why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier
from labkit.models.wrapped import WrappedClassifier

__all__ = ["Scaffold", "scaffold"]


@dataclass(frozen=True, slots=True, eq=False)
class Scaffold(WrappedClassifier):
    """A classifier that answers recognised questions with another model than the rest.

    Attributes
    ----------
    biased : Classifier
        Decides about rows that look filed.
    innocuous : Classifier
        Answers for rows that look made up.
    recognises : function
        ``(n, features)`` to ``(n,)`` bool: which rows look made up.
    """

    biased: Classifier
    innocuous: Classifier
    recognises: Callable[[Tensor], Tensor]

    @property
    def _behind(self) -> Classifier:
        return self.biased

    def logits(self, x: Tensor) -> Tensor:
        """Return logits of shape ``(n, classes)``, float32."""
        real, told = self.biased.logits(x), self.innocuous.logits(x)
        return torch.where(self.recognises(x)[:, None], told, real)


def scaffold(biased: Classifier, innocuous: Classifier, recognises: Callable[[Tensor], Tensor]) -> Scaffold:
    """Put two models behind one door, and have ``recognises`` decide which of them answers.

    Explainers ask about rows near an applicant that nobody filed.  Whoever can tell those from real
    ones can show an explainer a model that is never used.

    Parameters
    ----------
    biased, innocuous : Classifier
        Of the same inputs and classes.
    recognises : function
        ``(n, features)`` to ``(n,)`` bool; see :func:`fit_detector`.

    Raises
    ------
    InvalidInputError
        When the models do not take the same inputs or know other classes.

    References
    ----------
    Slack, Hilgard, Jia, Singh & Lakkaraju, "Fooling LIME and SHAP: Adversarial Attacks on Post hoc
    Explanation Methods", AIES 2020.  https://arxiv.org/abs/1911.02508
    """
    ours, theirs = ((m.input_shape, m.classes, m.bounds) for m in (biased, innocuous))
    if ours != theirs:
        raise InvalidInputError(
            f"expected two models of the same inputs, classes and bounds; got {ours} and {theirs}"
        )
    return Scaffold(biased, innocuous, recognises)
