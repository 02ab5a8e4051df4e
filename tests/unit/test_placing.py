"""Victims that compute somewhere else, and say the same."""

import pytest
import torch

from labkit import data
from labkit.core import InvalidInputError, Norm, ThreatModel, predict
from labkit.metrics import robustness
from labkit.models import find_device, load_victim, placed

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA here")


def test_a_victim_that_is_where_it_should_be_is_not_copied():
    victim = load_victim("mlp", data.load("digits"))
    assert placed(victim, "cpu") is victim


def test_auto_is_cuda_where_there_is_one():
    assert find_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_device_that_is_not_here_is_refused_in_words():
    with pytest.raises(InvalidInputError, match="use 'auto' or 'cpu'"):
        find_device("cuda:99")
    with pytest.raises(InvalidInputError, match="got 'toaster'"):
        find_device("toaster")


def test_logits_are_where_the_input_is():
    victim = load_victim("mlp", data.load("digits"))
    x = data.load("digits").test.x[:3]
    assert victim.logits(x).device == x.device == victim.forward(x).device


@needs_cuda
def test_a_victim_on_a_graphics_processor_gives_the_same_verdicts():
    digits = data.load("digits")
    x, y = digits.test.x[:64], digits.test.y[:64]
    victim = load_victim("cnn", digits)
    assert torch.equal(predict(placed(victim, "cuda"), x), predict(victim, x))
    threat = ThreatModel(Norm.LINF, 0.1)
    here, there = (
        robustness(victim, x, y, threat, sanity=False, precision="float32", device=device)
        for device in ("cpu", "cuda")
    )
    assert abs(here.robust.value - there.robust.value) <= 2 / 64
