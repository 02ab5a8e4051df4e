"""Engines: found by entry point, imported late, and honest about what is missing."""

import subprocess
import sys

import pytest
import torch

from labkit import engines
from labkit.core import EngineNotInstalledError, InvalidInputError, Norm, ThreatModel, predict
from labkit.metrics import robust_accuracy, targeted_success_rate
from labkit.models import TorchClassifier, build
from tests.unit.victims import small_cnn


def test_torchattacks_is_registered():
    assert "torchattacks" in engines.available()


def test_no_engine_is_imported_before_it_is_asked_for():
    code = "import sys, labkit.engines; labkit.engines.available(); print('torchattacks' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_an_engine_without_its_package_says_how_to_install_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "labkit.engines.torchattacks", raising=False)
    monkeypatch.setitem(sys.modules, "torchattacks", None)
    with pytest.raises(EngineNotInstalledError, match=r"pip install 'labkit\[torchattacks\]'"):
        engines.load("torchattacks")


@pytest.mark.parametrize("name", ["fgsm", "pgd", "cw"])
def test_an_attack_of_an_engine_aims_at_a_class_without_a_word(name, capsys):
    model, x, y = small_cnn()
    y_target = (y + 1) % 10
    words = {
        "fgsm": {"epsilon": 0.3},
        "pgd": {"epsilon": 0.3, "step_size": 0.03},
        "cw": {"steps": 50, "lr": 0.05},
    }[name]
    adv = engines.load("torchattacks").attack(name, **words)(model, x, y, y_target=y_target)
    norm = Norm(adv.params["norm"])
    assert targeted_success_rate(model, adv, ThreatModel(norm, 5.0)).value > 0.1
    assert capsys.readouterr().out == ""


def test_an_attack_that_has_no_aim_refuses_one():
    model, x, y = small_cnn()
    with pytest.raises(InvalidInputError, match="leave y_target out"):
        engines.load("torchattacks").attack("square", epsilon=0.1)(model, x, y, y_target=y)


def test_an_attack_for_the_smallest_change_finds_one_and_keeps_to_a_budget_when_told():
    model, x, y = small_cnn()
    engine = engines.load("torchattacks")
    free = engine.attack("cw", steps=100, lr=0.05)(model, x, y)
    assert robust_accuracy(model, free, ThreatModel("l2", 5.0)).value < 0.2
    bound = engine.attack("cw", epsilon=0.3)(model, x, y)
    assert ThreatModel("l2", 0.3).allows(x, bound.x_adv, model.bounds).all()


def test_a_model_whose_parameters_want_gradients_gets_none():
    x, y = small_cnn()[1:]
    open_model = TorchClassifier(build("cnn", (1, 8, 8), 10), (1, 8, 8), 10)
    y = predict(open_model, x)
    for name in engines.load("torchattacks").ATTACKS:
        engines.load("torchattacks").attack(name)(open_model, x[:2], y[:2])
        assert all(p.grad is None and p.requires_grad for p in open_model.module.parameters())


def test_lengths_are_in_the_units_of_the_input():
    """A victim that lives on [0, 16] is attacked with a budget of 16 times as much, to the same end."""
    model, x, y = small_cnn()
    scaled = TorchClassifier(torch.nn.Sequential(_Divided(), model.module), (1, 8, 8), 10, bounds=(0.0, 16.0))
    engine = engines.load("torchattacks")
    small = engine.attack("fgsm", epsilon=0.1)(model, x, y)
    large = engine.attack("fgsm", epsilon=1.6)(scaled, x * 16, y)
    assert torch.allclose(large.x_adv / 16, small.x_adv, atol=1e-5)


class _Divided(torch.nn.Module):
    def forward(self, x):
        return x / 16


@pytest.mark.parametrize(
    "words", [{"epsilon": -1}, {"epsilon": float("nan")}, {"steps": 0}, {"step_size": "a"}, {"seed": 0.5}]
)
def test_settings_without_sense_are_refused(words):
    with pytest.raises(InvalidInputError, match=next(iter(words))):
        engines.load("torchattacks").attack("pgd", **words)
