"""T6: what was found is held against what was done, and a cleaned model is asked about hidden samples."""

from __future__ import annotations

import json

import pytest
import torch

from labkit.exams.issued import load_model, state_of
from labkit.exams.task import load_code, read_reference
from labkit.metrics import clean_accuracy
from labkit.models import build, train
from tests.exam_players import bot, issued, mark, metrics, problems, share, task_of, variants_of

VARIANTS = variants_of("T6")
TOLERANCE = task_of("T6").overclaim.tolerance
PATCHED, TURNED, MARKED = (VARIANTS[name] for name in ("v01", "v02", "v04"))


@pytest.fixture(scope="module")
def reference():
    return bot("T6", "reference", PATCHED)


def line(found, metric):
    return next(each.earned for each in found.lines if each.metric == metric)


def outcome(found):
    return sum(each.earned for each in found.lines if each.part == "outcome")


@pytest.mark.parametrize("variant", [PATCHED, TURNED, MARKED], ids=lambda each: each.id)
def test_finding_earns_everything_and_doing_nothing_earns_nothing(variant, reference) -> None:
    if variant is PATCHED:  # the other kinds are played by the golden test
        assert share("T6", variant, reference) > 0.95
    assert share("T6", variant, bot("T6", "nothing", variant)) < 0.1
    assert share("T6", variant, {}) == 0
    assert share("T6", variant, bot("T6", "lazy", variant)) < 0.6


def test_every_kind_comes_up_more_than_twice() -> None:
    kinds = [variant.params["kind"] for variant in VARIANTS.values()]
    assert set(kinds) == set(task_of("T6").fields[1].options)
    assert min(kinds.count(kind) for kind in kinds) >= 3


def test_the_poison_works_whatever_its_kind() -> None:
    code = load_code(task_of("T6"))
    for variant in (PATCHED, TURNED, VARIANTS["v03"], MARKED):
        poisoned, clean = (code._both(model(variant), variant) for model in (code._victim, code._unpoisoned))
        assert clean[1] - poisoned[1] > 0.12, variant.id
        assert clean[0] > 0.85, variant.id


def test_the_materials_say_nothing_about_what_was_done() -> None:
    given = issued("T6", PATCHED)
    assert str(PATCHED.seed) not in json.dumps(given.facts)
    assert set(given.facts) == {"dims", "models", "training"}
    assert all(bool(torch.isfinite(each).all()) for each in given.tensors.values())


def test_no_delivered_sample_is_one_of_the_public_data_set() -> None:
    from labkit import data

    digits = data.load("digits")
    known = torch.cat([digits.train.x, digits.test.x]).flatten(1)
    distance = torch.cdist(issued("T6", PATCHED).tensors["x"].flatten(1), known)
    assert float(distance.min()) > 0.1


def test_order_and_repetition_of_indices_change_nothing(reference) -> None:
    found = reference["indices"]
    for again in (found.flip(0), torch.cat([found, found, found]), found[torch.randperm(len(found))]):
        assert metrics("T6", PATCHED, {"indices": again}) == metrics("T6", PATCHED, {"indices": found})


@pytest.mark.parametrize(
    "indices",
    [
        torch.arange(600),
        torch.zeros(0, dtype=torch.int64),
        torch.zeros(600, dtype=torch.int64),
        torch.arange(300),
    ],
    ids=["everything", "nobody", "one of them", "half"],
)
def test_naming_everybody_or_nobody_earns_nothing(reference, indices) -> None:
    for variant in (PATCHED, TURNED, MARKED):
        assert metrics("T6", variant, {"indices": indices})["f1"] < 0.3
    assert line(mark("T6", PATCHED, {**reference, "indices": indices}), "f1") == 0


@pytest.mark.parametrize(
    "indices",
    [torch.tensor([600]), torch.tensor([-1]), torch.tensor([1.0]), torch.arange(601), torch.ones(600).bool()],
)
def test_indices_that_are_none_are_refused_at_the_desk(reference, indices) -> None:
    assert "indices" in problems("T6", PATCHED, {**reference, "indices": indices})


def test_the_poisoned_model_handed_back_is_no_repair() -> None:
    for variant in (PATCHED, TURNED, MARKED):
        victim = state_of(issued("T6", variant).tensors, "victim")
        assert metrics("T6", variant, {"cleaned": victim})["repair"] == pytest.approx(0)


@pytest.mark.parametrize("label", range(0, 10, 3))
def test_a_model_that_reads_everything_as_one_class_is_no_repair(label: int) -> None:
    module = build("mlp", (1, 8, 8), 10)
    constant = {name: torch.zeros_like(part) for name, part in module.state_dict().items()}
    bias = list(constant)[-1]
    constant[bias] = torch.nn.functional.one_hot(torch.tensor(label), 10).float()
    for variant in (PATCHED, TURNED):
        assert metrics("T6", variant, {"cleaned": constant})["repair"] == 0


def test_weights_that_overflow_answer_nothing() -> None:
    module = build("mlp", (1, 8, 8), 10)
    huge = {name: torch.full_like(part, 1e38) for name, part in module.state_dict().items()}
    assert metrics("T6", PATCHED, {"cleaned": huge})["hidden_accuracy"] == 0


def test_a_model_with_nan_or_of_another_architecture_is_refused(reference) -> None:
    name, part = next(iter(reference["cleaned"].items()))
    for wrong in (torch.full_like(part, torch.nan), part.half(), part.flatten()):
        assert "cleaned" in problems(
            "T6", PATCHED, {**reference, "cleaned": {**reference["cleaned"], name: wrong}}
        )
    other = build("cnn", (1, 8, 8), 10).state_dict()
    assert "cleaned" in problems("T6", PATCHED, {**reference, "cleaned": other})


def test_learning_from_the_trusted_samples_alone_is_little_of_a_repair(reference) -> None:
    given = issued("T6", PATCHED).tensors
    little = train(build("mlp", (1, 8, 8), 10), given["x_trusted"], given["y_trusted"], epochs=40, lr=0.01)
    found = mark("T6", PATCHED, {**reference, "cleaned": little.module.state_dict()})
    assert line(found, "repair") < 0.5


def test_whoever_learns_from_the_check_claims_too_much(reference) -> None:
    given = issued("T6", PATCHED).tensors
    keep = torch.ones(600, dtype=torch.bool)
    keep[reference["indices"]] = False
    learned = train(
        build("mlp", (1, 8, 8), 10),
        torch.cat([given["x"][keep], given["x_check"]]),
        torch.cat([given["y"][keep], given["y_check"]]),
        epochs=30,
        lr=0.01,
    )
    claim = clean_accuracy(learned, given["x_check"], given["y_check"]).value
    assert claim > 0.99
    fooled = {**reference, "cleaned": learned.module.state_dict(), "cleaned_accuracy": claim}
    hidden = metrics("T6", PATCHED, fooled)["hidden_accuracy"]
    found = mark("T6", PATCHED, fooled)
    assert (outcome(found) == 0) == (claim - hidden > TOLERANCE)


def test_a_claim_that_leaves_the_model_costs_the_outcome(reference) -> None:
    for claim in (1.0, 0.5):
        found = mark("T6", PATCHED, {**reference, "cleaned_accuracy": claim})
        if abs(claim - metrics("T6", PATCHED, reference)["hidden_accuracy"]) > TOLERANCE:
            assert outcome(found) == 0
            assert found.flags


@pytest.mark.parametrize("name", VARIANTS)
def test_what_is_read_of_the_check_is_near_what_is_read_of_hidden_samples(name: str) -> None:
    """An honest claim is no overclaim: models scatter by 0.015 or so around what a variant does to all."""
    code, variant = load_code(task_of("T6")), VARIANTS[name]
    _, _, check, hidden = code._made(variant)
    model = code._unpoisoned(variant)
    assert abs(code._accuracy(model, *check) - code._accuracy(model, *hidden)) <= TOLERANCE - 0.05


def test_figures_that_are_rounded_to_three_digits_or_two_earn_everything(reference) -> None:
    names = ("accuracy_before", "cleaned_accuracy")
    for digits in (2, 3):
        found = mark("T6", PATCHED, {**reference, **{name: round(reference[name], digits) for name in names}})
        assert line(found, "baseline_error") == line(found, "after_error") == pytest.approx(0.7)


def test_a_kind_or_a_class_alone_earns_nothing_as_the_brief_says(reference) -> None:
    for wrong in ({"kind": "turned labels"}, {"y_target": 0}):
        assert line(mark("T6", PATCHED, {**reference, **wrong}), "diagnosis") == 0
    assert "one of them alone earns nothing" in task_of("T6").brief()


def test_naming_a_kind_and_a_class_by_habit_earns_nothing_on_the_whole() -> None:
    options, rows = task_of("T6").fields[1].options, VARIANTS.values()
    for kind in options:
        for target in range(10):
            right = [(each.params["kind"] == kind) and (each.params["y_target"] == target) for each in rows]
            assert sum(right) <= 1


def test_the_victim_is_what_was_issued() -> None:
    given = issued("T6", PATCHED)
    model = load_model(given, "victim")
    figure = clean_accuracy(model, given.tensors["x_check"], given.tensors["y_check"]).value
    assert metrics("T6", PATCHED, {"accuracy_before": figure})["baseline_error"] == pytest.approx(0)


def test_the_reference_finds_most_of_the_poison_in_every_variant() -> None:
    kept = read_reference(task_of("T6").folder)
    assert min(each["reference"]["f1"] for each in kept.values()) >= 0.8
