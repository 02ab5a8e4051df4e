"""Defenses: what training against an attack buys, and what a filter does to its input."""

import pytest
import torch

from labkit import data
from labkit.attacks import evasion
from labkit.core import Classifier, DifferentiableClassifier, InvalidInputError, ThreatModel
from labkit.defenses import Binarising, BitDepthSqueezing, NoisyInput, adversarial_training
from labkit.metrics import robust_accuracy
from labkit.models import TorchClassifier, build
from tests.unit.victims import linear, small_cnn


def _few(n=600):
    train = data.load("digits").train
    return train.x[:n], train.y[:n]


def test_adversarial_training_makes_the_model_harder_to_fool():
    model, x, y = small_cnn()
    hard = adversarial_training(
        "cnn", *_few(), attack=lambda m, a, b: evasion.pgd(m, a, b, epsilon=0.15, steps=3), epochs=8
    )
    threat = ThreatModel("linf", 0.15)
    before = robust_accuracy(model, evasion.pgd(model, x, y, epsilon=0.15, steps=20), threat).value
    after = robust_accuracy(hard, evasion.pgd(hard, x, y, epsilon=0.15, steps=20), threat).value
    assert after > before + 0.1


def test_training_leaves_the_network_that_it_began_from_as_it_was():
    module = build("mlp", (1, 8, 8), 10)
    before = [weight.clone() for weight in module.parameters()]
    adversarial_training(module, *_few(64), attack=lambda _m, x, _y: x, epochs=1)
    assert all(torch.equal(p, q) for p, q in zip(module.parameters(), before, strict=True))


def test_training_is_repeatable_and_takes_tensors_or_results_from_the_attack():
    as_result = lambda m, x, y: evasion.fgsm(m, x, y, epsilon=0.1)  # noqa: E731
    as_tensor = lambda m, x, y: evasion.fgsm(m, x, y, epsilon=0.1).x_adv  # noqa: E731
    x, y = _few(128)
    one, two = (adversarial_training("mlp", x, y, attack=each, epochs=1) for each in (as_result, as_tensor))
    assert torch.equal(one.logits(x), two.logits(x))


def test_a_model_built_by_name_may_know_classes_that_the_data_lacks():
    x, y = _few(32)
    model = adversarial_training("mlp", x, y * 0, attack=lambda _m, x, _y: x, classes=10, epochs=1)
    assert model.classes == 10


@pytest.mark.parametrize(
    "made", [lambda x: x[:1], lambda x: x * float("nan"), lambda x: x.tolist(), lambda _: None]
)
def test_an_attack_that_makes_no_batch_is_refused_before_it_spoils_the_model(made):
    with pytest.raises(InvalidInputError, match="expected the attack to return x_adv"):
        adversarial_training("mlp", *_few(64), attack=lambda _m, x, _y: made(x), epochs=1)


def test_training_on_nothing_is_refused():
    x, y = _few(64)
    with pytest.raises(InvalidInputError, match="got none"):
        adversarial_training("mlp", x[:0], y[:0], attack=lambda _m, x, _y: x)


def test_a_filter_is_a_black_box_around_the_model():
    model, x, _ = small_cnn()
    for secure in (BitDepthSqueezing(model, bits=2), Binarising(model)):
        assert isinstance(secure, Classifier)
        assert not isinstance(secure, DifferentiableClassifier)
        assert secure.model is model
        assert torch.equal(secure.logits(x), model.logits(secure.transform(x)))


def test_squeezing_leaves_as_many_levels_as_it_says():
    model, x, _ = small_cnn()
    assert set(Binarising(model).transform(x).unique().tolist()) <= {0.0, 1.0}
    for bits in (1, 2, 3):
        assert len(BitDepthSqueezing(model, bits=bits).transform(x).unique()) <= 2**bits


def test_noise_is_drawn_anew_for_every_answer_and_the_same_from_the_same_seed():
    model, x, _ = small_cnn()
    secure, again = NoisyInput(model, noise_std=0.2, seed=3), NoisyInput(model, noise_std=0.2, seed=3)
    assert isinstance(secure, DifferentiableClassifier)
    first, second = secure.logits(x), secure.logits(x)
    assert not torch.equal(first, second)
    assert torch.equal(again.logits(x), first)
    assert torch.equal(again.forward(x), second)
    assert torch.equal(NoisyInput(model, noise_std=0.0).logits(x), model.logits(x))
    with pytest.raises(InvalidInputError, match="noise_std"):
        NoisyInput(model, noise_std=-0.1)


def test_filters_keep_to_the_bounds_of_the_model_and_do_nothing_twice():
    layer = torch.nn.Linear(4, 2).requires_grad_(False)
    wide = TorchClassifier(layer, (4,), 2, bounds=(-1.0, 3.0))
    x = torch.tensor([[-1.0, -0.2, 1.1, 3.0]])
    for secure in (BitDepthSqueezing(wide, bits=2), Binarising(wide, threshold=0.25)):
        once = secure.transform(x)
        assert torch.allclose(secure.transform(once), once)
        assert once.min() >= -1
        assert once.max() <= 3
    assert Binarising(wide, threshold=0.25).transform(x).tolist() == [[-1.0, -1.0, 3.0, 3.0]]


@pytest.mark.parametrize("bits", [0, 17, 2.5, "3"])
def test_bits_that_are_none_are_refused(bits):
    with pytest.raises(InvalidInputError, match="bits"):
        BitDepthSqueezing(linear(), bits=bits)


@pytest.mark.parametrize("threshold", [0, 1, -0.5, float("nan"), "half"])
def test_a_threshold_at_or_outside_the_ends_is_refused(threshold):
    with pytest.raises(InvalidInputError, match="threshold"):
        Binarising(linear(), threshold=threshold)
