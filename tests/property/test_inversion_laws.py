"""What holds for every inversion attack and every measure of a reconstruction."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given, settings

from labkit import data
from labkit.attacks import inversion
from labkit.attacks.inversion import fit_prior, invert_class, invert_linear, match_gradients, search_class
from labkit.core import InvalidInputError
from labkit.defenses.privacy import client_update
from labkit.metrics import (
    Rate,
    correlation,
    match_within_classes,
    psnr,
    re_identification,
    ssim,
    utility_retention,
)
from labkit.models import TorchClassifier, build

DIGITS = data.load("digits")
PRIOR = fit_prior(DIGITS.test.x, 20)
MODEL = TorchClassifier(build("mlp", (1, 8, 8), 10, seed=1).requires_grad_(False), (1, 8, 8), 10)
X, Y = DIGITS.train.x[:2].clone(), DIGITS.train.y[:2].clone()
SENT = client_update(MODEL.module, X, Y).gradients
TARGETS = torch.tensor([2, 5])

WAYS = {
    "invert_class": {
        "on values": lambda seed: invert_class(MODEL, TARGETS, steps=8, step_size=0.5, seed=seed),
        "with a prior": lambda seed: invert_class(MODEL, TARGETS, prior=PRIOR, steps=8, seed=seed),
        **{
            name: lambda seed, name=name: invert_class(
                MODEL, TARGETS, prior=PRIOR, objective=name, steps=4, smoothness=0.1, seed=seed
            )
            for name in inversion.OBJECTIVES
        },
    },
    "search_class": {
        "by asking": lambda seed: search_class(
            MODEL, TARGETS, prior=PRIOR, query_budget=23, population=8, seed=seed
        ),
        "with one question": lambda seed: search_class(
            MODEL, TARGETS, prior=PRIOR, query_budget=1, seed=seed
        ),
    },
    "invert_linear": {"by division": lambda seed: invert_linear(MODEL, SENT)},
    "match_gradients": {
        "on values": lambda seed: match_gradients(
            MODEL, SENT, batch_size=2, steps=6, step_size=0.5, seed=seed
        ),
        "with a prior": lambda seed: match_gradients(
            MODEL, SENT, batch_size=2, steps=6, prior=PRIOR, seed=seed
        ),
        "by size": lambda seed: match_gradients(MODEL, SENT, batch_size=2, steps=6, distance="l2", seed=seed),
    },
}
"""How each attack of the table is played here; one that is added to it has to be added here."""


def test_every_attack_is_held_to_the_laws():
    assert set(WAYS) == set(inversion.ATTACKS)
    assert {name: attack.__name__ for name, attack in inversion.ATTACKS.items()} == {
        name: name for name in inversion.ATTACKS
    }


@pytest.mark.parametrize(("attack", "way"), [(attack, way) for attack, ways in WAYS.items() for way in ways])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**40))
def test_every_attack_stays_inside_the_bounds_and_follows_its_seed(attack, way, seed):
    play = WAYS[attack][way]
    weights = {key: part.clone() for key, part in MODEL.module.state_dict().items()}
    sent = {key: part.clone() for key, part in SENT.items()}
    modes = [part.training for part in MODEL.module.modules()]
    chance = torch.get_rng_state()
    first, second = play(seed), play(seed)
    assert torch.equal(first.x_hat, second.x_hat)
    assert first.x_hat.shape[1:] == (1, 8, 8)
    assert float(first.x_hat.min()) >= 0
    assert float(first.x_hat.max()) <= 1
    assert first.x_hat.isfinite().all()
    assert not first.x_hat.requires_grad
    assert first.attack == attack
    assert first.params
    assert first.y.dtype == torch.int64
    # What it was given is as it was, and so is what everybody shares.
    assert all(torch.equal(weights[key], part) for key, part in MODEL.module.state_dict().items())
    assert all(torch.equal(sent[key], part) for key, part in SENT.items())
    assert torch.equal(TARGETS, torch.tensor([2, 5]))
    assert [part.training for part in MODEL.module.modules()] == modes
    assert all(part.grad is None and not part.requires_grad for part in MODEL.module.parameters())
    assert torch.equal(torch.get_rng_state(), chance)


# ------------------------------------------------------------------ against others' arithmetic


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), label=st.integers(0, 4))
def test_the_division_is_the_closed_form_of_numpy(seed, label):
    """One record, one linear layer, all by hand: softmax, slope, outer product, least squares."""
    rng = np.random.default_rng(seed)
    w, b, x = rng.normal(size=(5, 12)), rng.normal(size=5), rng.uniform(size=12)
    scores = w @ x + b
    slope = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    slope[label] -= 1
    layer = torch.nn.Linear(12, 5).requires_grad_(False)
    layer.weight.copy_(torch.from_numpy(w))
    layer.bias.copy_(torch.from_numpy(b))
    record, y = torch.from_numpy(x).float()[None], torch.tensor([label])

    sent = client_update(layer, record, y).gradients
    assert np.allclose(sent["weight"].numpy(), np.outer(slope, x), atol=1e-5)
    assert np.allclose(sent["bias"].numpy(), slope, atol=1e-5)
    rows, bias = sent["weight"].numpy().astype(float), sent["bias"].numpy().astype(float)
    solved = np.linalg.lstsq(bias[:, None], rows, rcond=None)[0][0]
    found = invert_linear(TorchClassifier(layer, (12,), 5), sent)
    assert np.allclose(found.x_hat[0].numpy(), np.clip(solved, 0, 1), atol=1e-4)
    assert found.y.tolist() == [label]


@pytest.mark.parametrize("distance", ["cosine", "l2"])
@pytest.mark.parametrize("held", [False, True])
def test_the_search_makes_small_what_autograd_says_is_the_distance(distance, held):
    settings = {"smoothness": 0.0 if held else 0.3, "prior": PRIOR if held else None}
    found = match_gradients(
        MODEL, SENT, y=Y, batch_size=2, distance=distance, steps=5, prior_strength=0.0, **settings
    )
    module, x = MODEL.module, found.x_hat
    weights = [part.detach().clone().requires_grad_() for part in module.parameters()]
    names = [name for name, _ in module.named_parameters()]
    scores = torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (x,))
    loss = -torch.log_softmax(scores, 1)[torch.arange(2), Y].mean()
    made = np.concatenate([part.numpy().ravel() for part in torch.autograd.grad(loss, weights)]).astype(float)
    sent = np.concatenate([SENT[name].numpy().ravel() for name in names]).astype(float)
    if distance == "cosine":
        apart = 1 - made @ sent / np.linalg.norm(made) / np.linalg.norm(sent)
    else:
        apart = ((made - sent) ** 2).sum()
    rough = [
        float(np.abs(np.diff(one, axis=0)).mean() + np.abs(np.diff(one, axis=1)).mean())
        for one in x[:, 0].numpy()
    ]
    expected = apart + settings["smoothness"] * sum(rough) / 2
    assert float(found.objective.sum()) == pytest.approx(expected, rel=2e-3, abs=1e-5)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_matching_gives_every_class_its_own_and_is_no_worse_than_the_order_that_was_given(seed):
    x, guess = (torch.rand(12, 1, 6, 6, generator=_generator(seed + i)) for i in range(2))
    y = torch.randint(3, (12,), generator=_generator(seed))
    found = match_within_classes(guess, x, y)
    assert sorted(found.tolist()) == list(range(12))
    assert torch.equal(y[found], y)
    assert correlation(guess[found], x).sum() >= correlation(guess, x).sum() - 1e-4


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
