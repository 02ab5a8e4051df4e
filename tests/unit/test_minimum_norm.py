"""Attacks that look for the smallest change: how small it is, and what they leave behind."""

import math
from functools import partial

import pytest
import torch
from torch import nn

from labkit import engines
from labkit.attacks import evasion
from labkit.core import InvalidInputError, Norm, ThreatModel, predict
from labkit.models import TorchClassifier, build
from tests.unit.victims import linear, small_cnn

SEARCHES = {
    "carlini_wagner": partial(evasion.carlini_wagner, steps=10, searches=2),
    "deepfool l2": partial(evasion.deepfool, norm=Norm.L2),
    "deepfool linf": partial(evasion.deepfool, norm=Norm.LINF),
    "fab linf": partial(evasion.fab, norm=Norm.LINF, steps=5),
    "fab l2": partial(evasion.fab, norm=Norm.L2, steps=5),
    "fab l1": partial(evasion.fab, norm=Norm.L1, steps=5),
    "fab, one class after another": partial(evasion.fab, norm=Norm.L2, steps=4, aims=3),
}
ONE_FOR_ALL = {
    "universal_perturbation": partial(evasion.universal_perturbation, epsilon=0.1, epochs=2),
    "adversarial_patch": partial(evasion.adversarial_patch, epsilon=9, epochs=2),
}


def sizes(model, adv, y):
    """Return how far each input that was read correctly was moved; infinity where it is still read so."""
    right = predict(model, adv.x) == y
    size = Norm(adv.params["norm"]).size(adv.delta)
    return torch.where(predict(model, adv.x_adv) == y, torch.inf, size)[right]


@pytest.mark.parametrize("name", SEARCHES)
def test_every_input_is_misread_after_a_change_smaller_than_noise_needs(name):
    model, x, y = small_cnn()
    adv = SEARCHES[name](model, x, y)
    assert adv.params["epsilon"] is None
    assert ((adv.x_adv >= 0) & (adv.x_adv <= 1)).all()
    found = sizes(model, adv, y)
    assert found.isfinite().all()
    size = float(found.median())
    noise = evasion.random_noise(model, x, y, epsilon=size, norm=Norm(adv.params["norm"]))
    assert (predict(model, noise.x_adv) == y).float().mean() > 0.8


@pytest.mark.parametrize(
    ("ours", "name", "theirs"),
    [
        (partial(evasion.carlini_wagner, steps=25, searches=4), "carlini_wagner", {"steps": 60}),
        (partial(evasion.deepfool, steps=8), "deepfool", {"steps": 8}),
        (partial(evasion.fab, steps=10), "fab", {"epsilon": 1.0, "steps": 10}),
        (partial(evasion.fab, steps=10, norm=Norm.L2), "fab_l2", {"epsilon": 8.0, "steps": 10}),
    ],
)
def test_changes_are_no_larger_than_those_of_torchattacks(ours, name, theirs):
    model, x, y = small_cnn()
    x, y = x[:40], y[:40]
    found = sizes(model, ours(model, x, y), y)
    peer = sizes(model, engines.load("torchattacks").attack(name, **theirs)(model, x, y), y)
    assert float(found.median()) <= 1.03 * float(peer.median())
    assert found.isfinite().sum() >= peer.isfinite().sum()


def test_fab_and_torchattacks_find_the_same_border():
    model, x, y = small_cnn()
    x, y = x[:30], y[:30]
    for norm, name in ((Norm.LINF, "fab"), (Norm.L2, "fab_l2")):
        found = sizes(model, evasion.fab(model, x, y, steps=20, norm=norm), y)
        peer = sizes(model, engines.load("torchattacks").attack(name, epsilon=8.0, steps=20)(model, x, y), y)
        assert float((found / peer).median()) == pytest.approx(1.0, abs=0.03)


def test_a_second_run_finds_nothing_larger():
    model, x, y = small_cnn()
    once, twice = (sizes(model, evasion.fab(model, x, y, steps=4, restarts=n), y) for n in (1, 2))
    assert (twice <= once + 1e-3).all()


@pytest.mark.parametrize("name", ["carlini_wagner", "fab linf", "fab l2", "fab l1"])
def test_a_search_can_be_aimed_at_a_class(name):
    model, x, y = small_cnn()
    y_target = (y + 1) % 10
    adv = SEARCHES[name](model, x, y, y_target=y_target, steps=20)
    assert (predict(model, adv.x_adv) == y_target).float().mean() > 0.85
    # What is read as the target already stays as it is.
    already = evasion.carlini_wagner(model, x, y, y_target=predict(model, x))
    assert torch.equal(already.x_adv, x)


def test_confidence_leads_further_beyond_the_border():
    model, x, y = small_cnn()
    right = predict(model, x) == y
    near, far = (evasion.carlini_wagner(model, x[right], y[right], confidence=k) for k in (0.0, 3.0))
    logits = model.logits(far.x_adv)
    own = logits.gather(1, y[right][:, None]).squeeze(1)
    assert (logits.amax(1) - own > 2.9).all()
    assert Norm.L2.size(far.delta).median() > Norm.L2.size(near.delta).median()


@pytest.mark.parametrize("name", SEARCHES)
def test_with_a_budget_the_result_is_inside_and_one_of_zero_changes_nothing(name):
    model, x, y = small_cnn()
    adv = SEARCHES[name](model, x[:20], y[:20], epsilon=0.05)
    assert ThreatModel(adv.params["norm"], 0.05).allows(x[:20], adv.x_adv, model.bounds).all()
    assert torch.equal(SEARCHES[name](model, x[:5], y[:5], epsilon=0.0).x_adv, x[:5])


@pytest.mark.parametrize("name", SEARCHES)
def test_what_is_misread_as_it_is_stays_as_it_is(name):
    model, x, _ = small_cnn()
    wrong = (predict(model, x) + 1) % 10
    assert torch.equal(SEARCHES[name](model, x, wrong).x_adv, x)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_victim_without_a_slope_ends_in_the_input_itself(name):
    flat = nn.Linear(4, 2)
    with torch.no_grad():
        flat.weight.zero_()
        flat.bias.copy_(torch.tensor([1.0, 0.0]))
    model = TorchClassifier(flat.requires_grad_(False), (4,), 2)
    x, y = torch.full((2, 4), 0.5), torch.zeros(2, dtype=torch.int64)
    assert torch.equal(SEARCHES[name](model, x, y).x_adv, x)


@pytest.mark.parametrize("name", SEARCHES)
def test_a_border_beyond_the_box_ends_in_the_input_itself(name):
    model = linear((0.1, 0.1, 0.1, 0.1), bias=5.0)
    x, y = torch.full((2, 4), 0.5), torch.zeros(2, dtype=torch.int64)
    assert torch.equal(SEARCHES[name](model, x, y).x_adv, x)


def test_other_bounds_scale_the_change():
    inner, x, y = small_cnn()

    class Grey(nn.Module):
        def forward(self, x):
            return inner.module(x / 255)

    grey = TorchClassifier(Grey(), (1, 8, 8), 10, (0.0, 255.0))
    for attack in SEARCHES.values():
        unit = sizes(inner, attack(inner, x[:30], y[:30]), y[:30])
        wide = sizes(grey, attack(grey, x[:30] * 255, y[:30]), y[:30])
        assert float((wide / unit).median()) == pytest.approx(255, rel=0.05)


@pytest.mark.parametrize("name", [*SEARCHES, *ONE_FOR_ALL])
def test_a_victim_in_training_is_left_as_it_was(name):
    attack = {**SEARCHES, **ONE_FOR_ALL}[name]
    module = build("resnet", (1, 8, 8), 10, seed=0)
    model = TorchClassifier(module, (1, 8, 8), 10)
    _, x, y = small_cnn()
    y = predict(model, x)
    module[0].eval(), module[3].train()
    modes = [part.training for part in module.modules()]
    state = {key: value.clone() for key, value in module.state_dict().items()}
    seen = []
    module[1].register_forward_hook(lambda *_: seen.append(1))
    attack(model, x[:3], y[:3])
    assert seen
    assert [part.training for part in module.modules()] == modes
    assert all(torch.equal(value, state[key]) for key, value in module.state_dict().items())
    assert all(weight.requires_grad and weight.grad is None for weight in module.parameters())
    assert len(module[1]._forward_hooks) == 1


@pytest.mark.parametrize("name", [*SEARCHES, *ONE_FOR_ALL])
def test_layout_and_inference_mode_make_no_difference(name):
    attack = {**SEARCHES, **ONE_FOR_ALL}[name]
    model, x, y = small_cnn()
    turned = x[:6].transpose(2, 3).contiguous().transpose(2, 3)
    assert not turned.is_contiguous()
    usual = attack(model, x[:6], y[:6]).x_adv
    other = attack(model, turned, y[:6]).x_adv
    # Sums come out in another order; on some processors FAB in L1 then takes another pixel as good.
    moved = int(((other - usual).abs().amax((1, 2, 3)) > 1e-3).sum())
    assert moved <= (name == "fab l1")
    lengths = [(each - x[:6]).flatten(1).norm(dim=1) for each in (usual, other)]
    assert torch.allclose(*lengths, rtol=0.05)
    with torch.inference_mode():
        fast = attack(model, x[:6].clone(), y[:6].clone()).x_adv
    assert torch.allclose(fast, usual, atol=1e-3)


class _Noisy:
    """A victim that adds noise to each question."""

    def __init__(self, model, scale):
        self.model, self.scale = model, scale
        self.generator = torch.Generator().manual_seed(0)
        self.bounds, self.input_shape, self.classes = model.bounds, model.input_shape, model.classes

    def forward(self, x):
        return self.model.forward(x + self.scale * torch.randn(x.shape, generator=self.generator))

    def logits(self, x):
        with torch.no_grad():
            return self.forward(x)


@pytest.mark.parametrize("name", [*SEARCHES, *ONE_FOR_ALL])
def test_a_victim_that_answers_by_chance_is_no_trouble(name):
    model, x, y = small_cnn()
    adv = {**SEARCHES, **ONE_FOR_ALL}[name](_Noisy(model, 0.1), x[:8], y[:8])
    assert adv.x_adv.isfinite().all()
    assert ((adv.x_adv >= 0) & (adv.x_adv <= 1)).all()


def test_the_mean_over_draws_is_followed_further_than_one_draw():
    model, x, y = small_cnn()
    left = []
    for draws in (1, 20):
        victim = evasion.eot(_Noisy(model, 0.5), draws)
        adv = evasion.pgd(victim, x, y, epsilon=0.15, early_stop=False, steps=15)
        judge = evasion.eot(_Noisy(model, 0.5), 40)
        left.append(float((predict(judge, adv.x_adv) == y).float().mean()))
    assert left[1] < left[0] - 0.05


def test_the_mean_answer_of_a_steady_victim_is_its_answer():
    model, x, _ = small_cnn()
    averaged = evasion.eot(model, 3)
    assert torch.allclose(averaged.logits(x), model.logits(x), atol=1e-5)
    assert (averaged.bounds, averaged.input_shape, averaged.classes) == ((0.0, 1.0), (1, 8, 8), 10)


@pytest.mark.parametrize(
    ("attack", "given", "says"),
    [
        (evasion.carlini_wagner, {"norm": Norm.LINF}, "norm out of l2 for carlini_wagner"),
        (evasion.deepfool, {"norm": Norm.L1}, "norm out of l2, linf"),
        (evasion.fab, {"norm": Norm.L0}, "norm out of linf, l2, l1"),
        (evasion.square, {"norm": Norm.L1, "epsilon": 1.0}, "norm out of linf, l2 for square"),
        (evasion.hop_skip_jump, {"norm": Norm.L0}, "norm out of linf, l2"),
        (evasion.adversarial_patch, {"norm": Norm.L2, "epsilon": 9}, "norm out of l0"),
        (evasion.carlini_wagner, {"steps": 0}, "steps as a whole number"),
        (evasion.carlini_wagner, {"searches": 1.5}, "searches as a whole number"),
        (evasion.carlini_wagner, {"lr": 0.0}, "lr > 0"),
        (evasion.carlini_wagner, {"constant": -1}, "constant > 0"),
        (evasion.carlini_wagner, {"confidence": math.nan}, "confidence >= 0"),
        (evasion.carlini_wagner, {"epsilon": -1.0}, "epsilon >= 0"),
        (evasion.deepfool, {"epsilon": math.nan}, "epsilon >= 0"),
        (evasion.deepfool, {"overshoot": -0.1}, "overshoot >= 0"),
        (evasion.deepfool, {"candidates": 0}, "candidates as a whole number"),
        (evasion.fab, {"shrink": 0.0}, "shrink > 0"),
        (evasion.fab, {"most_back": 1.5}, "most_back as a share"),
        (evasion.fab, {"aims": 0}, "aims as a whole number"),
        (evasion.fab, {"y_target": torch.tensor([3])}, "y_target does not fit"),
        (evasion.universal_perturbation, {"epsilon": 0.1, "epochs": 0}, "epochs as a whole number"),
        (evasion.universal_perturbation, {"epsilon": 0.1, "delta": torch.zeros(3)}, "delta of shape"),
        (evasion.adversarial_patch, {"epsilon": 9, "scale": 1.5}, "scale above 0"),
        (evasion.adversarial_patch, {"epsilon": 9, "rotation": 200}, "rotation from 0 to 180"),
    ],
)
def test_settings_without_sense_are_refused_in_words(attack, given, says):
    model, x, y = small_cnn()
    with pytest.raises(InvalidInputError, match=says):
        attack(model, x[:4], y[:4], **given)


@pytest.mark.parametrize("name", SEARCHES)
def test_progress_is_told_and_ends_at_the_end(name):
    model, x, y = small_cnn()
    told = []
    SEARCHES[name](model, x[:4], y[:4], progress=lambda *step: told.append(step))
    assert told[-1][0] == told[-1][1]
    assert all(done <= total for done, total, _ in told)


def test_eot_refuses_a_victim_without_a_gradient():
    from labkit.attacks import Oracle

    model, _, _ = small_cnn()
    with pytest.raises(InvalidInputError, match="eot needs the gradient"):
        evasion.eot(Oracle(model))
    with pytest.raises(InvalidInputError, match="draws as a whole number"):
        evasion.eot(model, 0)
