"""Engines: found by entry point, imported late, and honest about what is missing."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from labkit import engines
from labkit.core import EngineNotInstalledError, InvalidInputError, Norm, ThreatModel, predict
from labkit.metrics import robust_accuracy, targeted_success_rate
from labkit.models import TorchClassifier
from tests.unit.victims import small_cnn

PACKAGES = {
    "art": "art",
    "cleverhans": "cleverhans",
    "foolbox": "foolbox",
    "secml-torch": "secmlt",
    "torchattacks": "torchattacks",
}
"""The engines, and the package behind each."""


def test_the_engines_are_registered():
    assert engines.available() == sorted(PACKAGES)


def test_the_documented_table_is_what_the_engines_have():
    page = (Path(__file__).parents[2] / "docs" / "reference" / "engines.md").read_text(encoding="utf-8")
    table = page.split("<!-- engines: begin")[1].split("<!-- engines: end")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][2:]
    for engine, *cells in rows:
        offers = engines.load(engine).ATTACKS
        for norm, cell in zip(Norm, cells, strict=True):
            assert set(re.findall(r"`(.+?)`", cell)) == {
                name for name, offer in offers.items() if offer.norm is norm
            }
    assert [row[0] for row in rows] == engines.available()


def test_no_engine_is_imported_before_it_is_asked_for():
    code = (
        "import sys, labkit.engines; labkit.engines.available(); "
        f"print({set(PACKAGES.values())} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("engine", PACKAGES)
def test_an_engine_without_its_package_says_how_to_install_it(engine, monkeypatch):
    monkeypatch.delitem(sys.modules, f"labkit.engines.{engine.replace('-', '_')}", raising=False)
    for module in [name for name in sys.modules if name.split(".")[0] == PACKAGES[engine]]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, PACKAGES[engine], None)
    with pytest.raises(EngineNotInstalledError, match=rf"pip install 'labkit\[{engine}\]'"):
        engines.load(engine)


def test_importing_an_engine_leaves_home_logging_and_environment_alone(tmp_path):
    """ART writes into the home folder and configures logging anew; Foolbox wants git."""
    code = """
import logging, os, warnings
warnings.simplefilter("error")
handler = logging.NullHandler(); logging.getLogger().addHandler(handler)
def state():
    told = {name: os.environ.get(name) for name in ("HOME", "USERPROFILE", "GIT_PYTHON_REFRESH")}
    return told, logging.getLogger("tests").handlers[:], logging.getLogger().handlers[:]
before = state()
from labkit import engines
for engine in engines.available():
    engines.load(engine)
print(before == state())
"""
    kept = {"HOME": str(tmp_path / "home"), "LABKIT_HOME": str(tmp_path / "labkit"), "PATH": "/nowhere"}
    (tmp_path / "home").mkdir()
    passed = {name: os.environ[name] for name in ("PYTHONPATH", "SYSTEMROOT") if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=passed | kept
    )
    assert done.stdout.strip() == "True"
    assert not list((tmp_path / "home").iterdir())


@pytest.mark.parametrize("name", ["fgsm", "pgd", "carlini_wagner"])
def test_an_attack_of_an_engine_aims_at_a_class_without_a_word(name, capsys):
    model, x, y = small_cnn()
    y_target = (y + 1) % 10
    words = {
        "fgsm": {"epsilon": 0.3},
        "pgd": {"epsilon": 0.3, "step_size": 0.03},
        "carlini_wagner": {"steps": 50, "lr": 0.05},
    }[name]
    adv = engines.load("torchattacks").attack(name, **words)(model, x, y, y_target=y_target)
    norm = Norm(adv.params["norm"])
    assert targeted_success_rate(model, adv, ThreatModel(norm, 5.0)).value > 0.1
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("engine", PACKAGES)
def test_an_aim_is_reached_through_every_engine(engine):
    model, x, y = small_cnn()
    x, y = x[:20], y[:20]
    attack = engines.load(engine).attack("pgd", epsilon=0.5, step_size=0.05, steps=20)
    adv = attack(model, x, y, y_target=(y + 1) % 10)
    assert targeted_success_rate(model, adv, ThreatModel("linf", 0.5)).value > 0.8


def test_an_attack_that_has_no_aim_refuses_one():
    model, x, y = small_cnn()
    with pytest.raises(InvalidInputError, match="leave y_target out"):
        engines.load("torchattacks").attack("apgd", epsilon=0.1)(model, x, y, y_target=y)


def test_an_attack_for_the_smallest_change_finds_one_and_keeps_to_a_budget_when_told():
    model, x, y = small_cnn()
    engine = engines.load("torchattacks")
    free = engine.attack("carlini_wagner", steps=100, lr=0.05)(model, x, y)
    assert robust_accuracy(model, free, ThreatModel("l2", 5.0)).value < 0.2
    bound = engine.attack("carlini_wagner", epsilon=0.3)(model, x, y)
    assert ThreatModel("l2", 0.3).allows(x, bound.x_adv, model.bounds).all()


@pytest.mark.parametrize("engine", PACKAGES)
def test_lengths_are_in_the_units_of_the_input(engine):
    """A victim that lives on [-8, 8] is attacked with a budget of 16 times as much, to the same end."""
    model, x, y = small_cnn()
    x, y = x[:8], y[:8]
    scaled = TorchClassifier(torch.nn.Sequential(_Divided(), model.module), (1, 8, 8), 10, bounds=(-8.0, 8.0))
    loaded = engines.load(engine)
    settings = {"steps": 5, "random_start": False}
    small = loaded.attack("pgd", epsilon=0.1, step_size=0.03, **settings)(model, x, y)
    large = loaded.attack("pgd", epsilon=1.6, step_size=0.48, **settings)(scaled, x * 16 - 8, y)
    assert torch.allclose((large.x_adv + 8) / 16, small.x_adv, atol=1e-5)


def test_a_count_of_values_is_in_no_units():
    model, x, y = small_cnn()
    scaled = TorchClassifier(torch.nn.Sequential(_Divided(), model.module), (1, 8, 8), 10, bounds=(-8.0, 8.0))
    adv = engines.load("torchattacks").attack("jsma", epsilon=4)(scaled, x[:4] * 16 - 8, y[:4])
    assert Norm.L0.size(adv.delta).max() == 4


class _Divided(torch.nn.Module):
    def forward(self, x):
        return (x + 8) / 16


def test_what_nobody_said_is_said_in_the_result():
    model, x, y = small_cnn()
    adv = engines.load("foolbox").attack("pgd", epsilon=0.1)(model, x[:1], y[:1])
    assert dict(adv.params) == {
        "steps": 40,
        "epsilon": 0.1,
        "step_size": 0.1 * 2.5 / 40,
        "norm": "linf",
        "seed": 0,
    }


class _Grey(torch.nn.Module):
    def forward(self, x):
        return small_cnn()[0].module(x.mean(1, keepdim=True))


@pytest.mark.parametrize("name", ["tifgsm", "pifgsm", "pifgsm++"])
def test_a_grey_picture_is_attacked_as_one_of_three_equal_channels(name):
    model, x, y = small_cnn()
    x, y = x[:6], y[:6]
    colour = TorchClassifier(_Grey(), (3, 8, 8), 10)
    attack = engines.load("torchattacks").attack(name, epsilon=0.1, steps=4)
    grey_adv, colour_adv = attack(model, x, y), attack(colour, x.expand(-1, 3, -1, -1), y)
    assert (grey_adv.delta.abs().amax((1, 2, 3)) > 0.05).all()
    assert torch.allclose(colour_adv.x_adv.mean(1, keepdim=True), grey_adv.x_adv, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "shape"), [("tifgsm", (2, 8, 8)), ("difgsm", (1, 4, 16)), ("square", (64,))]
)
def test_an_input_that_an_attack_cannot_look_at_is_refused_in_words(name, shape):
    _, x, y = small_cnn()
    model = TorchClassifier(torch.nn.Flatten(), shape, 128 if shape[0] == 2 else 64)
    x = torch.cat([x, x], 1)[:2] if shape[0] == 2 else x[:2].reshape(2, *shape)
    with pytest.raises(InvalidInputError, match=r"works on pictures .* takes inputs of shape"):
        engines.load("torchattacks").attack(name, epsilon=0.1)(model, x, y[:2])


def test_each_input_is_aimed_at_its_own_class_by_a_library_that_knows_one_at_a_time():
    model, x, y = small_cnn()
    y_target = (y + torch.arange(len(y)) % 9 + 1) % 10
    attack = engines.load("secml-torch").attack("pgd", epsilon=0.5, step_size=0.05)
    adv = attack(model, x, y, y_target=y_target)
    assert targeted_success_rate(model, adv, ThreatModel("linf", 0.5)).value > 0.8


def test_what_a_library_breaks_is_told_in_our_words():
    model, x, y = small_cnn()
    attack = engines.load("cleverhans").attack("pgd", epsilon=0.1, step_size=0.2)
    with pytest.raises(InvalidInputError, match="step_size <= epsilon"):
        attack(model, x, y)

    class Broken(torch.nn.Module):
        def forward(self, x):
            return model.module(x) if not x.requires_grad else x[:, :, :, :3].reshape(3, -1)

    broken = TorchClassifier(Broken(), (1, 8, 8), 10)
    y = predict(broken, x)
    with pytest.raises(InvalidInputError, match=r"foolbox/pgd stopped with ValueError: labels must be"):
        engines.load("foolbox").attack("pgd", epsilon=0.1)(broken, x[:5], y[:5])


@pytest.mark.parametrize(
    "words", [{"epsilon": -1}, {"epsilon": float("nan")}, {"steps": 0}, {"step_size": "a"}, {"seed": 0.5}]
)
def test_settings_without_sense_are_refused(words):
    with pytest.raises(InvalidInputError, match=next(iter(words))):
        engines.load("torchattacks").attack("pgd", **words)
