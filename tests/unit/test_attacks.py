"""Attacks: what each of them does, on victims whose answers are known."""

import pytest
import torch

from labkit.attacks import Oracle, evasion
from labkit.core import InvalidInputError, Norm, QueryBudgetError, ThreatModel, predict
from labkit.defenses import Binarising, BitDepthSqueezing, adversarial_training
from labkit.metrics import clean_accuracy, robust_accuracy, targeted_success_rate
from labkit.models import build
from tests.unit.victims import linear, small_cnn

X, Y = torch.full((1, 4), 0.5), torch.zeros(1, dtype=torch.int64)


def test_fgsm_steps_against_the_sign_of_the_weights():
    adv = evasion.fgsm(linear((1.0, -2.0, 0.5, 0.25)), X, Y, epsilon=0.1)
    assert torch.allclose(adv.x_adv, torch.tensor([[0.4, 0.6, 0.4, 0.4]]))


def test_fgsm_in_l2_steps_along_the_gradient_itself():
    adv = evasion.fgsm(linear((3.0, 0.0, -4.0, 0.0)), X, Y, epsilon=0.5, norm=Norm.L2)
    assert torch.allclose(adv.delta, torch.tensor([[-0.3, 0.0, 0.4, 0.0]]), atol=1e-6)


def test_pgd_breaks_what_one_step_does_not():
    model, x, y = small_cnn()
    threat = ThreatModel("linf", 0.15)
    noise = robust_accuracy(model, evasion.random_noise(model, x, y, epsilon=0.15), threat).value
    one = robust_accuracy(model, evasion.fgsm(model, x, y, epsilon=0.15), threat).value
    many = robust_accuracy(model, evasion.pgd(model, x, y, epsilon=0.15, steps=20), threat).value
    assert many <= one < noise


def test_stopping_early_changes_no_verdict():
    model, x, y = small_cnn()
    threat = ThreatModel("linf", 0.1)
    early, late = (
        robust_accuracy(model, evasion.pgd(model, x, y, epsilon=0.1, steps=20, early_stop=stop), threat).value
        for stop in (True, False)
    )
    assert early <= late


def test_a_targeted_attack_reaches_its_target():
    model, x, y = small_cnn()
    y_target = (y + 1) % 10
    adv = evasion.pgd(model, x, y, epsilon=0.3, steps=30, y_target=y_target)
    assert targeted_success_rate(model, adv, ThreatModel("linf", 0.3)).value > 0.5


def test_a_budget_of_zero_changes_nothing():
    model, x, y = small_cnn()
    for attack in (evasion.fgsm, evasion.pgd, evasion.square, evasion.random_noise):
        assert torch.equal(attack(model, x[:4], y[:4], epsilon=0.0).x_adv, x[:4])


def test_square_counts_its_questions_and_asks_no_more_than_it_may():
    model, x, y = small_cnn()
    oracle = Oracle(model)
    adv = evasion.square(oracle, x, y, epsilon=0.15, query_budget=60)
    assert adv.queries is not None
    assert int(adv.queries.max()) <= 60
    assert oracle.queries == int(adv.queries.sum())
    assert robust_accuracy(model, adv, ThreatModel("linf", 0.15)).value < 0.9


def test_square_searches_vectors_in_segments():
    adv = evasion.square(linear((1.0, -2.0, 0.5, 0.25)), X, Y, epsilon=0.4, query_budget=50)
    assert adv.x_adv.shape == X.shape


def test_square_does_not_pretend_to_search_another_ball():
    model, x, y = small_cnn()
    with pytest.raises(InvalidInputError, match="hop_skip_jump"):
        evasion.square(model, x, y, epsilon=1.0, norm=Norm.L2)


def test_hop_skip_jump_needs_labels_only_and_ends_near_the_border():
    model, x, y = small_cnn()
    right = torch.nonzero(predict(model, x) == y).flatten()[:3]
    adv = evasion.hop_skip_jump(model, x[right], y[right], query_budget=600)
    assert (predict(model, adv.x_adv) != y[right]).all()
    assert (Norm.L2.size(adv.delta) < 2.0).all()
    assert int(adv.queries.max()) <= 600


def test_an_oracle_answers_until_its_budget_is_spent():
    model, x, _ = small_cnn()
    oracle = Oracle(model, query_budget=10)
    oracle.logits(x[:8])
    assert oracle.left == 2
    with pytest.raises(QueryBudgetError, match="2 of 10"):
        oracle.logits(x[:3])
    assert oracle.queries == 8
    assert not hasattr(oracle, "forward")


def test_an_attack_made_on_a_surrogate_works_on_the_victim():
    model, x, y = small_cnn()
    surrogate = evasion.distil(
        Oracle(model, 300), x, build("mlp", (1, 8, 8), 10), query_budget=300, epochs=15
    )
    adv = evasion.transfer(model, x, y, surrogate=surrogate, attack=evasion.pgd, epsilon=0.2, steps=20)
    assert adv.attack == "transfer/pgd"
    assert robust_accuracy(model, adv, ThreatModel("linf", 0.2)).value < clean_accuracy(model, x, y).value


def test_squeezing_hides_the_gradient_and_bpda_puts_one_back():
    model, x, y = small_cnn()
    secure = BitDepthSqueezing(model, bits=2)
    with pytest.raises(InvalidInputError, match="bpda"):
        evasion.pgd(secure, x, y, epsilon=0.2)
    threat = ThreatModel("linf", 0.2)
    noise = robust_accuracy(secure, evasion.random_noise(secure, x, y, epsilon=0.2), threat).value
    adapted = robust_accuracy(secure, evasion.pgd(evasion.bpda(secure), x, y, epsilon=0.2, steps=20), threat)
    assert adapted.value < noise - 0.2


def test_squeezing_leaves_as_many_levels_as_it_says():
    model, x, _ = small_cnn()
    assert set(Binarising(model).transform(x).unique().tolist()) <= {0.0, 1.0}
    assert len(BitDepthSqueezing(model, bits=2).transform(x).unique()) <= 4


def test_adversarial_training_makes_the_model_harder_to_fool():
    model, x, y = small_cnn()
    from labkit import data

    train = data.load("digits").train
    hard = adversarial_training(
        "cnn",
        train.x[:600],
        train.y[:600],
        attack=lambda m, a, b: evasion.pgd(m, a, b, epsilon=0.15, steps=3).x_adv,
        epochs=8,
    )
    threat = ThreatModel("linf", 0.15)
    before = robust_accuracy(model, evasion.pgd(model, x, y, epsilon=0.15, steps=20), threat).value
    after = robust_accuracy(hard, evasion.pgd(hard, x, y, epsilon=0.15, steps=20), threat).value
    assert after > before + 0.1


def test_progress_is_told_and_ends_at_the_end():
    model, x, y = small_cnn()
    told = []
    evasion.pgd(model, x, y, epsilon=0.1, steps=5, restarts=2, progress=lambda *step: told.append(step))
    assert told[-1][0] == told[-1][1] == 10
