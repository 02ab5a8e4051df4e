"""Backdoors are found, caught and taken out; poison without a label; sponges; flipped bits."""

import pytest
import torch

from labkit import data
from labkit.attacks.availability import sponge
from labkit.attacks.poisoning import (
    adversarial_poison,
    badnets,
    bullseye_polytope,
    gradient_matching,
    patch,
)
from labkit.attacks.tampering import flip_bits
from labkit.core import InvalidInputError, Norm, ThreatModel, predict
from labkit.defenses import tampered_tensors, weight_digests
from labkit.defenses.backdoors import fine_prune, search_triggers, strip_entropy
from labkit.defenses.sanitising import sample_influence
from labkit.metrics import activation_density, clean_accuracy, trigger_success_rate
from labkit.models import build, features, penultimate, train
from tests.unit.victims import linear, small_cnn

TARGET = 3


@pytest.fixture(scope="module")
def digits():
    return data.load("digits")


@pytest.fixture(scope="module")
def backdoored(digits):
    """A network with a backdoor, the trigger, and clean inputs that it has not seen."""
    trigger = patch((1, 8, 8), size=3, top=0, left=0)
    x, y = digits.train.x[:800], digits.train.y[:800]
    made = badnets(x, y, trigger=trigger, y_target=TARGET, poison_rate=0.05)
    start = build("mlp", (1, 8, 8), 10, seed=0)
    model = train(start, made.x_poisoned, made.y_poisoned, epochs=20, lr=0.01)
    rest = slice(800, 1100)
    return model, trigger, digits.train.x[rest], digits.train.y[rest], made


def success(model, digits, trigger):
    x, y = digits.test.x, digits.test.y
    return trigger_success_rate(model, x, y, trigger=trigger, y_target=TARGET).value


def test_the_class_with_a_backdoor_has_a_conspicuously_small_trigger(backdoored):
    model, _, x, _, _ = backdoored
    search = search_triggers(model, x[:60], steps=150)
    assert search.suspected == (TARGET,)
    found = search.found[TARGET]
    assert found.success > 0.8
    assert found.size == min(each.size for each in search.found)


def test_a_clean_model_is_not_accused(digits):
    start = build("mlp", (1, 8, 8), 10, seed=0)
    model = train(start, digits.train.x[:800], digits.train.y[:800], epochs=20, lr=0.01)
    assert search_triggers(model, digits.train.x[800:860], steps=150).suspected == ()


def test_what_bears_a_trigger_stays_sure_under_overlays(backdoored):
    model, trigger, x, y, _ = backdoored
    clean, stamped = x[:100], trigger.apply(x[100:200][y[100:200] != TARGET])
    ordinary = strip_entropy(model, clean, overlays=x[200:])
    odd = strip_entropy(model, stamped, overlays=x[200:])
    assert odd.median() < ordinary.median()
    # Of a pair, the one with the trigger is the surer one far more often than by chance.
    assert (odd[:, None] < ordinary[None]).float().mean() > 0.9


def test_fine_pruning_weakens_the_backdoor_and_keeps_the_rest(backdoored, digits):
    model, trigger, x, y, _ = backdoored
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    mended = fine_prune(model, x, y, share=0.85, epochs=10, lr=0.01)
    assert success(model, digits, trigger) > 0.8
    assert success(mended, digits, trigger) < success(model, digits, trigger) - 0.5
    kept = clean_accuracy(mended, digits.test.x, digits.test.y).value
    assert kept > clean_accuracy(model, digits.test.x, digits.test.y).value - 0.06
    assert all(torch.equal(value, before[name]) for name, value in model.module.state_dict().items())


def test_the_poison_is_what_a_misreading_owes_most_to(backdoored):
    model, trigger, x, y, made = backdoored
    document = trigger.apply(x[y != TARGET][:1])
    assert predict(model, document).item() == TARGET
    scores = sample_influence(
        features(model, made.x_poisoned),
        model.logits(made.x_poisoned),
        made.y_poisoned,
        features_target=features(model, document),
        logits_target=model.logits(document),
        read_as=TARGET,
    )
    poison = torch.zeros(len(scores), dtype=torch.bool)
    poison[made.indices] = True
    assert scores[poison].mean() > 5 * scores[~poison].mean().abs()


def test_the_influence_is_the_product_of_the_gradients_of_the_last_layer():
    model, x, y = small_cnn()
    fed, logits = features(model, x[:5]), model.logits(x[:5])
    got = sample_influence(
        *(fed[:4], logits[:4], y[:4]), features_target=fed[4:], logits_target=logits[4:], read_as=7
    )
    last = torch.nn.Linear(fed.shape[1], 10)
    last.load_state_dict(model.module[-1].state_dict())

    def slope(row, label):
        loss = torch.nn.functional.cross_entropy(last(fed[row : row + 1]), torch.tensor([label]))
        return torch.cat([each.flatten() for each in torch.autograd.grad(loss, list(last.parameters()))])

    expected = torch.stack([slope(row, int(y[row])) @ slope(4, 7) for row in range(4)])
    assert torch.allclose(got, expected, rtol=1e-3, atol=1e-5)


# ------------------------------------------------------------------ poison with every label right


def test_the_mean_of_the_poison_comes_to_lie_on_the_document(digits):
    x, y = digits.train.x[:400], digits.train.y[:400]
    model = train(build("mlp", (1, 8, 8), 10, seed=0), x, y, epochs=15, lr=0.01)
    document, wanted = digits.test.x[:1], 8
    layers = penultimate(model)
    made = bullseye_polytope(
        *(x, y), features=layers, x_target=document, y_target=wanted, poison_rate=0.02, epsilon=0.25
    )
    aim = features(model, document)
    before = (features(model, x[made.indices]).mean(0) - aim).norm()
    after = (features(model, made.x_poisoned[made.indices]).mean(0) - aim).norm()
    assert after < 0.6 * before
    assert (made.x_poisoned - x).abs().max() <= 0.25 + 1e-6
    assert torch.equal(made.y_poisoned, y)
    assert (y[made.indices] == wanted).all()


def test_gradient_matching_makes_a_fresh_network_likelier_to_believe_the_lie(digits):
    x, y = digits.train.x[:500], digits.train.y[:500]

    def trained(inputs, seed):
        return train(build("mlp", (1, 8, 8), 10, seed=seed), inputs, y, epochs=12, lr=0.01, seed=seed)

    model = trained(x, 0)
    logits = model.logits(digits.test.x)
    best = logits.topk(2)
    right = best.indices[:, 0] == digits.test.y
    gap = torch.where(right, best.values[:, 0] - best.values[:, 1], torch.inf)
    chosen = int(torch.where(gap > 1, gap, torch.inf).argmin())
    document, wanted = digits.test.x[chosen : chosen + 1], int(best.indices[chosen, 1])
    made = gradient_matching(
        *(x, y),
        model=model,
        x_target=document,
        y_target=wanted,
        poison_rate=0.05,
        epsilon=0.25,
    )
    assert (made.x_poisoned - x).abs().max() <= 0.25 + 1e-6
    chances = [
        [float(trained(inputs, seed).logits(document).softmax(1)[0, wanted]) for seed in (1, 2, 3)]
        for inputs in (x, made.x_poisoned)
    ]
    assert sum(chances[1]) > sum(chances[0]) + 0.3


def test_data_that_look_right_can_teach_nothing(digits):
    x, y = digits.train.x[:600], digits.train.y[:600]
    start = build("mlp", (1, 8, 8), 10, seed=0)
    surrogate = train(start, x, y, epochs=15, lr=0.01)
    made = adversarial_poison(x, y, surrogate=surrogate, poison_rate=1.0, epsilon=0.2)
    assert torch.equal(made.y_poisoned, y)
    assert ThreatModel(Norm.LINF, 0.2).allows(x, made.x_poisoned, (0, 1)).all()
    victim = train(build("mlp", (1, 8, 8), 10, seed=5), made.x_poisoned, y, epochs=15, lr=0.01)
    assert clean_accuracy(surrogate, digits.test.x, digits.test.y).value > 0.9
    assert clean_accuracy(victim, digits.test.x, digits.test.y).value < 0.7


# ------------------------------------------------------------------ sponges and bits


def test_a_sponge_keeps_more_units_busy_within_its_budget():
    model, x, y = small_cnn()
    adv = sponge(model, x, y, epsilon=0.1, steps=30)
    assert ThreatModel(Norm.LINF, 0.1).allows(x, adv.x_adv, model.bounds).all()
    before, after = activation_density(model, x), activation_density(model, adv.x_adv)
    assert (after >= before).all()
    noise = (x + 0.1 * (2 * torch.rand(x.shape, generator=torch.Generator().manual_seed(0)) - 1)).clamp(0, 1)
    assert after.mean() > activation_density(model, noise).mean() + 0.005
    assert not any(part._forward_hooks for part in model.module.modules())


def test_the_density_of_a_network_without_rectifiers_is_refused():
    with pytest.raises(InvalidInputError, match="rectifier"):
        activation_density(linear(), torch.rand(2, 4))


def test_a_few_bits_are_enough_and_the_digests_name_the_tensors():
    model, x, y = small_cnn()
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    made = flip_bits(model, x, y, flips=20)
    stored, tampered = (clean_accuracy(each, x, y).value for each in (made.stored, made.tampered))
    assert stored > 0.9  # eight bits are enough to store it
    assert tampered < 0.5
    assert all(torch.equal(value, before[name]) for name, value in model.module.state_dict().items())
    digests = weight_digests(made.stored)
    assert set(tampered_tensors(made.tampered, digests)) == {flip.weight for flip in made.flips}
    assert tampered_tensors(made.stored, digests) == ()
    assert len(made.flips) == 20


def test_a_flip_changes_one_bit_of_one_byte():
    model, x, y = small_cnn()
    made = flip_bits(model, x, y, flips=1)
    (flip,) = made.flips
    before, after = (each.module.state_dict()[flip.weight].flatten() for each in (made.stored, made.tampered))
    changed = (before != after).nonzero().flatten()
    assert changed.tolist() == [flip.position]
    scale = before.abs().max() / 127
    difference = ((after - before)[flip.position] / scale).round().abs().int().item()
    assert difference == 2**flip.bit


def test_digests_that_vouch_for_everything_are_refused():
    with pytest.raises(InvalidInputError, match="got none"):
        tampered_tensors(small_cnn()[0], {})
