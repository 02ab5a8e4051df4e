"""What holds for every inversion attack and every measure of a reconstruction."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from labkit import data
from labkit.attacks.inversion import fit_prior, invert_class, invert_linear, match_gradients, search_class
from labkit.core import InvalidInputError
from labkit.defenses.privacy import client_update
from labkit.metrics import Rate, correlation, psnr, re_identification, ssim, utility_retention
from labkit.models import TorchClassifier, build

DIGITS = data.load("digits")
PRIOR = fit_prior(DIGITS.test.x, 20)
MODEL = TorchClassifier(build("mlp", (1, 8, 8), 10, seed=1).requires_grad_(False), (1, 8, 8), 10)
X, Y = DIGITS.train.x[:2].clone(), DIGITS.train.y[:2].clone()
SENT = client_update(MODEL.module, X, Y).gradients
TARGETS = torch.tensor([2, 5])

ATTACKS = {
    "climb": lambda seed: invert_class(MODEL, TARGETS, steps=8, step_size=0.5, seed=seed),
    "climb with a prior": lambda seed: invert_class(MODEL, TARGETS, prior=PRIOR, steps=8, seed=seed),
    "ask": lambda seed: search_class(MODEL, TARGETS, prior=PRIOR, query_budget=23, population=8, seed=seed),
    "divide": lambda seed: invert_linear(MODEL, SENT),
    "match": lambda seed: match_gradients(MODEL, SENT, batch_size=2, steps=6, step_size=0.5, seed=seed),
    "match with a prior": lambda seed: match_gradients(
        MODEL, SENT, batch_size=2, steps=6, prior=PRIOR, seed=seed
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**40))
def test_every_attack_stays_inside_the_bounds_and_follows_its_seed(name, seed):
    weights = {key: part.clone() for key, part in MODEL.module.state_dict().items()}
    sent = {key: part.clone() for key, part in SENT.items()}
    first, second = ATTACKS[name](seed), ATTACKS[name](seed)
    assert torch.equal(first.x_hat, second.x_hat)
    assert first.x_hat.shape[1:] == (1, 8, 8)
    assert float(first.x_hat.min()) >= 0
    assert float(first.x_hat.max()) <= 1
    assert first.x_hat.isfinite().all()
    assert not first.x_hat.requires_grad
    assert first.params
    # What it was given is as it was.
    assert all(torch.equal(weights[key], part) for key, part in MODEL.module.state_dict().items())
    assert all(torch.equal(sent[key], part) for key, part in SENT.items())
    assert torch.equal(TARGETS, torch.tensor([2, 5]))


pictures = st.integers(0, 2**32).map(lambda seed: torch.rand(3, 3, 12, 12, generator=_generator(seed)))


def _generator(seed):
    return torch.Generator().manual_seed(seed)


@settings(max_examples=20, deadline=None)
@given(x=pictures, scale=st.floats(0.1, 10), offset=st.floats(-5, 5))
def test_correlation_is_blind_to_brightness_and_contrast(x, scale, offset):
    assert torch.allclose(correlation(scale * x + offset, x), torch.ones(3), atol=1e-4)
    assert torch.allclose(correlation(-scale * x + offset, x), -torch.ones(3), atol=1e-4)
    known = x.mean(0, keepdim=True)
    assert torch.equal(correlation(known.expand_as(x), x, known=known), torch.zeros(3))


@settings(max_examples=20, deadline=None)
@given(x=pictures, other=pictures)
def test_correlation_is_that_of_numpy(x, other):
    for found, a, b in zip(correlation(x, other), x, other, strict=True):
        assert float(found) == pytest.approx(np.corrcoef(a.flatten(), b.flatten())[0, 1], abs=1e-5)


@settings(max_examples=20, deadline=None)
@given(x=pictures, size=st.floats(0.001, 0.5))
def test_psnr_of_a_known_error_is_known(x, size):
    sign = torch.where(torch.rand(x.shape, generator=_generator(0)) < 0.5, -1.0, 1.0)
    assert torch.allclose(psnr(x + size * sign, x), torch.full((3,), -20 * math.log10(size)), atol=1e-2)
    assert psnr(x, x).isinf().all()


@settings(max_examples=15, deadline=None)
@given(x=pictures, other=pictures)
def test_structural_similarity_is_one_for_equals_symmetric_and_the_published_formula(x, other):
    assert torch.allclose(ssim(x, x), torch.ones(3))
    assert torch.allclose(ssim(x, other), ssim(other, x))
    assert (ssim(x, other) <= 1).all()
    assert float(ssim(x, other)[0]) == pytest.approx(_by_hand(x[0].numpy(), other[0].numpy()), abs=1e-5)


def _by_hand(a, b, window=7):
    """Wang et al. 2004, equation 13, window by window."""
    c1, c2, found = 0.01**2, 0.03**2, []
    for first, second in zip(a.astype(float), b.astype(float), strict=True):
        for top in range(first.shape[0] - window + 1):
            for left in range(first.shape[1] - window + 1):
                p = first[top : top + window, left : left + window].ravel()
                q = second[top : top + window, left : left + window].ravel()
                cov = np.cov(p, q)
                upper = (2 * p.mean() * q.mean() + c1) * (2 * cov[0, 1] + c2)
                lower = (p.mean() ** 2 + q.mean() ** 2 + c1) * (cov[0, 0] + cov[1, 1] + c2)
                found.append(upper / lower)
    return float(np.mean(found))


def test_measures_refuse_what_they_cannot_compare():
    x = torch.rand(2, 1, 8, 8)
    for measure in (correlation, psnr, ssim):
        with pytest.raises(InvalidInputError, match="shape"):
            measure(x[:1], x)
    for window in (4, 9, 1):
        with pytest.raises(InvalidInputError, match="odd window"):
            ssim(x, x, window=window)
    with pytest.raises(InvalidInputError, match="pictures"):
        ssim(x.flatten(1), x.flatten(1))


def test_recognition_is_a_share_with_an_interval():
    everything = re_identification(MODEL, X, MODEL.logits(X).argmax(1))
    assert (everything.value, everything.n) == (1.0, 2)
    assert everything.low < 0.5
    assert re_identification(MODEL, X[:0], Y[:0]).n == 0


def test_retention_is_the_share_that_is_left():
    plain, half = Rate.of(torch.tensor([True, True])), Rate.of(torch.tensor([True, False]))
    assert utility_retention(half, plain) == 0.5
    assert math.isnan(utility_retention(plain, Rate.of(torch.tensor([False]))))
