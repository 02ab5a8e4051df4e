"""A torch module dressed as a victim."""

import pytest
import torch

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.protocols import Classifier, DifferentiableClassifier
from labkit.models import ARCHITECTURES, TorchClassifier, build

NETWORKS = [name for name in ARCHITECTURES if name != "gbt"]
IMAGE = (1, 8, 8)


@pytest.fixture
def victim() -> TorchClassifier:
    return TorchClassifier(build("resnet", IMAGE, 3, seed=1), IMAGE, 3)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_maps_images_to_logits(name):
    for shape in (IMAGE, (3, 32, 32), (2, 13, 9)):
        module = build(name, shape, 4)
        assert module(torch.rand(5, *shape)).shape == (5, 4)


@pytest.mark.parametrize("name", ["mlp", "logistic"])
def test_networks_without_convolutions_take_tables(name):
    assert build(name, (20,), 2)(torch.rand(3, 20)).shape == (3, 2)


def test_a_convolutional_network_refuses_a_table_and_names_what_takes_one():
    with pytest.raises(InvalidInputError, match="Use mlp"):
        build("cnn", (20,), 2)


def test_an_unknown_network_is_refused_with_the_closest_name():
    with pytest.raises(UnknownNameError, match="Did you mean 'resnet'"):
        build("resnett", IMAGE, 2)


def test_building_twice_from_one_seed_gives_the_same_weights():
    first, again, other = (build("resnet", IMAGE, 3, seed=seed).state_dict() for seed in (7, 7, 8))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["8.weight"], other["8.weight"])


def test_building_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    build("cnn", IMAGE, 3, seed=7)
    assert torch.equal(before, torch.get_rng_state())


def test_a_victim_offers_white_box_access(victim):
    assert isinstance(victim, Classifier)
    assert isinstance(victim, DifferentiableClassifier)
    assert (victim.input_shape, victim.classes, victim.bounds) == (IMAGE, 3, (0.0, 1.0))


def test_logits_carry_no_gradient_and_forward_does(victim):
    x = torch.rand(4, *IMAGE, requires_grad=True)
    assert not victim.logits(x).requires_grad
    (gradient,) = torch.autograd.grad(victim.forward(x).sum(), x)
    assert gradient.abs().sum() > 0


@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_come_back_in_the_layout_of_the_input(name):
    model = TorchClassifier(build(name, (3, 16, 16), 3), (3, 16, 16), 3)
    x = torch.rand(4, 3, 16, 16, requires_grad=True)
    (gradient,) = torch.autograd.grad(model.forward(x).sum(), x)
    assert gradient.is_contiguous()


def test_a_large_batch_is_cut_and_gives_the_same_logits(victim):
    x = torch.rand(1100, *IMAGE)
    torch.testing.assert_close(victim.logits(x), victim.forward(x).detach())


def test_an_empty_batch_gives_no_logits(victim):
    assert victim.logits(torch.zeros(0, *IMAGE)).shape == (0, 3)


def test_a_victim_is_in_evaluation_mode_so_one_input_does_not_sway_another(victim):
    x = torch.rand(6, *IMAGE)
    torch.testing.assert_close(victim.logits(x)[:1], victim.logits(x[:1]))
    assert not victim.module.training


@pytest.mark.parametrize("x", [torch.rand(2, 8, 8), torch.zeros(2, *IMAGE, dtype=torch.uint8)])
def test_inputs_of_another_shape_or_type_are_refused(victim, x):
    with pytest.raises(InvalidInputError, match="expected x as floats of shape"):
        victim.logits(x)
