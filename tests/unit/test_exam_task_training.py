"""What a variant trains is trained once on a machine, and again when anything that decides it changes."""

import pytest
import torch

from labkit.core.paths import cache_dir
from labkit.exams.task.training import train_once
from labkit.models import build, train

SETTINGS = {"epochs": 2, "lr": 0.01, "seed": 3}


@pytest.fixture
def data():
    x = torch.rand(40, 1, 4, 4, generator=torch.Generator().manual_seed(1))
    return x, (x.flatten(1).sum(1) > 8).long()


@pytest.fixture
def start(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path))
    return build("mlp", (1, 4, 4), 2, seed=5)


def kept():
    return sorted((cache_dir() / "exams").glob("*.safetensors"))


def flat(module):
    return torch.cat([each.flatten() for each in module.state_dict().values()])


def weights(model):
    return flat(model.module)


def test_what_is_read_is_what_was_trained(start, data):
    before = flat(start)
    first, second = (train_once(start, *data, **SETTINGS) for _ in range(2))
    plain = train(start, *data, **SETTINGS)
    assert torch.equal(weights(first), weights(plain))
    assert torch.equal(weights(second), weights(plain))
    assert (second.input_shape, second.classes, second.bounds) == (plain.input_shape, 2, plain.bounds)
    assert not any(each.requires_grad for each in second.module.parameters())
    assert not second.module.training
    assert torch.equal(before, flat(start))
    (file,) = kept()

    file.write_bytes(file.read_bytes()[:-3])  # damaged: set aside, and trained anew
    assert torch.equal(weights(train_once(start, *data, **SETTINGS)), weights(plain))
    assert file.with_name(f"{file.name}.refused").is_file()
    assert kept() == [file]


@pytest.mark.parametrize("change", ["lr", "seed", "x", "y", "start"])
def test_whatever_decides_makes_another_model(start, data, change):
    train_once(start, *data, **SETTINGS)
    x, y = data
    settings = {**SETTINGS, **{name: 4 * SETTINGS[name] for name in ("lr", "seed") if name == change}}
    if change == "x":
        x = x.clone()
        x[0, 0, 0, 0] = 0
    if change == "y":
        y = 1 - y
    begun = build("mlp", (1, 4, 4), 2, seed=6) if change == "start" else start
    made = train_once(begun, x, y, **settings)
    assert torch.equal(weights(made), weights(train(begun, x, y, **settings)))
    assert len(kept()) == 2


def test_a_process_that_may_keep_nothing_reads_and_leaves_nothing(start, data, monkeypatch):
    monkeypatch.setenv("LABKIT_KEEP", "no")
    plain = train_once(start, *data, **SETTINGS)
    assert not kept()
    monkeypatch.delenv("LABKIT_KEEP")
    assert torch.equal(weights(train_once(start, *data, **SETTINGS)), weights(plain))
    monkeypatch.setenv("LABKIT_KEEP", "no")
    assert torch.equal(weights(train_once(start, *data, **SETTINGS)), weights(plain))
    assert len(kept()) == 1
