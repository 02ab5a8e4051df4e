"""The evasion case: even classes, inputs worth attacking, and a masked model that looks better than it is."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from labkit.attacks import evasion
from labkit.core import InvalidInputError, QueryBudgetError, UnknownNameError, predict
from labkit.course import Scenario, evasion_case, find_lab
from labkit.course.cases.evasion import CHOSEN, stratified
from labkit.course.measuring import measure
from labkit.metrics import robust_accuracy

SCENARIO = Scenario(
    id="digits",
    title="Digits",
    story="Digits.",
    dataset="digits",
    victim="logistic",
    norm="linf",
    epsilon=0.15,
    samples=60,
    query_budget=30,
    settings={"masked": "squeeze", "bits": 2},
)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    # The victim is tiny and trained in a second, into a cache of its own.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_HOME", str(tmp_path_factory.mktemp("home")))
        yield evasion_case(SCENARIO, 1)


def test_every_class_is_issued_alike(case):
    assert case.x.shape == (60, 1, 8, 8)
    assert torch.bincount(case.y, minlength=10).tolist() == [6] * 10


def test_the_victim_reads_every_chosen_input(case):
    chosen = case.chosen

    assert len(chosen) == len(set(chosen.tolist())) == CHOSEN
    assert (predict(case.victim, case.x[chosen]) == case.y[chosen]).all()


def test_a_seed_gives_one_case_and_another_seed_another(case):
    again, other = evasion_case(SCENARIO, 1), evasion_case(SCENARIO, 2)

    assert torch.equal(case.x, again.x)
    assert torch.equal(case.chosen, again.chosen)
    assert not torch.equal(case.x, other.x)


def test_the_issued_inputs_are_not_training_data(case):
    issued = {tuple(image.flatten().tolist()) for image in case.x}
    known = {tuple(image.flatten().tolist()) for image in case.train.x}

    assert not issued & known


def test_the_oracle_answers_until_the_budget_is_spent(case):
    oracle = case.oracle()
    oracle.logits(case.x[case.chosen].repeat(30, 1, 1, 1))

    with pytest.raises(QueryBudgetError):
        oracle.logits(case.x[:1])
    assert case.oracle().queries == 0


def test_the_masked_model_looks_robust_and_breaks_under_an_adaptive_attack(case):
    assert not hasattr(case.secure, "forward")
    adv = evasion.pgd(
        evasion.bpda(case.secure), case.x, case.y, epsilon=case.threat.epsilon, steps=40, seed=0
    )

    assert case.vendor_claim > robust_accuracy(case.secure, adv, case.threat).value + 0.2


@pytest.mark.parametrize(("count", "per_class"), [(10, [1] * 10), (25, None), (100, [10] * 10)])
def test_a_stratified_draw_is_as_even_as_it_can_be(count, per_class):
    y = torch.arange(200) % 10

    drawn = stratified(y, count, seed=3)

    counts = torch.bincount(y[drawn], minlength=10)
    assert len(set(drawn.tolist())) == count
    assert counts.max() - counts.min() <= 1
    assert per_class is None or counts.tolist() == per_class


def test_a_class_that_runs_out_is_filled_up_from_the_others():
    y = torch.tensor([0] * 2 + [1] * 50)

    assert torch.bincount(y[stratified(y, 20, seed=0)]).tolist() == [2, 18]
    with pytest.raises(InvalidInputError, match="between 1 and 52"):
        stratified(y, 53, seed=0)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"settings": {"masked": "glitter"}}, UnknownNameError),
        ({"victim": "oak"}, UnknownNameError),
        ({"dataset": ""}, InvalidInputError),
        ({"samples": 10**6}, InvalidInputError),
        ({"victim": "gbt"}, InvalidInputError),
    ],
)
def test_a_scenario_that_cannot_be_made_says_why(case, change, error):
    with pytest.raises(error):
        evasion_case(dataclasses.replace(SCENARIO, **change), 1)


def test_noise_of_the_whole_budget_is_called_noise_and_a_short_step_short(case):
    lab, wide = find_lab("L00"), evasion_case(dataclasses.replace(SCENARIO, epsilon=0.2), 1)
    checkpoint = lab.find_checkpoint("first-flip")
    noise = evasion.random_noise(wide.victim, wide.x, wide.y, epsilon=0.2, seed=1).x_adv
    short = evasion.fgsm(wide.victim, wide.x, wide.y, epsilon=0.02).x_adv

    assert "what noise achieves" in measure(lab, checkpoint, wide, {"x_adv": noise}).why
    assert "The step is short" in measure(lab, checkpoint, wide, {"x_adv": short}).why


def test_flips_by_a_copy_whose_questions_are_not_counted_are_told_so(case):
    lab, x, y = find_lab("L02"), case.x[case.chosen], case.y[case.chosen]
    copied = evasion.transfer(case.victim, x, y, surrogate=case.victim, attack=evasion.pgd, epsilon=0.15)
    handed = {"x_adv": copied.x_adv, "queries": copied.queries}
    feedback = measure(lab, lab.find_checkpoint("black-box"), case, handed)

    assert feedback.measured == 0
    assert "cost no question" in feedback.why
    counted = {**handed, "queries": torch.full_like(copied.queries, case.query_budget)}
    assert measure(lab, lab.find_checkpoint("black-box"), case, counted).passed
