"""The copy that attacks search with: the same function, and the victim none the wiser."""

import pytest
import torch
from torch import nn

from labkit.attacks import evasion
from labkit.attacks.evasion._common import cross_entropy, dlr, logits_and_gradient, margin
from labkit.attacks.evasion.searching import Search
from labkit.core import InvalidInputError, Norm, ThreatModel, UnknownNameError, predict
from labkit.models import TorchClassifier, build, train
from tests.unit.victims import small_cnn


@pytest.fixture(scope="module")
def resnet():
    """A residual network whose batch norms have seen data."""
    _, x, y = small_cnn()
    return train(build("resnet", tuple(x.shape[1:]), 10, seed=0), x[:120], y[:120], epochs=2), x, y


def test_the_copy_answers_as_the_victim_does(resnet):
    model, x, y = resnet
    search = Search(model)
    logits, gain, gradient = search(x[:30], y[:30], None, cross_entropy)
    expected, slope = logits_and_gradient(model, x[:30], y[:30], None, cross_entropy)
    assert torch.allclose(logits, expected, atol=1e-4)
    assert torch.allclose(gain, cross_entropy(expected, y[:30]), atol=1e-4)
    assert torch.allclose(gradient, slope, atol=1e-4)
    assert search.gradients == 30
    # Batch norm is gone from the copy, and still there in the victim.
    assert any(isinstance(part, nn.BatchNorm2d) for part in model.module.modules())
    assert not any(isinstance(part, nn.BatchNorm2d) for part in search._forward.modules())


def test_sixteen_bits_suggest_and_the_victim_judges(resnet):
    model, x, y = resnet
    before = {name: value.clone() for name, value in model.module.state_dict().items()}
    for attack in (evasion.pgd, evasion.apgd):
        adv = attack(model, x[:60], y[:60], epsilon=0.1, steps=10, precision="bfloat16")
        full = attack(model, x[:60], y[:60], epsilon=0.1, steps=10)
        assert adv.params["precision"] == "bfloat16"
        assert full.params["precision"] == "float32"
        assert ThreatModel(Norm.LINF, 0.1).allows(x[:60], adv.x_adv, model.bounds).all()
        robust = [float((predict(model, each.x_adv) == y[:60]).float().mean()) for each in (adv, full)]
        assert abs(robust[0] - robust[1]) < 0.07
    assert all(torch.equal(value, before[name]) for name, value in model.module.state_dict().items())
    assert all(p.dtype == torch.float32 and p.grad is None for p in model.module.parameters())


def test_a_module_that_somebody_listens_to_is_used_as_it_is():
    model, x, y = small_cnn()
    calls = []
    handle = model.module.register_forward_hook(lambda *_: calls.append(1))
    try:
        Search(model)(x[:4], y[:4], None, cross_entropy)
    finally:
        handle.remove()
    assert calls


def test_a_module_that_insists_on_32_bits_is_searched_in_32():
    class Strict(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(64, 3))

        def forward(self, x):
            return x.flatten(1).float() @ self.weight.float() + x.new_zeros(3).double().float()

    class Stricter(Strict):
        def forward(self, x):
            if x.dtype != torch.float32:
                raise RuntimeError("expected 32 bits")
            return super().forward(x)

    assert Search(TorchClassifier(Stricter(), (1, 8, 8), 3), "bfloat16").precision == "float32"
    assert Search(TorchClassifier(Strict(), (1, 8, 8), 3), "bfloat16").precision == "bfloat16"


def test_dropout_that_stays_random_is_not_copied():
    model, _, _ = small_cnn()
    module = nn.Sequential(model.module, nn.Dropout(0.5))
    random = TorchClassifier(module, model.input_shape, 10)
    module[1].train()
    assert Search(random)._forward == random.forward


def test_an_unknown_precision_is_answered_with_those_that_there_are():
    with pytest.raises(UnknownNameError, match="bfloat16"):
        Search(small_cnn()[0], "float8")


def test_the_logits_ratio_ignores_the_scale_and_agrees_with_the_margin_in_sign():
    logits = torch.randn(50, 6, generator=torch.Generator().manual_seed(1))
    y = torch.arange(50) % 6
    assert torch.allclose(dlr(logits, y), dlr(1000 * logits, y), atol=1e-5)
    assert torch.equal(dlr(logits, y) > 0, margin(logits, y) > 0)
    with pytest.raises(InvalidInputError, match="three classes"):
        dlr(logits[:, :2], y % 2)


def test_auto_pgd_is_at_least_as_strong_as_pgd_with_as_many_steps(resnet):
    model, x, y = resnet
    x, y = x[:120], y[:120]
    left = {
        name: float((predict(model, attack(model, x, y, epsilon=0.06, **given).x_adv) == y).float().mean())
        for name, attack, given in (
            ("pgd", evasion.pgd, {"steps": 40}),
            ("apgd", evasion.apgd, {"steps": 40}),
            ("targeted", evasion.apgd_targeted, {"steps": 40, "target_count": 9}),
        )
    }
    assert left["apgd"] <= left["pgd"] + 0.02
    assert left["targeted"] <= left["pgd"] + 0.02


def test_auto_pgd_finds_the_closed_form_of_a_linear_victim():
    """The margin of a linear model falls by epsilon times the dual norm of the difference of weights."""
    weight = torch.randn(5, 12, generator=torch.Generator().manual_seed(2))
    module = nn.Linear(12, 5)
    module.weight, module.bias = nn.Parameter(weight), nn.Parameter(torch.zeros(5))
    model = TorchClassifier(module.requires_grad_(False), (12,), 5, (-100.0, 100.0))
    x = torch.randn(40, 12, generator=torch.Generator().manual_seed(3)) * 3
    y = predict(model, x)
    logits = model.logits(x)
    for norm, dual in ((Norm.LINF, 1), (Norm.L2, 2)):
        gaps = torch.stack(
            [(logits[:, [k]].squeeze(1) - logits.gather(1, y[:, None]).squeeze(1)) for k in range(5)], 1
        )
        gains = torch.stack([(weight[k] - weight[y]).norm(p=dual, dim=1) for k in range(5)], 1)
        epsilon = 0.5
        breakable = ((gaps + epsilon * gains) > 1e-3).scatter(1, y[:, None], value=False).any(1)
        adv = evasion.apgd_targeted(model, x, y, epsilon=epsilon, norm=norm, steps=30, target_count=4)
        assert torch.equal(predict(model, adv.x_adv) != y, breakable)
