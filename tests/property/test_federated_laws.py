"""Laws of federated learning: what rules withstand, that masks cancel, that all at once is one by one."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.attacks import federated as attacks
from labkit.defenses import aggregation
from labkit.defenses.aggregation import AGGREGATORS, FixedPoint
from labkit.models import build
from labkit.models.federated import (
    Clients,
    Known,
    fedavg,
    federated_rounds,
    local_updates,
    share_by_dirichlet,
    share_evenly,
    weights_of,
)
from labkit.models.federated.local import batches

QUICK = settings(max_examples=40, deadline=None)
SLOW = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 2**31)
wild = st.sampled_from([-1e6, -50.0, 0.0, 3.0, 1e6])


def honest(n, d, seed):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def shuffled(n, seed):
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed + 1))


# ------------------------------------------------------------------ what rules withstand


@QUICK
@given(n=st.integers(3, 12), d=st.integers(1, 20), seed=seeds, value=wild)
def test_the_median_stays_within_honest_values_with_any_minority(n, d, seed, value):
    bad = (n - 1) // 2
    good = honest(n - bad, d, seed)
    sent = torch.cat([good, torch.full((bad, d), value)])[shuffled(n, seed)]
    made = aggregation.median(sent).update
    assert bool((made >= good.min(0).values - 1e-5).all())
    assert bool((made <= good.max(0).values + 1e-5).all())


@QUICK
@given(n=st.integers(3, 12), d=st.integers(1, 20), seed=seeds, value=wild, data=st.data())
def test_a_trimmed_mean_stays_within_honest_values_with_as_many_liars_as_it_trims(n, d, seed, value, data):
    trim = data.draw(st.integers(0, (n - 1) // 2))
    bad = data.draw(st.integers(0, trim))
    good = honest(n - bad, d, seed)
    sent = torch.cat([good, torch.full((bad, d), value)])[shuffled(n, seed)]
    made = aggregation.trimmed_mean(sent, trim=trim).update
    assert bool((made >= good.min(0).values - 1e-5).all())
    assert bool((made <= good.max(0).values + 1e-5).all())


@QUICK
@given(n=st.integers(5, 14), d=st.integers(2, 20), seed=seeds, value=st.sampled_from([-1e6, 100.0, 1e6]))
def test_krum_takes_an_honest_update_when_liars_are_far_away(n, d, seed, value):
    bad = (n - 3) // 2
    good = honest(n - bad, d, seed)
    sent = torch.cat([good, torch.full((bad, d), value)])
    order = shuffled(n, seed)
    made = aggregation.krum(sent[order], tolerated=bad)
    assert int(order[made.weights.argmax()]) < n - bad
    assert any(torch.equal(made.update, each) for each in good)


@QUICK
@given(n=st.integers(4, 12), d=st.integers(1, 20), seed=seeds, value=st.sampled_from([-1e5, 1e5]))
def test_a_mean_does_not_withstand_one_liar(n, d, seed, value):
    sent = honest(n, d, seed)
    sent[0] = value
    assert float(aggregation.mean(sent).update.abs().min()) > 1e5 / n / 2
    assert float(aggregation.mean(sent, longest=10.0).update.abs().max()) < 10


@QUICK
@given(n=st.integers(4, 12), d=st.integers(2, 20), seed=seeds, scale=st.floats(1, 1e4))
def test_nobody_pulls_a_clipped_mean_farther_than_the_clip(n, d, seed, scale):
    sent = honest(n, d, seed)
    without = aggregation.clipped_mean(sent, clip=1.0).update
    sent[0] = scale * sent[0]
    moved = aggregation.clipped_mean(sent, clip=1.0).update - without
    assert float(moved.norm()) <= 2 / n + 1e-5


@QUICK
@given(n=st.integers(4, 12), d=st.integers(1, 20), seed=seeds)
@pytest.mark.parametrize("name", sorted(AGGREGATORS))
def test_the_order_of_the_clients_does_not_matter(name, n, d, seed):
    sent, order = honest(n, d, seed), shuffled(n, seed)
    first, second = AGGREGATORS[name](sent), AGGREGATORS[name](sent[order])
    assert torch.allclose(first.update, second.update, atol=1e-5)
    assert torch.allclose(first.weights[order], second.weights, atol=1e-6)


@QUICK
@given(n=st.integers(4, 12), d=st.integers(1, 20), seed=seeds)
@pytest.mark.parametrize("name", sorted(set(AGGREGATORS) - {"private_mean", "clipped_mean"}))
def test_where_all_agree_so_does_the_rule_and_what_it_hears_adds_up_to_one(name, n, d, seed):
    sent = honest(1, d, seed).expand(n, d).clone()
    made = AGGREGATORS[name](sent)
    assert torch.allclose(made.update, sent[0], atol=1e-5)
    assert float(made.weights.sum()) == pytest.approx(1, abs=1e-5)
    assert float(made.weights.min()) >= 0


@QUICK
@given(n=st.integers(4, 12), d=st.integers(1, 20), seed=seeds)
@pytest.mark.parametrize("name", sorted(AGGREGATORS))
def test_no_rule_changes_what_was_sent(name, n, d, seed):
    sent = honest(n, d, seed)
    before = sent.clone()
    AGGREGATORS[name](sent)
    assert torch.equal(sent, before)


# ------------------------------------------------------------------ attacks


@QUICK
@given(b=st.integers(2, 4), n=st.integers(3, 8), d=st.integers(1, 20), seed=seeds)
@pytest.mark.parametrize("name", sorted(attacks.ATTACKS))
def test_attacks_send_finite_updates_of_the_same_shape_and_leave_their_own_alone(name, b, n, d, seed):
    own = honest(b, d, seed)
    before = own.clone()

    def known():
        return Known(
            1, b + n, torch.zeros(d), honest(1, d, 1)[0], honest(n, d, 2), torch.Generator().manual_seed(seed)
        )

    sent = attacks.ATTACKS[name](own, known())
    assert sent.shape == own.shape
    assert bool(torch.isfinite(sent).all())
    assert torch.equal(own, before)
    assert torch.equal(sent, attacks.ATTACKS[name](own, known()))


# ------------------------------------------------------------------ masks


@QUICK
@given(n=st.integers(2, 9), d=st.integers(1, 30), bits=st.integers(1, 62), seed=seeds)
def test_masks_cancel_exactly(n, d, bits, seed):
    masks = aggregation.pairwise_masks(n, d, bits=bits, seed=seed)
    assert int(masks.min()) >= 0
    assert int(masks.max()) < 2**bits
    total = torch.zeros(d, dtype=torch.int64)
    for mask in masks:
        total = (total + mask).remainder(2**bits)
    assert torch.equal(total, torch.zeros(d, dtype=torch.int64))


@QUICK
@given(n=st.integers(2, 9), d=st.integers(1, 30), seed=seeds)
def test_the_sum_under_masks_is_the_sum_of_the_rounded_updates(n, d, seed):
    sent, ring = honest(n, d, seed), FixedPoint(bits=40, fraction_bits=20)
    masked = aggregation.masked_updates(sent, numbers=ring, seed=seed)
    plain = sum(ring.decode(ring.encode(row)).double() for row in sent)
    assert torch.allclose(ring.decode(masked.sum(0)).double(), plain, atol=1e-5)


@QUICK
@given(values=st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=20))
def test_fixed_point_numbers_come_back_within_half_a_step(values):
    ring, given_ = FixedPoint(bits=32, fraction_bits=16), torch.tensor(values)
    assert float((ring.decode(ring.encode(given_)) - given_).abs().max()) <= 2**-17 + 1e-5


@SLOW
@given(n=st.integers(4, 11), each=st.integers(1, 4), seed=seeds)
def test_groups_of_any_size_add_up_to_the_same_mean_when_groups_are_even(n, each, seed):
    sent = honest(n, 6, seed)
    made = aggregation.grouped(sent, group_size=each, aggregate=aggregation.mean, seed=seed)
    assert float(made.weights.sum()) == pytest.approx(1, abs=1e-5)
    assert torch.allclose(made.update, made.weights @ sent, atol=1e-3)


# ------------------------------------------------------------------ the simulation


def some_clients(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    return Clients.of(
        [
            (torch.rand((n, 1, 4, 4), generator=generator), torch.randint(3, (n,), generator=generator))
            for n in sizes
        ]
    )


def one_by_one(module, weights, clients, *, epochs, lr, batch_size, seed):
    """Train client after client with torch's own layers, on the batches of the simulation."""
    order = list(batches(clients.sizes, epochs, batch_size, torch.Generator().manual_seed(seed)))
    updates = []
    for number in range(len(clients)):
        torch.nn.utils.vector_to_parameters(weights.clone(), module.parameters())
        for chosen, present in order:
            mine = chosen[number][present[number]]
            if len(mine):
                loss = torch.nn.functional.cross_entropy(
                    module(clients.x[number, mine]), clients.y[number, mine]
                )
                slopes = torch.autograd.grad(loss, list(module.parameters()))
                with torch.no_grad():
                    for weight, slope in zip(module.parameters(), slopes, strict=True):
                        weight -= lr * slope
        updates.append(torch.nn.utils.parameters_to_vector(module.parameters()).detach() - weights)
    return torch.stack(updates)


@SLOW
@given(sizes=st.lists(st.integers(1, 20), min_size=1, max_size=5), seed=seeds, epochs=st.integers(1, 3))
@pytest.mark.parametrize("architecture", ["mlp", "logistic"])
def test_all_clients_at_once_are_the_clients_one_by_one(architecture, sizes, seed, epochs):
    module = build(architecture, (1, 4, 4), 3, seed=seed)
    clients, weights = some_clients(sizes, seed), weights_of(module)
    settings_ = {"epochs": epochs, "lr": 0.2, "batch_size": 6, "seed": seed}
    together = local_updates(module, weights, clients, **settings_)
    assert torch.equal(weights_of(module), weights)
    assert torch.allclose(together, one_by_one(module, weights, clients, **settings_), atol=2e-5)


@SLOW
@given(n=st.integers(2, 20), seed=seeds)
def test_fedavg_with_one_client_is_local_training(n, seed):
    module, clients = build("logistic", (1, 4, 4), 3, seed=seed), some_clients([n], seed)
    for each in federated_rounds(module, clients, rounds=1, lr=0.2, seed=seed):
        assert torch.allclose(each.weights, weights_of(module) + each.sent[0], atol=1e-6)


@QUICK
@given(sizes=st.lists(st.integers(1, 50), min_size=1, max_size=8), seed=seeds)
def test_fedavg_weighs_by_size(sizes, seed):
    sent, counts = honest(len(sizes), 4, seed), torch.tensor(sizes)
    made = fedavg(sent, sizes=counts)
    assert torch.allclose(made.update, (sent * counts[:, None]).sum(0) / counts.sum(), atol=1e-4)


@QUICK
@given(n=st.integers(20, 90), clients=st.integers(1, 9), seed=seeds, concentration=st.floats(0.3, 50))
def test_every_sample_goes_to_one_client(n, clients, seed, concentration):
    y = torch.arange(n) % 5
    for shares in (
        share_evenly(y, clients=clients, seed=seed),
        share_by_dirichlet(y, clients=clients, concentration=concentration, least=1, seed=seed),
    ):
        assert torch.equal(torch.cat(shares).sort().values, torch.arange(n))
        assert len(shares) == clients
    sizes = [len(share) for share in share_evenly(y, clients=clients, seed=seed)]
    assert max(sizes) - min(sizes) <= 1
