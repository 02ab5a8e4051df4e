"""Laws of poisoning, screening and their metrics, over data that hypothesis draws."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.attacks import poisoning
from labkit.core import Trigger
from labkit.defenses.sanitising import knn_consistency, neighbours, spectral_signatures
from labkit.metrics import detection, normalised_score
from labkit.models import TorchClassifier, build

QUICK = settings(max_examples=40, deadline=None)
CLASSES = 4
rates = st.floats(0, 0.2)
seeds = st.integers(0, 2**31)


def data(n, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((n, 1, 4, 4), generator=generator), torch.arange(n) % CLASSES


def attacks(x, y, rate, seed):
    """Every attack on one data set."""
    corner = poisoning.patch((1, 4, 4), size=2)
    common = {"poison_rate": rate, "y_target": 1}
    document = {"x_target": x[y == 0][:1], "epsilon": 0.1, "steps": 3}
    return {
        "label_flip": poisoning.label_flip(x, y, poison_rate=rate, classes=CLASSES, seed=seed),
        "group_label_flip": poisoning.group_label_flip(
            x, y, group=(y > 0).long(), poison_rate=rate, y_source=1, y_target=2, choose="random", seed=seed
        ),
        "badnets": poisoning.badnets(x, y, trigger=corner, seed=seed, **common),
        "blended": poisoning.blended(x, y, pattern=x[0], blend_ratio=0.2, seed=seed, **common),
        "clean badnets": poisoning.badnets(x, y, trigger=corner, seed=seed, clean_label=True, **common),
        "feature_collision": poisoning.feature_collision(x, y, features=layers, **document, **common),
        "bullseye_polytope": poisoning.bullseye_polytope(x, y, features=layers, **document, **common),
        "gradient_matching": poisoning.gradient_matching(
            x, y, model=UNTRAINED, seed=seed, **document, **common
        ),
        "adversarial_poison": poisoning.adversarial_poison(
            x, y, surrogate=UNTRAINED, poison_rate=rate, epsilon=0.1, steps=2, seed=seed
        ),
    }


def layers(x):
    return x.flatten(1) @ torch.eye(16)[:, :5]


# These laws are about what an attack leaves alone, not about whether it works.
UNTRAINED = TorchClassifier(
    build("mlp", (1, 4, 4), CLASSES, seed=0).requires_grad_(False), (1, 4, 4), CLASSES
)
CLEAN_LABEL = (
    "clean badnets",
    "feature_collision",
    "bullseye_polytope",
    "gradient_matching",
    "adversarial_poison",
)


def test_every_attack_is_held_to_the_laws():
    x, y = data(20, 0)
    assert set(poisoning.ATTACKS) <= set(attacks(x, y, 0.1, 0))


@QUICK
@given(n=st.integers(20, 60), rate=rates, seed=seeds)
def test_exactly_the_share_is_poisoned_and_all_else_stays_bit_by_bit(n, rate, seed):
    x, y = data(n, seed)
    x_before, y_before = x.clone(), y.clone()
    for name, made in attacks(x, y, rate, seed).items():
        assert len(made.indices) == math.floor(rate * n + 1e-6), name
        rest = ~made.poisoned
        assert torch.equal(made.x_poisoned[rest], x_before[rest]), name
        assert torch.equal(made.y_poisoned[rest], y_before[rest]), name
        assert ((made.x_poisoned >= 0) & (made.x_poisoned <= 1)).all(), name
    assert torch.equal(x, x_before)
    assert torch.equal(y, y_before)


@QUICK
@given(n=st.integers(20, 60), rate=rates, seed=seeds)
def test_labels_change_where_they_must_and_nowhere_else(n, rate, seed):
    x, y = data(n, seed)
    made = attacks(x, y, rate, seed)
    for name in ("label_flip", "badnets", "blended"):
        assert torch.equal(made[name].y_poisoned != y, made[name].poisoned), name
    assert torch.equal(made["label_flip"].x_poisoned, x)
    for name in CLEAN_LABEL:
        assert torch.equal(made[name].y_poisoned, y), name


@QUICK
@given(n=st.integers(20, 60), rate=rates, seed=seeds)
def test_the_same_seed_makes_the_same_poison(n, rate, seed):
    x, y = data(n, seed)
    for first, second in zip(
        attacks(x, y, rate, seed).values(), attacks(x, y, rate, seed).values(), strict=True
    ):
        assert torch.equal(first.x_poisoned, second.x_poisoned)
        assert torch.equal(first.y_poisoned, second.y_poisoned)


@QUICK
@given(seed=seeds, ratio=st.floats(0, 1))
def test_a_trigger_keeps_to_the_bounds_of_what_it_mixes_and_is_applied_twice_without_leaving(seed, ratio):
    generator = torch.Generator().manual_seed(seed)
    x, pattern = torch.rand((5, 1, 4, 4), generator=generator), torch.rand((1, 4, 4), generator=generator)
    trigger = Trigger(mask=torch.full((1, 4, 4), ratio), pattern=pattern)
    stamped = trigger.apply(x)
    assert (stamped <= torch.maximum(x, pattern)).all()
    assert (stamped >= torch.minimum(x, pattern)).all()
    assert ((trigger.apply(stamped) - pattern).abs() <= (stamped - pattern).abs() + 1e-6).all()


@QUICK
@given(seed=seeds, low=st.floats(0, 1), high=st.floats(0, 1))
def test_a_higher_threshold_never_takes_out_more(seed, low, high):
    x, y = data(40, seed)
    low, high = min(low, high), max(low, high)
    few, many = (knn_consistency(x, y, k=5, threshold=t).remove for t in (high, low))
    assert not (few & ~many).any()
    few, many = (spectral_signatures(x, y, threshold=5 * t).remove for t in (high, low))
    assert not (few & ~many).any()
    few, many = (spectral_signatures(x, y, poison_rate=t / 2).remove for t in (low, high))
    assert not (few & ~many).any()


@QUICK
@given(seed=seeds)
def test_the_order_of_the_samples_does_not_matter_to_a_screening(seed):
    x, y = data(40, seed)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(
        knn_consistency(x, y, k=5).scores[order], knn_consistency(x[order], y[order], k=5).scores
    )
    assert torch.allclose(
        spectral_signatures(x, y).scores[order], spectral_signatures(x[order], y[order]).scores, atol=1e-3
    )


@QUICK
@given(
    n=st.integers(12, 60),
    k=st.integers(1, 11),
    held=st.integers(1, 400),
    themselves=st.booleans(),
    seed=seeds,
)
def test_distances_made_in_parts_find_the_neighbours_that_all_at_once_find(n, k, held, themselves, seed):
    x, y = data(n, seed)
    asked = (x, y) if themselves else data(n + 5, seed + 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(neighbours, "_AT_ONCE", held)
        found = knn_consistency(x, y, k=k, trusted=None if themselves else asked)
    apart = torch.cdist(x.flatten(1).double(), asked[0].flatten(1).double())
    if themselves:
        apart.fill_diagonal_(torch.inf)
    nearest = apart.topk(k, largest=False).indices
    assert torch.equal(found.scores, (asked[1][nearest] != y[:, None]).float().mean(1))


def test_memory_for_distances_does_not_grow_with_the_square_of_the_samples(monkeypatch):
    made = []
    whole = torch.cdist
    monkeypatch.setattr(torch, "cdist", lambda a, b: made.append(len(a) * len(b)) or whole(a, b))
    n = 3000
    knn_consistency(torch.rand((n, 2), generator=torch.Generator().manual_seed(0)), torch.arange(n) % 3)
    assert sum(made) == n * n
    assert max(made) <= neighbours._AT_ONCE < n * n


@QUICK
@given(seed=seeds, share=st.floats(0.1, 0.9))
def test_the_auc_is_the_chance_that_poison_scores_higher(seed, share):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(0, 6, (30,), generator=generator).float()
    poisoned = torch.rand(30, generator=generator) < share
    found = detection(scores > 3, poisoned, scores)
    pairs = scores[poisoned][:, None] - scores[~poisoned][None, :]
    if pairs.numel():
        expected = float((pairs > 0).double().mean() + 0.5 * (pairs == 0).double().mean())
        assert math.isclose(found.auc, expected, abs_tol=1e-9)
    else:
        assert math.isnan(found.auc)


@QUICK
@given(a=st.floats(0, 1), b=st.floats(0, 1), baseline=st.floats(0, 1), reference=st.floats(0, 1))
def test_a_normalised_score_is_monotone_and_clipped(a, b, baseline, reference):
    if abs(baseline - reference) < 1e-9:
        return
    better, worse = sorted((a, b), key=lambda value: abs(value - reference))
    scores = [normalised_score(value, baseline, reference) for value in (a, b)]
    assert all(0 <= score <= 1 for score in scores)
    between = all(min(baseline, reference) <= value <= max(baseline, reference) for value in (a, b))
    if between:
        assert normalised_score(better, baseline, reference) >= normalised_score(worse, baseline, reference)
