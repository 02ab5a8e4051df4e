"""Randomized smoothing: ask a network about many noisy copies, and certify the vote."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from labkit.core.checks import floats, size, whole
from labkit.core.errors import InvalidInputError
from labkit.core.machine import threads
from labkit.core.protocols import Classifier, predict
from labkit.core.seeds import derive, make_generator
from labkit.core.threat import Norm
from labkit.defenses.certification.binomial import check_confidence, lower_bound, two_sided_p
from labkit.defenses.certification.certificates import ABSTAINED, Certificates, model_digest
from labkit.models.classifier import TorchClassifier
from labkit.models.wrapped import WrappedClassifier

__all__ = ["SmoothedClassifier"]

Progress = Callable[[int, int, str], None]
_ROWS = 16384  # noisy copies that are held at once


@dataclass(frozen=True, eq=False)
class SmoothedClassifier(WrappedClassifier):
    """The class that a network names most often among noisy copies of an input.

    It is a ``Classifier``, so every black-box attack and every metric runs on it: its logits
    are logarithms of the votes among ``n`` copies, with noise that depends on ``seed`` alone.
    It has no useful gradient of its own; an attacker averages the gradient of ``model`` over
    noise.

    Attributes
    ----------
    model : Classifier
        The network that is asked.  Noisy inputs leave the box, so it must take them; noise in
        its training makes it worth smoothing.
    noise_std : float
        Standard deviation of the noise on every value, in the units of ``x``.
    n : int
        Copies behind a vote, and behind the estimate of a certificate.
    n0 : int
        Copies that the class to be certified is chosen by.  They are not those of the estimate:
        a bound on the count that was picked because it was large would be too high.
    confidence : float
        With what probability each certificate, and each class that is named, holds.
    seed : int
        What the noise of ``logits`` is drawn from.

    References
    ----------
    Cohen, Rosenfeld & Kolter, "Certified Adversarial Robustness via Randomized Smoothing",
    ICML 2019.  https://arxiv.org/abs/1902.02918
    """

    model: Classifier
    noise_std: float
    n: int = 1000
    n0: int = 100
    confidence: float = 0.998
    seed: int = 0

    def __post_init__(self) -> None:
        size("noise_std", self.noise_std)
        whole("n", self.n)
        whole("n0", self.n0)
        check_confidence(self.confidence)

    def logits(self, x: Tensor) -> Tensor:
        """Return logarithms of the share of votes, ``(n, classes)`` float32, with no gradient attached.

        The same noise is used for every input, so the answer to an input does not depend on
        what is asked beside it.
        """
        shared = torch.randn(
            (self.n, *self.input_shape), generator=make_generator(derive(self.seed, "votes"))
        )
        votes = torch.zeros((len(x), self.classes), dtype=torch.int64)
        rows = max(1, _ROWS // self.n)
        with threads():
            for start in range(0, len(x), rows):
                part = self._checked(x[start : start + rows])
                noisy = (part[:, None] + self.noise_std * shared[None]).flatten(0, 1)
                votes[start : start + rows] = self._count(noisy, len(part))
        return ((votes + 0.5) / (self.n + 0.5 * self.classes)).log()

    def votes(self, x: Tensor, n: int, generator: torch.Generator) -> Tensor:
        """Return how often each class is named among ``n`` copies of each input, ``(len(x), classes)`` int64.

        Every copy of every input has noise of its own.
        """
        votes = torch.zeros((len(x), self.classes), dtype=torch.int64)
        at_once = max(1, _ROWS // max(1, len(x)))
        with threads():
            for start in range(0, n, at_once):
                copies = min(at_once, n - start)
                wide = self._checked(x).repeat_interleave(copies, 0)
                noise = torch.randn(wide.shape, generator=generator)
                votes += self._count(wide + self.noise_std * noise, len(x))
        return votes

    def predict(self, x: Tensor, *, seed: int | torch.Generator) -> Tensor:
        """Return the most frequent class of each input, -1 where the vote is too close to call.

        The two most frequent classes among ``n`` copies are compared by an exact binomial test;
        a class that is named is the true majority with probability ``confidence`` or more.

        Returns
        -------
        Tensor of shape ``(n,)``, int64
        """
        counts = self.votes(x, self.n, make_generator(seed))
        (most, second), (named, _) = (part.unbind(1) for part in counts.topk(2, dim=1))
        clear = two_sided_p(most, second) <= 1 - self.confidence
        return torch.where(clear, named, ABSTAINED)

    def certify(
        self, x: Tensor, *, seed: int | torch.Generator, progress: Progress | None = None
    ) -> Certificates:
        """Return the class of each input, and the L2 radius within which it is the majority.

        For each input ``n0`` copies choose a class and ``n`` other ones bound its probability
        from below, at ``confidence``.  With that bound p above one half the radius is
        ``noise_std`` times the normal quantile of p; else the classifier abstains.

        Parameters
        ----------
        x : Tensor of shape ``(n, ...)`` float32
        seed : int or torch.Generator
            What the noise is drawn from.  Whoever judges draws it after the model is fixed.
        progress : function, optional
            ``progress(done, total, message)``, in inputs.
        """
        from scipy.stats import norm as normal

        generator = make_generator(seed)
        named, radii = [], []
        pieces = torch.split(self._checked(x), 32)
        for done, part in enumerate(pieces, start=1):
            guess = self.votes(part, self.n0, generator).argmax(1)
            hits = self.votes(part, self.n, generator).gather(1, guess[:, None])[:, 0]
            least = lower_bound(hits, self.n, self.confidence)
            sure = least > 0.5
            reach = self.noise_std * torch.as_tensor(normal.ppf(least.clamp(0.5, 1.0).numpy()))
            named.append(torch.where(sure, guess, ABSTAINED))
            radii.append(torch.where(sure, reach, 0.0).float())
            if progress is not None:
                progress(done, len(pieces), "certifying")
        return Certificates(
            method="randomized_smoothing",
            norm=Norm.L2,
            predicted=torch.cat(named) if named else torch.zeros(0, dtype=torch.int64),
            radii=torch.cat(radii) if radii else torch.zeros(0),
            confidence=self.confidence,
            model=model_digest(self.model.module) if isinstance(self.model, TorchClassifier) else "",
            dimension=int(torch.tensor(self.input_shape).prod()),
            noise_std=self.noise_std,
            params={"n": self.n, "n0": self.n0, "seed": seed if isinstance(seed, int) else None},
        )

    def _count(self, noisy: Tensor, inputs: int) -> Tensor:
        """Return the votes of ``inputs`` inputs, whose copies lie one after the other."""
        named = predict(self.model, noisy).view(inputs, len(noisy) // max(1, inputs))
        votes = torch.zeros((inputs, self.classes), dtype=torch.int64)
        return votes.scatter_add_(1, named, torch.ones_like(named))

    def _checked(self, x: Tensor) -> Tensor:
        if tuple(floats("x", x, axes=1).shape[1:]) != tuple(self.input_shape):
            raise InvalidInputError(
                f"expected x of shape ('n', {', '.join(map(str, self.input_shape))}), got {tuple(x.shape)}"
            )
        return x
