"""The victims that the labs attack read their data sets as well as the labs say."""

import pytest

from labkit import data
from labkit.core.protocols import predict
from labkit.models import load_victim


def clean_accuracy(architecture: str, name: str) -> float:
    dataset = data.load(name)
    model = load_victim(architecture, dataset)
    return (predict(model, dataset.test.x) == dataset.test.y).float().mean().item()


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("architecture", "at_least"),
    [("cnn", 0.97), ("resnet", 0.97), ("mlp", 0.95), ("logistic", 0.94), ("gbt", 0.94)],
)
def test_victims_read_handwriting(architecture, at_least):
    assert clean_accuracy(architecture, "digits") > at_least


@pytest.mark.nightly
@pytest.mark.parametrize(("architecture", "at_least"), [("resnet", 0.95), ("cnn", 0.92)])
def test_victims_read_road_signs(architecture, at_least):
    assert clean_accuracy(architecture, "signs") > at_least
