"""Federated learning: shares, rounds, attacks of clients, rules of servers, what they say to bad input."""

import math
from functools import partial

import pytest
import torch

from labkit import data
from labkit.attacks import federated as attacks
from labkit.core import InvalidInputError
from labkit.defenses import aggregation
from labkit.metrics import clean_accuracy, client_accuracy, fair_share
from labkit.models import build
from labkit.models.federated import (
    Clients,
    Known,
    fedavg,
    federated_rounds,
    local_updates,
    model_with,
    share_by_dirichlet,
    share_evenly,
    weights_of,
)


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture(scope="module")
def clients(digits):
    shares = share_evenly(digits.train.y, clients=10, seed=1)
    return Clients.of([(digits.train.x[share], digits.train.y[share]) for share in shares])


@pytest.fixture(scope="module")
def module():
    return build("mlp", (1, 8, 8), 10, seed=0)


def updates(n=10, d=6, seed=0):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def known(d=6, honest=7):
    return Known(
        0, 10, torch.zeros(d), torch.ones(d), updates(honest, d, 3), torch.Generator().manual_seed(0)
    )


def accuracy_of(module, clients, digits, rounds=8, **settings):
    *_, last = federated_rounds(module, clients, rounds=rounds, epochs=2, lr=0.3, seed=3, **settings)
    return clean_accuracy(model_with(module, last.weights, clients), digits.test.x, digits.test.y).value


# ------------------------------------------------------------------ the simulation


def test_ten_clients_learn_together_what_none_of_them_could_alone(module, clients, digits):
    together = accuracy_of(module, clients, digits)
    alone = Clients.of([clients.data(0)])
    assert together > 0.88
    assert together > accuracy_of(module, alone, digits) + 0.02


def test_two_of_ten_crash_fedavg_and_none_of_the_robust_rules(module, clients, digits):
    malicious = torch.arange(10) < 2
    attack = partial(attacks.sign_flip, scale=5.0)
    siege = {"attack": attack, "malicious": malicious}
    assert accuracy_of(module, clients, digits, **siege) < 0.25
    for rule in (partial(aggregation.multi_krum, tolerated=2), aggregation.median):
        assert accuracy_of(module, clients, digits, aggregate=rule, **siege) > 0.8


def test_the_same_seed_gives_the_same_rounds_and_the_module_stays_as_it_was(module, clients):
    before = weights_of(module)
    first, second = (
        [each.weights for each in federated_rounds(module, clients, rounds=2, seed=5)] for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert torch.equal(weights_of(module), before)
    assert all(weight.requires_grad for weight in module.parameters())


def test_a_client_that_sends_nonsense_counts_as_one_that_sent_nothing(module, clients):
    def attack(own, known):
        return torch.full_like(own, math.nan)

    for each in federated_rounds(module, clients, rounds=1, attack=attack, malicious=torch.arange(10) == 3):
        assert float(each.sent[3].abs().max()) == 0
        assert bool(torch.isfinite(each.weights).all())


def test_an_attack_that_returns_another_shape_is_told_so(module, clients):
    rounds = federated_rounds(
        module, clients, rounds=1, attack=lambda own, known: own[:, :3], malicious=torch.arange(10) == 3
    )
    with pytest.raises(InvalidInputError, match="updates of shape"):
        next(rounds)


def test_attackers_know_what_was_sent_and_what_the_model_did_before(module, clients):
    seen = []

    def attack(own, known):
        seen.append(known)
        return own

    list(federated_rounds(module, clients, rounds=2, attack=attack, malicious=torch.arange(10) < 3))
    assert [each.number for each in seen] == [0, 1]
    assert all(each.honest.shape[0] == 7 and each.clients == 10 for each in seen)
    assert float(seen[0].previous.abs().max()) == 0
    assert torch.allclose(seen[0].weights + seen[1].previous, seen[1].weights)


def test_a_skewed_share_gives_clients_few_classes_and_an_even_one_gives_them_all(digits):
    y = digits.train.y
    skewed = share_by_dirichlet(y, clients=10, concentration=0.1, seed=0)
    even = share_evenly(y, clients=10, seed=0)
    held = [[len(y[share].unique()) for share in shares] for shares in (skewed, even)]
    assert sum(held[0]) < 80
    assert min(held[1]) == 10


def test_shares_that_cannot_be_drawn_are_refused(digits):
    with pytest.raises(InvalidInputError, match="raise concentration or lower least"):
        share_by_dirichlet(digits.train.y[:60], clients=10, concentration=0.05, least=6, seed=0)
    with pytest.raises(InvalidInputError, match="one sample or more for each"):
        share_evenly(digits.train.y[:5], clients=10)


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ([], "one client or more"),
        ([(torch.rand(3, 4), torch.zeros(2, dtype=torch.int64))], r"shape \(3,\)"),
        (
            [
                (torch.rand(2, 4), torch.zeros(2, dtype=torch.int64)),
                (torch.rand(0, 4), torch.zeros(0).long()),
            ],
            "got 0",
        ),
        (
            [(torch.rand(2, 4), torch.zeros(2).long()), (torch.rand(2, 5), torch.zeros(2).long())],
            "at client 1",
        ),
    ],
)
def test_clients_that_do_not_fit_together_are_refused(parts, words):
    with pytest.raises(InvalidInputError, match=words):
        Clients.of(parts)


@pytest.mark.parametrize("architecture", ["resnet", "cnn"])
def test_a_network_that_clients_cannot_share_is_refused(clients, architecture):
    resnet = build(architecture, (1, 8, 8), 10)
    with pytest.raises(InvalidInputError, match="use mlp or logistic"):
        local_updates(resnet, weights_of(resnet), clients)


def test_weights_that_do_not_fit_the_module_are_refused(module, clients):
    with pytest.raises(InvalidInputError, match="weights of shape"):
        local_updates(module, weights_of(module)[:-1], clients)


def test_a_mark_that_fits_no_client_is_refused(module, clients):
    with pytest.raises(InvalidInputError, match="malicious as True and False"):
        next(federated_rounds(module, clients, rounds=1, malicious=torch.zeros(3, dtype=torch.bool)))


# ------------------------------------------------------------------ attacks


def test_a_sign_flip_outweighs_the_others_above_their_ratio():
    honest = torch.ones(8, 3)
    own = torch.ones(2, 3)
    for scale, sign in ((3.5, 1), (4.5, -1)):
        made = fedavg(torch.cat([honest, attacks.sign_flip(own, scale=scale)])).update
        assert bool((made.sign() == sign).all())


def test_a_little_is_enough_lies_the_given_deviations_off_the_mean():
    own = updates(3)
    sent = attacks.a_little_is_enough(own, known(), z=2.0)
    assert torch.allclose(sent[0], own.mean(0) - 2 * own.std(0))
    assert torch.equal(sent[0], sent[2])
    listened = attacks.a_little_is_enough(own[:1], known(), z=0.0, listens=True)
    assert torch.allclose(listened[0], torch.cat([own[:1], known().honest]).mean(0))
    with pytest.raises(InvalidInputError, match="let it listen"):
        attacks.a_little_is_enough(own[:1], known())


def test_the_largest_unnoticed_z_is_that_of_the_paper():
    # 50 workers, 24 of them malicious: 2 supporters are needed among 26, so Phi(z) = 24 / 26.
    assert attacks.unnoticed_z(50, 24) == pytest.approx(1.426, abs=2e-3)
    assert attacks.unnoticed_z(10, 1) == 0
    with pytest.raises(InvalidInputError, match="below half"):
        attacks.unnoticed_z(10, 5)


def test_the_inner_product_attack_points_against_the_mean():
    own = torch.ones(2, 4)
    assert torch.allclose(attacks.inner_product(own, known(4), scale=0.5), torch.full((2, 4), -0.5))


def test_a_boosted_update_replaces_the_model_when_the_others_stand_still():
    own = updates(2)
    boost = attacks.boost_for(10, 2)
    sent = torch.cat([torch.zeros(8, 6), attacks.model_replacement(own, boost=boost)])
    assert torch.allclose(fedavg(sent).update, own.mean(0), atol=1e-6)


def test_a_free_rider_sends_the_last_move_and_little_else():
    sent = attacks.free_rider(updates(2), known(), disguise=0.0)
    assert torch.equal(sent, torch.ones(2, 6))


@pytest.mark.parametrize("name", sorted(attacks.ATTACKS))
@pytest.mark.parametrize("own", [torch.zeros(0, 6), torch.full((2, 6), math.nan), torch.zeros(2, 6).long()])
def test_attacks_refuse_updates_that_are_none(name, own):
    with pytest.raises(InvalidInputError, match="own"):
        attacks.ATTACKS[name](own, known())


# ------------------------------------------------------------------ rules


def test_multi_krum_leaves_out_who_lies_far_away():
    sent = updates()
    sent[[2, 5]] += 40
    made = aggregation.multi_krum(sent, tolerated=2)
    assert made.weights[[2, 5]].tolist() == [0, 0]
    assert torch.allclose(made.update, sent[[0, 1, 3, 4, 6, 7, 8, 9]].mean(0), atol=1e-5)


def test_krum_scores_are_sums_of_the_nearest_distances():
    sent = torch.tensor([[0.0], [1.0], [2.0], [10.0]])
    assert aggregation.krum_scores(sent, tolerated=1).tolist() == [1, 1, 1, 64]


def test_a_distance_filter_leaves_nobody_out_on_an_ordinary_day():
    sent = updates(10, 400)
    assert float(aggregation.distance_filter(sent, threshold=1.5).weights.min()) == pytest.approx(0.1)
    sent[4] *= 20
    assert float(aggregation.distance_filter(sent, threshold=1.5).weights[4]) == 0
    assert float(aggregation.how_far(sent)[4]) > 10
    assert aggregation.how_far(torch.ones(4, 3)).tolist() == [1, 1, 1, 1]


def test_the_noise_of_a_private_mean_is_measured_by_the_clip():
    sent = torch.zeros(10, 4000)
    made = aggregation.private_mean(sent, clip=2.0, noise_multiplier=0.5, seed=0)
    assert float(made.update.std()) == pytest.approx(2.0 * 0.5 / 10, rel=0.1)
    generator = torch.Generator().manual_seed(0)
    drawn = [aggregation.private_mean(sent, seed=generator).update for _ in range(2)]
    assert not torch.equal(*drawn)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda u: aggregation.trimmed_mean(u, trim=5), "trim from 0 to 4"),
        (lambda u: aggregation.krum(u, tolerated=8), "tolerated from 0 to 7"),
        (lambda u: aggregation.multi_krum(u, kept=11), "kept from 1 to 10"),
        (lambda u: aggregation.distance_filter(u, threshold=0.5), "threshold from 1 up"),
        (lambda u: aggregation.mean(u, longest=0.5), "longest from 1 up"),
        (lambda u: aggregation.clipped_mean(u, clip=0.0), "clip > 0"),
        (lambda u: aggregation.private_mean(u, noise_multiplier=-1), "noise_multiplier >= 0"),
        (
            lambda u: aggregation.grouped(u, group_size=11, aggregate=aggregation.mean),
            "group_size from 1 to 10",
        ),
        (lambda u: aggregation.median(u * math.nan), "without NaN"),
        (lambda u: aggregation.median(u[:0]), "one client or more"),
        (lambda u: fedavg(u, sizes=torch.zeros(10)), "sizes above zero"),
    ],
)
def test_rules_refuse_settings_that_make_no_sense(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call(updates())


# ------------------------------------------------------------------ masks


def test_a_masked_update_looks_the_same_whatever_it_hides():
    ring = aggregation.FixedPoint()
    rows = [
        aggregation.masked_updates(value * torch.ones(6, 4000), numbers=ring, seed=1)[0].double() / 2**32
        for value in (0.0, 3.0)
    ]
    for row in rows:
        assert float(row.mean()) == pytest.approx(0.5, abs=0.03)
        assert float(row.std()) == pytest.approx(12**-0.5, abs=0.03)


def test_a_sum_beyond_the_ring_wraps_around():
    ring = aggregation.FixedPoint(bits=8, fraction_bits=4)
    assert ring.largest == pytest.approx(127 / 16)
    sent = torch.full((2, 1), 5.0)
    total = ring.decode(aggregation.masked_updates(sent, numbers=ring).sum(0))
    assert float(total) == pytest.approx(10 - 16)


@pytest.mark.parametrize("settings", [{"bits": 63}, {"bits": 1}, {"bits": 8, "fraction_bits": 8}])
def test_a_ring_that_does_not_fit_is_refused(settings):
    with pytest.raises(InvalidInputError):
        aggregation.FixedPoint(**settings)


def test_one_liar_spoils_one_group():
    sent = torch.ones(10, 3)
    sent[0] = -100
    made = aggregation.grouped(sent, group_size=2, aggregate=aggregation.median, seed=0)
    assert torch.allclose(made.update, torch.ones(3), atol=1e-3)


# ------------------------------------------------------------------ metrics


def test_the_client_that_is_served_worst_is_named(module, clients, digits):
    model = model_with(module, weights_of(module), clients)
    read = model.logits(digits.test.x).argmax(1)
    right = read == digits.test.y
    parts = [(digits.test.x[right], read[right]), (digits.test.x[~right], digits.test.y[~right])]
    made = client_accuracy(model, parts)
    assert [rate.value for rate in made.each] == [1, 0]
    assert (made.worst, made.mean, made.gap) == (1, 0.5, 0.5)
    with pytest.raises(InvalidInputError, match="test data"):
        client_accuracy(model, [])


def test_a_fair_share_is_one_and_rounds_in_which_nobody_was_heard_do_not_count():
    weights = torch.tensor([[0.25, 0.25, 0.25, 0.25], [0.0, 0.5, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert fair_share(weights, 0) == pytest.approx(0.5)
    assert fair_share(weights, 1) == pytest.approx(1.5)
    assert math.isnan(fair_share(torch.zeros(2, 3), 0))
    with pytest.raises(InvalidInputError, match="one of these clients"):
        fair_share(weights, 4)
