"""Screenings against independent implementations; attacks leave what they are given and the world alone."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier

from labkit import data
from labkit.attacks import poisoning
from labkit.defenses.sanitising import activation_clustering, knn_consistency, spectral_signatures
from labkit.models import TorchClassifier, build, features, penultimate, train


@pytest.fixture(scope="module")
def poisoned():
    """Digits with a backdoor, and what a reader that learned it makes of them."""
    digits = data.load("digits").train
    x, y = digits.x[:600], digits.y[:600]
    made = poisoning.badnets(
        x, y, trigger=poisoning.patch((1, 8, 8), size=3), y_target=0, poison_rate=0.05, seed=1
    )
    reader = train(build("mlp", (1, 8, 8), 10), made.x_poisoned, made.y_poisoned, epochs=12, lr=0.01)
    return made, reader, features(reader, made.x_poisoned)


def test_spectral_signatures_agree_with_a_singular_value_decomposition_of_numpy(poisoned):
    made, _, inner = poisoned
    found = spectral_signatures(inner, made.y_poisoned, poison_rate=0.1)
    for label in range(10):
        own = (made.y_poisoned == label).numpy()
        rows = inner.numpy()[own].astype(float)
        centred = rows - rows.mean(0)
        top = np.linalg.svd(centred, full_matrices=False)[2][0]
        squared = (centred @ top) ** 2
        np.testing.assert_allclose(found.scores.numpy()[own], squared / squared.mean(), rtol=2e-3, atol=1e-4)
        count = int(1.5 * 0.1 * own.sum() + 1e-9)
        taken = np.sort(found.scores.numpy()[own])[::-1][:count]
        assert sorted(found.scores.numpy()[own & found.remove.numpy()]) == sorted(taken)


def test_activation_clustering_agrees_with_principal_components_and_means_of_scikit_learn(poisoned):
    made, _, inner = poisoned
    found = activation_clustering(inner, made.y_poisoned, components=10)
    agreed = 0
    for label in range(10):
        own = (made.y_poisoned == label).numpy()
        points = PCA(10, svd_solver="full").fit_transform(inner.numpy()[own].astype(float))
        theirs = KMeans(2, n_init=20, random_state=0).fit(points)
        ours = found.scores.numpy()[own] > np.median(found.scores.numpy()[own])
        share = found.scores.numpy()[own]
        ours = share == share.max()
        again = KMeans(2, n_init=1, init=np.stack([points[~ours].mean(0), points[ours].mean(0)])).fit(points)
        # Ours is a fixed point of Lloyd's algorithm as scikit-learn runs it ...
        assert len({*zip(ours.tolist(), again.labels_.tolist(), strict=True)}) == 2
        # ... and where the best of twenty starts is another, it is no better by much.
        agreed += again.inertia_ <= 1.05 * theirs.inertia_
    assert agreed >= 8


@pytest.mark.parametrize("k", [1, 5, 10])
def test_neighbours_agree_with_those_of_scikit_learn(poisoned, k):
    made, _, inner = poisoned
    asked, labels = inner[:300], made.y_poisoned[:300]
    rest, theirs = inner[300:], made.y_poisoned[300:]
    shares = KNeighborsClassifier(k, algorithm="brute").fit(asked.numpy(), labels.numpy())
    agree = shares.predict_proba(rest.numpy().astype(float))
    column = {label: i for i, label in enumerate(shares.classes_)}
    expected = [1 - agree[i, column[label]] for i, label in enumerate(theirs.tolist())]
    found = knn_consistency(rest, theirs, k=k, trusted=(asked, labels))
    np.testing.assert_allclose(found.scores.numpy(), expected, atol=1e-6)


def attack(name, x, y, seed):
    common = {"y_target": 1, "poison_rate": 0.05}
    if name == "label_flip":
        return poisoning.label_flip(x, y, classes=10, seed=seed, **common)
    if name == "group_label_flip":
        return poisoning.group_label_flip(
            x,
            y,
            group=(y > 4).long(),
            member=0,
            y_source=0,
            y_target=1,
            poison_rate=0.05,
            choose="random",
            seed=seed,
        )
    if name == "badnets":
        return poisoning.badnets(x, y, trigger=poisoning.patch((1, 8, 8)), seed=seed, **common)
    if name == "blended":
        return poisoning.blended(x, y, pattern=x[0], blend_ratio=0.2, seed=seed, **common)
    if name == "adversarial_poison":
        return poisoning.adversarial_poison(
            x, y, surrogate=reader(), poison_rate=0.05, epsilon=0.1, steps=3, seed=seed
        )
    document = {"x_target": x[y == 0][:1], "epsilon": 0.1, "steps": 3, **common}
    if name == "gradient_matching":
        return poisoning.gradient_matching(x, y, model=reader(), seed=seed, **document)
    collide = {"bullseye_polytope": poisoning.bullseye_polytope}.get(name, poisoning.feature_collision)
    return collide(x, y, features=lambda v: v.flatten(1), **document)


def reader():
    """A network that knows nothing: these tests are about what an attack leaves alone."""
    module = build("mlp", (1, 8, 8), 10, seed=0).requires_grad_(False)
    return TorchClassifier(module, (1, 8, 8), 10)


@pytest.mark.parametrize("name", poisoning.ATTACKS)
def test_an_attack_is_repeatable_and_leaves_its_input_and_the_global_generators_alone(name):
    x = torch.rand((60, 1, 8, 8), generator=torch.Generator().manual_seed(2))
    y = torch.arange(60) % 10
    before = x.clone(), y.clone()
    ours, numpys = torch.get_rng_state(), np.random.get_state()
    first = attack(name, x, y, 7)
    assert torch.equal(torch.get_rng_state(), ours)
    torch.rand(5)  # what others draw makes no difference
    again = attack(name, x, y, 7)
    assert torch.equal(first.x_poisoned, again.x_poisoned)
    assert torch.equal(first.y_poisoned, again.y_poisoned)
    assert torch.equal(x, before[0])
    assert torch.equal(y, before[1])
    assert np.array_equal(np.random.get_state()[1], numpys[1])
    if name not in ("feature_collision", "bullseye_polytope"):  # which draw nothing
        assert not torch.equal(first.indices, attack(name, x, y, 8).indices)


def test_the_features_of_a_collision_come_from_the_caller_and_are_left_alone(poisoned):
    made, reader, _ = poisoned
    weights = [p.clone() for p in reader.module.parameters()]
    poisoning.feature_collision(
        made.x,
        made.y,
        features=penultimate(reader),
        x_target=made.x[:1],
        y_target=1,
        poison_rate=0.01,
        epsilon=0.1,
        steps=3,
    )
    assert all(torch.equal(a, b) for a, b in zip(weights, reader.module.parameters(), strict=True))
