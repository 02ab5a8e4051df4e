"""Attacks: what each of them does, on victims whose answers are known."""

from itertools import pairwise

import pytest
import torch

from labkit.attacks import Oracle, evasion
from labkit.core import InvalidInputError, Norm, QueryBudgetError, ThreatModel, UnknownNameError, predict
from labkit.defenses import Binarising, BitDepthSqueezing
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


def test_shrinking_steps_are_not_weaker_than_even_ones():
    model, x, y = small_cnn()
    threat = ThreatModel("linf", 0.1)
    even, shrinking = (
        robust_accuracy(
            model, evasion.pgd(model, x, y, epsilon=0.1, steps=10, step_decay=decay), threat
        ).value
        for decay in (False, True)
    )
    assert shrinking <= even + 0.02


def test_a_restart_works_only_on_inputs_that_still_stand():
    model, x, y = small_cnn()
    seen = []

    class Counting(type(model)):
        def forward(self, x):
            seen.append(len(x))
            return super().forward(x)

    counting = Counting(model.module, model.input_shape, model.classes)
    adv = evasion.pgd(counting, x, y, epsilon=0.1, steps=5, restarts=2)
    stand = int((predict(model, adv.x_adv) == y).sum())
    assert seen[0] == int((predict(model, x) == y).sum())
    assert all(later <= earlier for earlier, later in pairwise(seen))
    assert seen[-1] >= stand


def test_a_stronger_budget_breaks_a_confident_model_whose_gradient_is_almost_nothing():
    """Scaled by 200, the logits leave a cross-entropy that is zero in float32; the margin is not."""
    weights = torch.tensor([0.2, -0.4, 0.1, 0.05]) * 200
    model, y = linear(tuple(weights.tolist())), torch.zeros(1, dtype=torch.int64)
    x = torch.tensor([[0.9, 0.1, 0.9, 0.9]])
    threat = ThreatModel("l2", 1.0)
    adv = evasion.pgd(model, x, y, epsilon=1.0, norm=Norm.L2, loss="margin", random_start=False)
    assert robust_accuracy(model, adv, threat).value == 0


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


def test_square_in_l2_beats_noise_of_the_same_length():
    model, x, y = small_cnn()
    threat = ThreatModel("l2", 1.0)
    noise = robust_accuracy(model, evasion.random_noise(model, x, y, epsilon=1.0, norm=Norm.L2), threat)
    adv = evasion.square(model, x, y, epsilon=1.0, norm=Norm.L2, query_budget=100)
    assert threat.allows(x, adv.x_adv, model.bounds).all()
    assert robust_accuracy(model, adv, threat).value < noise.value - 0.1


def test_square_aims_at_a_class():
    model, x, y = small_cnn()
    y_target = (y + 1) % 10
    adv = evasion.square(model, x, y, epsilon=0.4, query_budget=150, y_target=y_target)
    assert targeted_success_rate(model, adv, ThreatModel("linf", 0.4)).value > 0.3


def test_square_asks_once_about_what_is_misread_at_once():
    model, x, _ = small_cnn()
    wrong = (predict(model, x) + 1) % 10
    assert (evasion.square(model, x, wrong, epsilon=0.01, query_budget=50).queries == 1).all()


def test_square_ends_in_words_when_the_oracle_has_no_answers_left():
    model, x, y = small_cnn()
    with pytest.raises(QueryBudgetError, match="left"):
        evasion.square(Oracle(model, 90), x, y, epsilon=0.01, query_budget=50)


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


def test_bpda_sees_through_one_filter_behind_another():
    model, x, y = small_cnn()
    nested = BitDepthSqueezing(BitDepthSqueezing(model, bits=4), bits=2)
    through = evasion.bpda(nested)
    assert torch.equal(through.logits(x), nested.logits(x))
    assert torch.allclose(through.forward(x), nested.logits(x), atol=1e-5)
    adapted = robust_accuracy(nested, evasion.pgd(through, x, y, epsilon=0.2), ThreatModel("linf", 0.2))
    assert adapted.value < clean_accuracy(nested, x, y).value - 0.3


def test_bpda_takes_the_gradient_of_the_stand_in_that_it_is_given():
    model, x, y = small_cnn()
    secure = Binarising(model)
    smooth = evasion.bpda(secure, lambda x: torch.sigmoid(8 * (x - 0.5)))
    assert torch.allclose(smooth.forward(x), secure.logits(x), atol=1e-4)
    adv = evasion.pgd(smooth, x, y, epsilon=0.2)
    assert (
        robust_accuracy(secure, adv, ThreatModel("linf", 0.2)).value
        < clean_accuracy(secure, x, y).value - 0.3
    )


def test_bpda_says_that_a_bare_model_needs_no_stand_in():
    model, _, _ = small_cnn()
    with pytest.raises(InvalidInputError, match="such as BitDepthSqueezing"):
        evasion.bpda(model)


def test_progress_is_told_and_ends_at_the_end():
    model, x, y = small_cnn()
    told = []
    evasion.pgd(model, x, y, epsilon=0.1, steps=5, restarts=2, progress=lambda *step: told.append(step))
    assert told[-1][0] == told[-1][1] == 10


def test_an_attack_runs_where_gradients_are_switched_off():
    model, x, y = small_cnn()
    with torch.no_grad():
        usual = evasion.fgsm(model, x, y, epsilon=0.1).x_adv
    with torch.inference_mode():
        fast = evasion.fgsm(model, x.clone(), y.clone(), epsilon=0.1).x_adv
    assert torch.equal(usual, fast)


def test_a_result_does_not_remember_how_it_was_made():
    model, x, y = small_cnn()
    leaf = x[:5].clone().requires_grad_(True)
    for attack in (evasion.fgsm, evasion.pgd, evasion.square, evasion.random_noise):
        adv = attack(model, leaf, y[:5], epsilon=0.1)
        assert not adv.x_adv.requires_grad
        assert not adv.x.requires_grad


@pytest.mark.parametrize(
    ("attack", "given", "says"),
    [
        (evasion.fgsm, {"epsilon": -0.1}, "epsilon >= 0"),
        (evasion.fgsm, {"epsilon": float("nan")}, "epsilon >= 0"),
        (evasion.fgsm, {"epsilon": "0.1"}, "epsilon >= 0"),
        (evasion.fgsm, {"epsilon": 0.1, "norm": "l7"}, "linf, l2"),
        (evasion.fgsm, {"epsilon": 0.1, "y_target": torch.tensor([3])}, "y_target does not fit"),
        (evasion.pgd, {"epsilon": 0.1, "steps": 0}, "steps as a whole number from 1"),
        (evasion.pgd, {"epsilon": 0.1, "steps": 2.5}, "steps as a whole number from 1"),
        (evasion.pgd, {"epsilon": 0.1, "restarts": None}, "restarts as a whole number"),
        (evasion.pgd, {"epsilon": 0.1, "step_size": -1}, "step_size >= 0"),
        (evasion.pgd, {"epsilon": 0.1, "seed": None}, "seed as a whole number"),
        (evasion.pgd, {"epsilon": 0.1, "seed": 2**70}, "64 bits"),
        (evasion.square, {"epsilon": 0.1, "query_budget": 0}, "query_budget as a whole number"),
        (evasion.square, {"epsilon": 0.1, "first_patch": 0}, "first_patch"),
        (evasion.hop_skip_jump, {"query_budget": 0}, "query_budget as a whole number"),
        (evasion.transfer, {"surrogate": linear(), "attack": evasion.fgsm}, "surrogate for inputs of shape"),
    ],
)
def test_settings_without_sense_are_refused_in_words(attack, given, says):
    model, x, y = small_cnn()
    with pytest.raises(InvalidInputError, match=says):
        attack(model, x[:4], y[:4], **given)


def test_an_unknown_loss_is_answered_with_those_that_there_are():
    model, x, y = small_cnn()
    with pytest.raises(UnknownNameError, match="cross_entropy, dlr, margin"):
        evasion.pgd(model, x, y, epsilon=0.1, loss="hinge")


def test_a_question_that_the_victim_cannot_read_costs_nothing():
    model, x, _ = small_cnn()
    oracle = Oracle(model, query_budget=10)
    with pytest.raises(InvalidInputError):
        oracle.logits(x[:5, :, :4])
    assert oracle.left == 10
