"""What T4, T6 and T7 earn without the skill that they examine, as docs/reference/exam-tasks.md says."""

from __future__ import annotations

from functools import lru_cache

import pytest
import torch

from labkit import data
from labkit.core.protocols import predict
from labkit.core.seeds import make_generator
from labkit.exams.issued import load_model, state_of
from labkit.exams.task import load_code
from labkit.models import build, train
from tests.exam_players import bot, issued, mark, share, task_of, variants_of

RIGHT_CHOICES = {
    "T4": {"why_unit": 2, "why_budget": 4, "why_attack": 3},
    "T6": {"why_order": 3, "why_labels": 2, "why_evidence": 4},
    "T7": {"why_ordinary": 3, "why_line": 2, "why_again": 1},
}


@pytest.mark.parametrize("name", ["v02", "v10"])
def test_figures_and_choices_without_attack_or_release_earn_less_than_a_third_of_t4(name: str) -> None:
    variant = variants_of("T4")[name]
    figures = load_code(task_of("T4"), "bots")._gap(issued("T4", variant))
    blind = {**bot("T4", "nothing", variant), **RIGHT_CHOICES["T4"], "generalisation_gap": figures}
    assert share("T4", variant, blind) == pytest.approx(0.3, abs=0.01)


@pytest.mark.parametrize("name", ["v02", "v08"])
def test_the_victim_handed_back_with_true_figures_earns_less_than_half_of_t6(name: str) -> None:
    variant = variants_of("T6")[name]
    given = issued("T6", variant)
    right = predict(load_model(given, "victim"), given.tensors["x_check"]) == given.tensors["y_check"]
    accuracy = float(right.double().mean())
    blind = {
        **bot("T6", "nothing", variant),
        **RIGHT_CHOICES["T6"],
        "cleaned": state_of(given.tensors, "victim"),
        "accuracy_before": accuracy,
        "cleaned_accuracy": accuracy,
    }
    assert share("T6", variant, blind) == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("name", ["v01", "v02"])
def test_figures_that_accuse_nobody_earn_less_than_a_third_of_t7(name: str) -> None:
    variant = variants_of("T7")[name]
    assert share("T7", variant, bot("T7", "lazy", variant)) == pytest.approx(0.3, abs=0.01)


# ---------------------------------------------------------------- T6 with data from outside


@lru_cache(maxsize=1)
def outside_reader():
    """Return a reader of all bundled digits, scanned as the task scans; those kept back are among them."""
    code, generator = load_code(task_of("T6")), make_generator(7)
    digits = data.load("digits")
    x = torch.cat([digits.train.x, digits.test.x])
    y = torch.cat([digits.train.y, digits.test.y])
    scans = torch.cat([code._grainy(code._askew(x, generator), generator) for _ in range(6)])
    return train(build("mlp", (1, 8, 8), 10, seed=1), scans, y.repeat(6), epochs=25, lr=0.005, seed=2)


def disputed(variant):
    """Return what that reader hands in: every sample whose label it disputes, toward the commonest class."""
    given, reader = issued("T6", variant), outside_reader()
    x, y = given.tensors["x"], given.tensors["y"]
    seen = predict(reader, x)
    target = int(y[seen != y].mode().values)
    named = ((seen != y) & (y == target)).nonzero().flatten()
    sources = seen[named].bincount(minlength=10).double()
    kind = "turned labels" if sources.max() > 0.7 * sources.sum() else "patch with wrong labels"
    before, after = (
        float((predict(model, given.tensors["x_check"]) == given.tensors["y_check"]).double().mean())
        for model in (load_model(given, "victim"), reader)
    )
    return {
        **RIGHT_CHOICES["T6"],
        "indices": named,
        "kind": kind,
        "y_target": target,
        "cleaned": dict(reader.module.state_dict()),
        "accuracy_before": before,
        "cleaned_accuracy": after,
    }


def test_data_from_outside_find_wrong_labels_and_miss_marks_on_right_ones() -> None:
    """A clean set from elsewhere is a means of the trade. What it finds counts; marks it cannot find."""
    variants = variants_of("T6")
    assert share("T6", variants["v02"], disputed(variants["v02"])) > 0.9
    by_labels = mark("T6", variants["v08"], disputed(variants["v08"]))
    earned = {line.metric: line.earned / line.points for line in by_labels.lines}
    assert earned["f1"] < 0.5
    assert earned["diagnosis"] == 0
    assert by_labels.earned < 0.75 * by_labels.points
