"""One change for all inputs: the universal perturbation, and the patch."""

import pytest
import torch

from labkit import data
from labkit.attacks import evasion
from labkit.core import InvalidInputError, Norm, ThreatModel, predict
from labkit.metrics import robust_accuracy
from labkit.models import build, train
from tests.unit.victims import linear, small_cnn


def test_one_change_misleads_inputs_that_it_was_not_found_on():
    model, x, y = small_cnn()
    threat = ThreatModel("linf", 0.25)
    delta = evasion.universal_delta(model, x[:30], y[:30], epsilon=0.25)
    assert delta.shape == x.shape[1:]
    adv = evasion.universal_perturbation(model, x[30:], y[30:], epsilon=0.25, delta=delta)
    noise = evasion.random_noise(model, x[30:], y[30:], epsilon=0.25)
    found = robust_accuracy(model, adv, threat).value
    assert found < robust_accuracy(model, noise, threat).value - 0.15
    assert torch.allclose(adv.x_adv, (x[30:] + delta).clamp(0, 1), atol=1e-6)
    assert adv.params["found_on_x"] is False


def test_one_change_can_be_aimed_at_a_class():
    model, x, y = small_cnn()
    y_target = torch.full_like(y, 8)
    adv = evasion.universal_perturbation(model, x, y, epsilon=0.4, y_target=y_target, epochs=40)
    assert (predict(model, adv.x_adv) == 8).float().mean() > (predict(model, x) == 8).float().mean() + 0.2


def test_a_change_that_misleads_nobody_is_not_made():
    model = linear((0.1, 0.1, 0.1, 0.1), bias=5.0)
    x, y = torch.full((4, 4), 0.5), torch.zeros(4, dtype=torch.int64)
    assert torch.equal(evasion.universal_delta(model, x, y, epsilon=0.1), torch.zeros(4))


def test_a_change_longer_than_the_budget_is_shortened():
    model, x, y = small_cnn()
    adv = evasion.universal_perturbation(model, x, y, epsilon=0.1, delta=torch.full((1, 8, 8), 0.5))
    assert ThreatModel("linf", 0.1).allows(x, adv.x_adv, model.bounds).all()


@pytest.fixture(scope="module")
def signs():
    drawn = data.load("signs")
    few, other = slice(0, 700), slice(0, 140)
    module = build("cnn", (3, 32, 32), 14, seed=0)
    model = train(module, drawn.train.x[few], drawn.train.y[few], epochs=6, seed=0)
    return model, drawn.train.x[few], drawn.train.y[few], drawn.test.x[other], drawn.test.y[other]


def test_a_patch_misleads_about_signs_that_it_was_not_trained_on(signs):
    model, x_train, y_train, x, y = signs
    budget = 0.12 * x[0].numel()
    patch = evasion.train_patch(model, x_train[:300], y_train[:300], epsilon=budget, epochs=6)
    adv = evasion.adversarial_patch(model, x, y, epsilon=budget, patch=patch)
    grey = evasion.Patch(torch.full_like(patch.pixels, 0.5), patch.area)
    covered = evasion.adversarial_patch(model, x, y, epsilon=budget, patch=grey)
    threat = ThreatModel("l0", budget)
    assert threat.allows(x, adv.x_adv, model.bounds).all()
    assert adv.params["trained_on_x"] is False
    assert robust_accuracy(model, adv, threat).value < robust_accuracy(model, covered, threat).value - 0.2


def test_a_patch_can_be_aimed_at_a_class(signs):
    model, x_train, y_train, x, y = signs
    budget, target = 0.2 * x[0].numel(), 0
    given = {"epsilon": budget, "rotation": 10.0, "scale": 1.0}
    patch = evasion.train_patch(
        model, x_train[:300], y_train[:300], y_target=torch.full((300,), target), epochs=8, **given
    )
    others = y != target
    grey = evasion.Patch(torch.full_like(patch.pixels, 0.5), patch.area)
    hits, by_chance = (
        (predict(model, sticker.place(x[others], seed=1)) == target).float().mean()
        for sticker in (patch, grey)
    )
    assert hits > by_chance + 0.12


def test_a_patch_covers_a_disc_that_moves_and_nothing_else():
    x = torch.zeros(200, 3, 16, 16)
    patch = evasion.Patch(torch.ones(3, 9, 9), area=20, scale=0.6)
    changed = patch.place(x, seed=3) > 0
    assert (changed.flatten(2).sum(2) <= 20).all()
    assert (changed[:, 0] == changed[:, 2]).all()
    assert changed.any(0).float().mean() > 0.7  # it gets about
    assert len(changed[:, 0].flatten(1).sum(1).unique()) > 1  # and comes in sizes


def test_a_patch_turns():
    pixels = torch.zeros(1, 9, 9)
    pixels[:, :4] = 1.0
    x = torch.full((1, 1, 15, 15), 0.5)
    upright, turned = (
        evasion.Patch(pixels, 49, scale=1.0, rotation=degrees).place(x, seed=4) for degrees in (0.0, 180.0)
    )
    assert not torch.allclose(upright, turned, atol=0.1)
    assert torch.equal(upright != 0.5, turned != 0.5)


def test_a_patch_of_no_pixels_changes_nothing():
    model, x, y = small_cnn()
    assert torch.equal(evasion.adversarial_patch(model, x[:4], y[:4], epsilon=0).x_adv, x[:4])


def test_a_patch_needs_pictures_and_keeps_to_its_budget():
    with pytest.raises(InvalidInputError, match="to stick a patch on"):
        evasion.adversarial_patch(
            linear(), torch.full((1, 4), 0.5), torch.zeros(1, dtype=torch.int64), epsilon=2
        )
    model, x, y = small_cnn()
    with pytest.raises(InvalidInputError, match="covers up to 4 values"):
        evasion.adversarial_patch(model, x, y, epsilon=4, patch=evasion.Patch(torch.ones(1, 5, 5), 9))
    with pytest.raises(InvalidInputError, match="pictures of shape"):
        evasion.Patch(torch.ones(3, 5, 5), 9).place(x)


def test_the_norms_of_few_values_keep_to_their_budget_and_mislead_more_than_noise():
    model, x, y = small_cnn()
    for norm, epsilon in ((Norm.L1, 2.0), (Norm.L0, 4)):
        threat = ThreatModel(norm, epsilon)
        noise = evasion.random_noise(model, x, y, epsilon=epsilon, norm=norm)
        adv = evasion.pgd(model, x, y, epsilon=epsilon, norm=norm, steps=20)
        assert threat.allows(x, adv.x_adv, model.bounds).all()
        assert robust_accuracy(model, adv, threat).value < robust_accuracy(model, noise, threat).value - 0.3
