"""Victims are trained once, kept as data, and never taken from a damaged file."""

import hashlib
import json
import logging
import multiprocessing
import sys
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from labkit.core.errors import UnknownNameError
from labkit.core.seeds import make_generator
from labkit.models import ARCHITECTURES, load_victim, prepare, trained
from labkit.models.checkpoints import exclusively, write_checkpoint


@dataclass(frozen=True)
class Split:
    x: Tensor
    y: Tensor


@dataclass(frozen=True)
class Card:
    name: str = "Corners & more"
    classes: tuple[str, ...] = ("left", "right")


@dataclass(frozen=True)
class Corners:
    """Noise with a bright half."""

    train: Split
    test: Split
    card: Card = Card()
    digest: str = "d1"


def corners() -> Corners:
    y = torch.arange(60) % 2
    x = torch.rand(60, 1, 8, 8, generator=make_generator(0)) * 0.5
    x[y == 1, :, :, 4:] += 0.5
    x[y == 0, :, :, :4] += 0.5
    return Corners(Split(x, y), Split(x[:20], y[:20]))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def data() -> Corners:
    return corners()


class Watch:
    """Records progress, so that a test can tell training from loading."""

    def __init__(self):
        self.calls = []

    def __call__(self, done, total, message):
        self.calls.append((done, total, message))

    def trained(self) -> bool:
        return any("loss" in message or "trees" in message for _, _, message in self.calls)


def weights_file(home: Path) -> Path:
    (found,) = home.rglob("*.safetensors")
    return found


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_victim_is_trained_once_and_comes_back_the_same(architecture, data):
    first, second = Watch(), Watch()
    assert not trained(architecture, data)

    made = load_victim(architecture, data, progress=first)
    kept = load_victim(architecture, data, progress=second)

    assert first.trained()
    assert second.calls == []
    assert trained(architecture, data)
    assert torch.equal(made.logits(data.test.x), kept.logits(data.test.x))


def test_two_calls_give_two_victims_that_share_no_weights(data):
    one, other = load_victim("logistic", data), load_victim("logistic", data)
    with torch.no_grad():
        for weight in one.module.parameters():
            weight.zero_()
    assert other.logits(data.test.x).abs().sum() > 0


def test_a_kept_victim_is_frozen_and_in_evaluation_mode(data):
    load_victim("cnn", data)
    victim = load_victim("cnn", data)
    assert not victim.module.training
    assert not any(weight.requires_grad for weight in victim.module.parameters())


def test_the_files_have_a_readable_name_and_a_card_beside_them(home, data):
    load_victim("mlp", data)
    path = weights_file(home)
    card = json.loads(path.with_suffix(".json").read_text())
    assert path.parent == home / "cache" / "victims"
    assert path.name.startswith("mlp-corners-more-")
    assert card["test_accuracy"] == 1.0
    assert card["data_sha256"] == "d1"
    assert not list(home.rglob("*.part"))


@pytest.mark.parametrize("change", ["seed", "data", "architecture"])
def test_another_seed_data_set_or_architecture_is_another_victim(change, data):
    load_victim("logistic", data)
    other = {"architecture": "logistic", "dataset": data, "seed": 0} | {
        "seed": {"seed": 1},
        "data": {"dataset": replace(data, digest="d2")},
        "architecture": {"architecture": "mlp"},
    }[change]
    assert not trained(**other)


def _flip(path: Path) -> None:
    payload = bytearray(path.read_bytes())
    payload[-3] ^= 1
    path.write_bytes(payload)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-10])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _break_card(path: Path) -> None:
    path.with_suffix(".json").write_text("{")


def _strip_card(path: Path) -> None:
    path.with_suffix(".json").write_text("[]")


def _take_other(path: Path) -> None:
    """Put a victim of another seed, with its own sound card, in the place of this one."""
    load_victim("logistic", corners(), seed=5)
    (other,) = set(path.parent.glob("*.safetensors")) - {path}
    other.replace(path)
    other.with_suffix(".json").replace(path.with_suffix(".json"))


def _reshape(path: Path) -> None:
    """Write weights of another shape, with a card that declares their digest."""
    card = json.loads(path.with_suffix(".json").read_text())
    write_checkpoint(path, {"1.weight": torch.zeros(2, 63), "1.bias": torch.zeros(2)}, card)


def _forge(path: Path) -> None:
    """Write something that is no safetensors file, with a card that declares its digest."""
    path.write_bytes(b"not weights")
    card = json.loads(path.with_suffix(".json").read_text())
    card["sha256"] = hashlib.sha256(b"not weights").hexdigest()
    path.with_suffix(".json").write_text(json.dumps(card))


@pytest.mark.parametrize(
    "damage", [_flip, _truncate, _empty, _break_card, _strip_card, _take_other, _reshape, _forge]
)
def test_a_damaged_checkpoint_is_refused_set_aside_and_trained_anew(damage, home, data, caplog):
    before = load_victim("logistic", data)
    path = weights_file(home)
    damage(path)
    watch = Watch()

    with caplog.at_level(logging.WARNING):
        after = load_victim("logistic", data, progress=watch)

    assert watch.trained()
    assert "refused a checkpoint" in caplog.text
    assert path.with_name(path.name + ".refused").exists()
    assert torch.equal(before.logits(data.test.x), after.logits(data.test.x))
    assert trained("logistic", data)


def test_weights_without_a_card_are_trained_anew(home, data):
    load_victim("logistic", data)
    weights_file(home).with_suffix(".json").unlink()
    assert not trained("logistic", data)
    load_victim("logistic", data)
    assert trained("logistic", data)


def test_a_damaged_checkpoint_does_not_count_as_trained(home, data):
    load_victim("logistic", data)
    _flip(weights_file(home))
    assert not trained("logistic", data)


def test_where_nothing_can_be_kept_a_warning_says_so_and_the_lab_goes_on(home, data):
    (home / "cache").write_text("a file where the folder should be")
    first, second = Watch(), Watch()

    with pytest.warns(RuntimeWarning, match="kept in memory"):
        victim = load_victim("logistic", data, seed=21, progress=first)
    again = load_victim("logistic", data, seed=21, progress=second)

    assert first.trained()
    assert "kept in memory" in first.calls[-1][2]
    assert not second.trained()
    assert trained("logistic", data, 21)
    assert torch.equal(victim.logits(data.test.x), again.logits(data.test.x))
    assert victim.module is not again.module


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of a file")
def test_a_disk_that_fills_up_leaves_no_half_file_behind(home, data):
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.warns(RuntimeWarning, match="kept in memory"):
            load_victim("mlp", data, seed=22)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert {path.suffix for path in home.rglob("*") if path.is_file()} <= {".lock"}


def test_a_training_that_is_called_off_keeps_nothing_and_frees_its_lock(home, data):
    def call_off(done, total, message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_victim("cnn", data, progress=call_off)
    assert not list(home.rglob("*.safetensors"))
    load_victim("cnn", data)


def test_an_unknown_architecture_is_refused_with_the_known_ones(data):
    with pytest.raises(UnknownNameError, match="Known: cnn, gbt, logistic, mlp, resnet"):
        load_victim("vgg", data)


def _train_in_a_process(started, trainings):
    started.wait()
    watch = Watch()
    load_victim("cnn", corners(), progress=watch)
    trainings.put(watch.trained())


def test_two_processes_train_one_victim_once(data):
    spawn = multiprocessing.get_context("spawn")
    started, trainings = spawn.Event(), spawn.Queue()
    workers = [spawn.Process(target=_train_in_a_process, args=(started, trainings)) for _ in range(2)]
    for worker in workers:
        worker.start()
    started.set()
    outcomes = sorted(trainings.get(timeout=120) for _ in workers)
    for worker in workers:
        worker.join()
    trainings.close()
    trainings.join_thread()
    assert outcomes == [False, True]


def test_who_waits_for_another_session_is_told_so(home):
    path = home / "victim.safetensors"
    watch = Watch()
    held = threading.Event()

    def hold():
        with exclusively(path, None):
            held.set()
            time.sleep(0.3)

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait()
    with exclusively(path, watch, wait=0.05):
        pass
    holder.join()
    assert watch.calls[0][2].startswith("another session is training this victim")


def test_preparing_trains_what_is_missing_and_counts_up_to_the_end(data):
    load_victim("logistic", data)
    watch = Watch()
    pairs = [("logistic", data), ("mlp", data), ("gbt", data)]

    assert prepare(pairs, progress=watch) == 2
    assert prepare(pairs) == 0

    done = [call[0] for call in watch.calls]
    assert done == sorted(done)
    assert watch.calls[-1][:2] == (200, 200)
    assert all(trained(*pair) for pair in pairs)
