"""The case of the poisoning lab: what is issued, and how what is handed in is judged."""

import dataclasses

import pytest
import torch

from labkit import course
from labkit.attacks import poisoning
from labkit.core import InvalidInputError, UnknownNameError
from labkit.course.measuring import measure
from labkit.course.modules import load_module
from labkit.course.poisoning import poisoned_drops, poisoned_on_arrival, poisoning_case
from labkit.course.screening import check_recipe, screen, vouched
from labkit.defenses.sanitising import Screening


@pytest.fixture(scope="module")
def lab():
    return course.find_lab("L04")


@pytest.fixture(scope="module")
def case(lab):
    return load_module(lab, "case").make_case(lab.scenarios[0], 5, None)


@pytest.fixture
def check(lab, case):
    return lambda checkpoint, **handed: measure(lab, lab.find_checkpoint(checkpoint), case, handed)


def corner(case, rate=0.02, **changes):
    made = poisoning.badnets(
        case.x,
        case.y,
        trigger=poisoning.patch((1, 8, 8), size=3),
        y_target=0,
        poison_rate=rate,
    )
    return {
        "x_poisoned": made.x_poisoned,
        "y_poisoned": made.y_poisoned,
        "mask": made.trigger.mask,
        "pattern": made.trigger.pattern,
        "y_target": 0,
        **changes,
    }


# ------------------------------------------------------------------ what is issued


def test_the_same_seed_issues_the_same_case_and_another_seed_another(lab, case):
    again, other = (poisoning_case(lab.scenarios[0], seed) for seed in (5, 6))
    assert torch.equal(again.x, case.x)
    assert torch.equal(again.delivery.x, case.delivery.x)
    assert all(torch.equal(a.y, b.y) for a, b in zip(again.drops, case.drops, strict=True))
    assert not torch.equal(other.delivery.x, case.delivery.x)


def test_nothing_that_is_issued_says_what_is_poisoned(case):
    assert [len(drop) for drop in case.drops] == [500] * 4
    assert all(drop.batches == () and drop.vouchers is None for drop in case.drops)
    fields = {field.name for each in (case, case.delivery) for field in dataclasses.fields(each)}
    assert not [name for name in fields if "poison" in name or "trigger" in name or "truth" in name]


def test_half_of_the_drops_are_poisoned_and_the_order_varies(lab):
    truths = {
        tuple(len(drop.indices) > 0 for drop in poisoned_drops(poisoning_case(lab.scenarios[0], seed)))
        for seed in range(8)
    }
    assert all(sum(truth) == 2 for truth in truths)
    assert len(truths) > 2


def test_the_delivery_holds_its_poison_in_batches_without_a_voucher(case):
    poisoned = poisoned_on_arrival(case)
    assert int(poisoned.sum()) == 36
    assert not (poisoned & vouched(case.delivery)).any()
    assert int((~vouched(case.delivery)).sum()) == 300


def test_routine_deliveries_have_vouchers_alike_and_all_their_labels_right(case):
    assert len(case.routine) == 3
    assert all(int((~vouched(each)).sum()) == 300 for each in case.routine)


def test_the_document_is_read_right_and_not_as_wanted(case):
    assert int(case.victim.logits(case.document.x).argmax()) == case.document.y != case.document.wanted


# ------------------------------------------------------------------ the backdoor


def test_a_backdoor_within_the_limit_is_reached(case, check):
    assert check("backdoor", **corner(case)).passed


def test_too_many_samples_count_as_no_attack(case, check):
    feedback = check("backdoor", **corner(case, 0.05))
    assert not feedback.passed
    assert feedback.measured < 0.1
    assert "sent back" in feedback.why


def test_values_out_of_bounds_count_as_no_attack(case, check):
    handed = corner(case)
    handed["x_poisoned"] = handed["x_poisoned"].clone()
    handed["x_poisoned"][0] = 2.0
    feedback = check(
        "backdoor",
        **handed,
    )
    assert not feedback.passed
    assert "range from 0 to 1" in feedback.why or "sent back" in feedback.why


def test_a_sign_that_replaces_the_whole_form_is_stopped_at_the_counter(case, check):
    zero = case.x[case.y == 0][0]
    whole = {"mask": torch.ones(1, 8, 8), "pattern": zero}
    feedback = check("backdoor", **corner(case, **whole))
    assert "clerk" in feedback.why
    # Every reader takes a form that is replaced by a zero for a zero: that is no backdoor.
    assert feedback.facts["bare"] > 0.9
    assert feedback.measured == 0


def test_poison_that_ruins_the_reader_is_noticed(case, check):
    scrambled = corner(case)
    chosen = (case.y == 3).nonzero().flatten()[: case.poison_budget]
    y_poisoned = case.y.clone()
    y_poisoned[chosen] = 8
    feedback = check("backdoor", **{**scrambled, "x_poisoned": case.x, "y_poisoned": y_poisoned})
    assert not feedback.passed


@pytest.mark.parametrize(
    "wrong",
    [
        {"y_target": 10},
        {"mask": torch.zeros(1, 4, 4), "pattern": torch.zeros(1, 4, 4)},
        {"x_poisoned": torch.zeros(3, 1, 8, 8)},
    ],
)
def test_what_cannot_be_a_poisoned_set_is_refused_with_a_reason(case, check, wrong):
    with pytest.raises(InvalidInputError):
        check("backdoor", **corner(case, **wrong))


# ------------------------------------------------------------------ the other checkpoints


def test_the_document_itself_cannot_be_smuggled_into_the_training_set(case, check):
    x_poisoned = case.x.clone()
    own = (case.y == case.document.wanted).nonzero().flatten()[:20]
    x_poisoned[own] = case.document.x
    feedback = check("clean-label", x_poisoned=x_poisoned)
    assert not feedback.passed
    assert "moved by more than" in feedback.why


def test_removing_every_doubtful_batch_costs_too_much(case, check):
    feedback = check("clean-up", remove=screen(case, case.delivery, {"method": "provenance"}).indices)
    assert feedback.measured == 0
    assert "contract is void" in feedback.why


def test_removing_exactly_the_poison_is_worth_the_whole_score(case, check):
    feedback = check("clean-up", remove=poisoned_on_arrival(case))
    assert feedback.measured >= 0.95


def test_removing_everything_is_refused(case, check):
    with pytest.raises(InvalidInputError, match="nothing can be learned"):
        check("clean-up", remove=torch.arange(len(case.delivery)))


def test_positions_outside_the_delivery_are_refused(check):
    with pytest.raises(InvalidInputError, match="positions from 0 to 1199"):
        check("clean-up", remove=torch.tensor([1200]))


def test_a_recipe_that_finds_nothing_pays_no_price_that_counts(check):
    feedback = check("price", recipe={"method": "keep_everything"})
    assert feedback.measured == 1
    assert "does not count" in feedback.why


def test_four_verdicts_are_asked_for(check):
    with pytest.raises(InvalidInputError, match="4 verdicts"):
        check("blind", verdicts=["clean"])
    with pytest.raises(InvalidInputError, match="4 verdicts"):
        check("blind", verdicts=["maybe"] * 4)


# ------------------------------------------------------------------ recipes


def test_a_recipe_is_completed_by_what_holds_otherwise():
    assert check_recipe({"method": "knn_consistency", "k": 3})["threshold"] == 0.5


@pytest.mark.parametrize(
    "recipe",
    [
        {"method": "magic"},
        {"method": "knn_consistency", "kk": 3},
        {"method": "knn_consistency", "neighbours": "me"},
    ],
)
def test_a_recipe_with_an_unknown_word_is_refused(recipe):
    with pytest.raises(UnknownNameError):
        check_recipe(recipe)


def test_a_recipe_is_a_mapping_with_a_method():
    for wrong in ({}, [], "knn", None):
        with pytest.raises(InvalidInputError):
            check_recipe(wrong)


@pytest.mark.parametrize(
    "method", ["knn_consistency", "spectral_signatures", "activation_clustering", "provenance"]
)
def test_every_method_screens_a_delivery(case, method):
    found = screen(case, case.delivery, {"method": method})
    assert isinstance(found, Screening)
    assert len(found) == len(case.delivery)


def test_only_unvouched_leaves_vouched_batches_alone(case):
    found = screen(case, case.delivery, {"method": "spectral_signatures", "only_unvouched": True})
    assert not (found.remove & vouched(case.delivery)).any()


def test_a_drop_without_vouchers_has_no_vouched_neighbours(case):
    with pytest.raises(InvalidInputError, match="acceptance set"):
        screen(case, case.drops[0], {"method": "knn_consistency", "neighbours": "vouched"})
