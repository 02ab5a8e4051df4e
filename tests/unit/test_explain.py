"""Explanations of victims whose answers can be worked out by hand."""

import pytest
import torch
from torch import nn

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.results import Attribution
from labkit.explain import grad_cam, integrated_gradients, occlusion
from labkit.models import TorchClassifier, TreeClassifier, build
from labkit.models.trees import grow_trees

METHODS = [integrated_gradients, occlusion, grad_cam]
ANY_INPUT = [integrated_gradients, occlusion]
IMAGE = (1, 8, 8)


@pytest.fixture
def victim() -> TorchClassifier:
    return TorchClassifier(build("resnet", IMAGE, 3, seed=1), IMAGE, 3)


@pytest.fixture
def x() -> torch.Tensor:
    return torch.rand(5, *IMAGE, generator=torch.Generator().manual_seed(0))


def linear(weights: list[list[float]]) -> TorchClassifier:
    matrix = torch.tensor(weights)
    module = nn.Linear(matrix.shape[1], matrix.shape[0], bias=False)
    with torch.no_grad():
        module.weight.copy_(matrix)
    return TorchClassifier(module, (matrix.shape[1],), matrix.shape[0])


def trees() -> TreeClassifier:
    x = torch.rand(40, *IMAGE, generator=torch.Generator().manual_seed(1))
    return grow_trees(x, (x[:, 0, 2, 2] > 0.5).long(), 2, stages=3)


@pytest.mark.parametrize("explain", METHODS)
def test_values_have_the_shape_of_the_input_and_explain_the_predicted_class(explain, victim, x):
    found = explain(victim, x)
    assert isinstance(found, Attribution)
    assert found.values.shape == x.shape
    assert found.values.isfinite().all()
    assert torch.equal(found.target, victim.logits(x).argmax(1))
    assert found.method == explain.__name__
    assert not found.values.requires_grad


@pytest.mark.parametrize("explain", METHODS)
def test_victim_and_input_are_left_as_they_were(explain, victim, x):
    weights = {name: tensor.clone() for name, tensor in victim.module.state_dict().items()}
    before = x.clone()

    explain(victim, x)

    assert torch.equal(x, before)
    assert not x.requires_grad
    assert x.grad is None
    assert not any(part.training for part in victim.module.modules())
    assert all(torch.equal(weights[name], now) for name, now in victim.module.state_dict().items())
    for part in victim.module.modules():
        assert not part._forward_hooks
        assert not part._forward_pre_hooks
        assert not part._backward_hooks
    for weight in victim.module.parameters():
        assert weight.requires_grad
        assert weight.grad is None


@pytest.mark.parametrize("explain", METHODS)
def test_a_frozen_victim_is_explained_and_stays_frozen(explain, victim, x):
    free = explain(victim, x).values
    victim.module.requires_grad_(False)
    with torch.no_grad():
        frozen = explain(victim, x).values
    torch.testing.assert_close(free, frozen)
    assert not any(weight.requires_grad for weight in victim.module.parameters())


@pytest.mark.parametrize("explain", METHODS)
def test_one_target_for_all_equals_that_target_for_each(explain, victim, x):
    one = explain(victim, x, 2)
    each = explain(victim, x, torch.full((5,), 2))
    assert torch.equal(one.values, each.values)
    assert torch.equal(one.target, each.target)


@pytest.mark.parametrize("explain", METHODS)
def test_an_input_is_explained_alike_alone_and_in_a_large_batch(explain, victim, x):
    many = x.repeat(60, 1, 1, 1)
    together = explain(victim, many).values
    alone = explain(victim, x[:1]).values
    torch.testing.assert_close(together[-5:-4], alone, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("explain", METHODS)
def test_an_empty_batch_gives_an_empty_explanation(explain, victim):
    assert explain(victim, torch.zeros(0, *IMAGE)).values.shape == (0, *IMAGE)


@pytest.mark.parametrize("explain", METHODS)
@pytest.mark.parametrize("target", [3, -1, torch.tensor([0, 1]), torch.zeros(5)])
def test_a_target_that_is_no_class_is_refused(explain, victim, x, target):
    with pytest.raises(InvalidInputError):
        explain(victim, x, target)


@pytest.mark.parametrize("explain", METHODS)
def test_inputs_of_another_shape_are_refused(explain, victim):
    with pytest.raises(InvalidInputError, match="expected x of shape"):
        explain(victim, torch.rand(2, 64))


@pytest.mark.parametrize("explain", ANY_INPUT)
def test_on_a_linear_table_model_a_value_is_weight_times_input(explain):
    model = linear([[1.0, -2.0, 0.5], [0.0, 1.0, 3.0]])
    x = torch.tensor([[0.5, 0.25, 1.0]])
    torch.testing.assert_close(explain(model, x, 0).values, torch.tensor([[0.5, -0.5, 0.5]]))
    torch.testing.assert_close(explain(model, x, 1).values, torch.tensor([[0.0, 0.25, 3.0]]))


@pytest.mark.parametrize("explain", ANY_INPUT)
def test_a_baseline_counts_as_nothing(explain):
    model = linear([[1.0, -2.0], [0.0, 1.0]])
    baseline = torch.tensor([0.5, 0.0])
    found = explain(model, torch.tensor([[0.5, 1.0]]), 0, baseline=baseline)
    torch.testing.assert_close(found.values, torch.tensor([[0.0, -2.0]]))
    assert found.params["baseline"] == "given"
    with pytest.raises(InvalidInputError, match="a baseline of shape"):
        explain(model, torch.rand(1, 2), baseline=torch.zeros(3))


def test_only_integrated_gradients_promises_completeness(victim, x):
    assert integrated_gradients(victim, x).completeness_gap.shape == (5,)
    assert occlusion(victim, x).completeness_gap is None
    assert grad_cam(victim, x).completeness_gap is None


def test_occlusion_finds_the_only_pixel_that_counts():
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 2, bias=False))
    with torch.no_grad():
        module[1].weight.zero_()
        module[1].weight[1, 3 * 8 + 5] = 4.0
    values = occlusion(TorchClassifier(module, IMAGE, 2), torch.ones(1, *IMAGE), 1, window=1).values
    assert values[0, 0, 3, 5] == 4.0
    assert values.sum() == 4.0


def test_occlusion_explains_a_black_box(x):
    values = occlusion(trees(), x, 1, window=2).values
    assert values[:, 0, 1:4, 1:4].abs().sum() > 0
    assert values[:, 0, 4:, 4:].abs().sum() < values.abs().sum()


@pytest.mark.parametrize("explain", [integrated_gradients, grad_cam])
def test_what_needs_a_gradient_refuses_a_black_box(explain, x):
    with pytest.raises(InvalidInputError, match="needs the gradient"):
        explain(trees(), x)


def test_grad_cam_points_at_the_place_that_the_convolution_saw():
    module = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with torch.no_grad():
        module[0].weight.fill_(1.0)
    x = torch.zeros(1, *IMAGE)
    x[0, 0, 6, 2] = 1.0
    values = grad_cam(TorchClassifier(module, IMAGE, 1), x, 0).values
    assert values.argmax() == 6 * 8 + 2


def test_grad_cam_takes_the_last_convolution_or_the_one_that_is_named(victim, x):
    assert grad_cam(victim, x).params["layer"] == "5.second.0"
    assert grad_cam(victim, x, layer="3.first.0").params["layer"] == "3.first.0"
    with pytest.raises(UnknownNameError, match=r"Known: 1\.0, 3\.first\.0"):
        grad_cam(victim, x, layer="head")


def test_grad_cam_keeps_or_drops_what_speaks_against_the_class(victim, x):
    assert grad_cam(victim, x).values.min() >= 0
    assert grad_cam(victim, x, positive=False).values.min() < 0


def test_grad_cam_refuses_a_model_without_convolutions(x):
    model = TorchClassifier(build("mlp", IMAGE, 3), IMAGE, 3)
    with pytest.raises(InvalidInputError, match="needs a convolution"):
        grad_cam(model, x)


def test_grad_cam_refuses_a_wrapper_that_hides_its_layers(victim, x):
    class Doubled:
        bounds, input_shape, classes = victim.bounds, victim.input_shape, victim.classes

        def forward(self, x):
            return 2 * victim.forward(x)

        def logits(self, x):
            return 2 * victim.logits(x)

    with pytest.raises(InvalidInputError, match="expected a TorchClassifier"):
        grad_cam(Doubled(), x)
    assert integrated_gradients(Doubled(), x).values.shape == x.shape


@pytest.mark.parametrize("settings", [{"window": 9}, {"window": 0}, {"window": 2, "stride": 3}])
def test_windows_that_do_not_cover_the_input_are_refused(victim, x, settings):
    with pytest.raises(InvalidInputError, match="stride <= window"):
        occlusion(victim, x, **settings)


def test_integrated_gradients_needs_a_step(victim, x):
    with pytest.raises(InvalidInputError, match="steps from 1 up"):
        integrated_gradients(victim, x, steps=0)
