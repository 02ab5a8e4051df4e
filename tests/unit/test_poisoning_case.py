"""The case of the poisoning lab: what is issued, and how what is handed in is judged."""

import dataclasses
import itertools
import json
import re

import pytest
import torch

from labkit import course
from labkit.attacks import poisoning
from labkit.core import InvalidInputError, UnknownNameError
from labkit.course.cases.poisoning.case import poisoned_drops, poisoned_on_arrival, poisoning_case
from labkit.course.cases.poisoning.drops import KINDS
from labkit.course.cases.poisoning.records import RECORDS, handed_in_again
from labkit.course.cases.poisoning.screening import check_recipe, screen, vouched
from labkit.course.measuring import measure
from labkit.course.modules import load_module
from labkit.defenses.sanitising import Screening, knn_consistency
from labkit.models import penultimate


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
    assert [len(drop) for drop in case.drops] == [80] * 4
    assert all(drop.batches == () and drop.vouchers is None for drop in case.drops)
    fields = {field.name for each in (case, case.delivery) for field in dataclasses.fields(each)}
    assert not [name for name in fields if "poison" in name or "trigger" in name or "truth" in name]


def test_one_to_three_drops_are_poisoned_in_ways_that_differ(lab):
    rounds = [poisoned_drops(poisoning_case(lab.scenarios[0], seed)) for seed in range(14)]
    kinds = [[drop.attack for drop in each if len(drop.indices)] for each in rounds]
    assert {len(each) for each in kinds} == {1, 2, 3}
    assert all(len(set(each)) == len(each) for each in kinds)
    assert {kind for each in kinds for kind in each} == set(KINDS)
    places = {tuple(len(drop.indices) > 0 for drop in each) for each in rounds}
    assert len(places) > 5


def test_a_drop_that_collides_features_keeps_its_labels_and_takes_the_victim_in(lab):
    found = 0
    for seed in range(8):
        case = poisoning_case(lab.scenarios[0], seed)
        for drop in poisoned_drops(case):
            if drop.attack == "feature_collision":
                found += 1
                poison = drop.x_poisoned[drop.indices]
                assert torch.equal(drop.y, drop.y_poisoned)
                assert float((drop.x_poisoned - drop.x).abs().max()) <= 0.25 + 1e-6
                read = case.victim.logits(poison).argmax(1)
                assert float((read != drop.y[drop.indices]).float().mean()) >= 0.9
    assert found > 1


def everything(case):
    """Return each part of a case with the samples that lie in it."""
    parts = {"stock": case.x, "acceptance": case.x_test, "delivery": case.delivery.x}
    parts["routine"] = case.routine[0].x
    return parts | {drop.name: drop.x for drop in case.drops}


@pytest.mark.parametrize("seed", [0, 5])
def test_no_sample_of_a_delivery_or_a_drop_is_known_from_elsewhere(lab, seed):
    """A scan moves a picture by about 0.15; the nearest of other pictures lies further away."""
    parts = everything(poisoning_case(lab.scenarios[0], seed))
    for a, b in itertools.combinations(parts, 2):
        apart = torch.cdist(parts[a].flatten(1), parts[b].flatten(1))
        assert float(apart.min()) > 0.25, (a, b)


def test_what_a_sample_was_before_cannot_be_looked_up_among_clean_samples(case):
    """Whoever asks the one nearest clean picture makes the mistakes that neighbours make."""
    clean = [(case.x, case.y), (case.x_test, case.y_test)]
    clean += [(each.x, each.y) for each in case.routine]
    known = torch.cat([x for x, _ in clean]), torch.cat([y for _, y in clean])
    looked_up = knn_consistency(case.delivery.x, case.delivery.y, k=1, trusted=known).remove
    assert not torch.equal(looked_up, poisoned_on_arrival(case))
    assert (looked_up & vouched(case.delivery)).any()


def test_a_data_set_that_is_too_small_for_the_parts_is_refused(lab):
    scenario = lab.scenarios[0]
    with pytest.raises(InvalidInputError, match="training_size from 100 to"):
        poisoning_case(
            dataclasses.replace(scenario, settings={**scenario.settings, "training_size": 1300}), 0
        )


def test_the_delivery_holds_its_poison_in_batches_without_a_voucher(case):
    poisoned = poisoned_on_arrival(case)
    assert int(poisoned.sum()) == 18
    assert not (poisoned & vouched(case.delivery)).any()
    assert int((~vouched(case.delivery)).sum()) == 90


def test_routine_deliveries_have_vouchers_alike_and_all_their_labels_right(case):
    assert len(case.routine) == 3
    assert all(int((~vouched(each)).sum()) == 60 for each in case.routine)


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
    own = (case.y == case.document.wanted).nonzero().flatten()[: case.poison_budget]
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
    with pytest.raises(InvalidInputError, match="positions from 0 to 359"):
        check("clean-up", remove=torch.tensor([360]))


def test_a_recipe_that_finds_nothing_pays_no_price_that_counts(check):
    feedback = check("price", recipe={"method": "keep_everything"})
    assert feedback.measured == 1
    assert "does not count" in feedback.why


def test_poison_with_right_labels_that_costs_the_reader_too_much_is_rolled_back(lab, case, check):
    """The document is drawn along all the same, and that does not count."""
    made = poisoning.feature_collision(
        case.x,
        case.y,
        features=penultimate(case.victim),
        x_target=case.document.x,
        y_target=case.document.wanted,
        poison_rate=0.02,
        epsilon=0.25,
    )
    lenient = check("clean-label", x_poisoned=made.x_poisoned)
    assert lenient.facts["noticed"] == 0
    assert lenient.measured == lenient.facts["achieved"]
    scenario = lab.scenarios[0]
    strict = dataclasses.replace(
        case,
        scenario=dataclasses.replace(scenario, settings={**scenario.settings, "nightly_drop": -1.0}),
    )
    feedback = measure(lab, lab.find_checkpoint("clean-label"), strict, {"x_poisoned": made.x_poisoned})
    assert feedback.facts["noticed"] == 1
    assert feedback.measured == feedback.facts["before"] != feedback.facts["achieved"]
    assert not feedback.passed
    assert "rolled back" in feedback.why


def test_verdicts_and_suspects_are_asked_for(case, check):
    nobody = [[]] * 4
    with pytest.raises(InvalidInputError, match="4 verdicts"):
        check("blind", verdicts=["clean"], suspects=nobody)
    with pytest.raises(InvalidInputError, match="4 verdicts"):
        check("blind", verdicts=["maybe"] * 4, suspects=nobody)
    with pytest.raises(InvalidInputError, match="4 lists of positions"):
        check("blind", verdicts=["clean"] * 4, suspects=[])
    with pytest.raises(InvalidInputError, match="0 to 79"):
        check("blind", verdicts=["poisoned"] * 4, suspects=[[80]] * 4)


def guesses(case):
    """Every pattern of verdicts, each with every sort of evidence that needs no looking."""
    n = len(case.drops[0])
    some = torch.randperm(n, generator=torch.Generator().manual_seed(0))
    evidence = {
        "none": lambda drop: [],
        "everything": lambda drop: torch.arange(n),
        "half": lambda drop: some[: n // 2],
        "a few": lambda drop: some[:12],
        "neighbours within": lambda drop: knn_consistency(drop.x, drop.y).indices,
    }
    for said in itertools.product(("clean", "poisoned"), repeat=4):
        for name, of in evidence.items():
            yield (
                name,
                said,
                [of(d) if word == "poisoned" else [] for d, word in zip(case.drops, said, strict=True)],
            )


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_nobody_passes_the_blind_round_by_guessing_however_often(lab, seed):
    case = poisoning_case(lab.scenarios[0], seed)
    blind = lab.find_checkpoint("blind")
    for name, said, suspects in guesses(case):
        feedback = measure(lab, blind, case, {"verdicts": list(said), "suspects": suspects})
        assert not feedback.passed, (name, said)


def test_what_is_said_of_wrong_verdicts_does_not_tell_how_many_are_wrong(lab):
    """Any two answers that accuse as many drops, with as many suspects, are told the same."""
    case = poisoning_case(lab.scenarios[0], 5)
    blind = lab.find_checkpoint("blind")
    told = {}
    for name, said, suspects in guesses(case):
        if name in ("none", "half"):
            feedback = measure(lab, blind, case, {"verdicts": list(said), "suspects": suspects})
            key = name, said.count("poisoned")
            told.setdefault(key, set()).add((feedback.measured, feedback.why, str(dict(feedback.facts))))
    assert all(len(each) == 1 for each in told.values())
    assert not re.search(r"[0-9] (of 4|right|missed)", str(told))


def test_the_poison_itself_shows_that_a_drop_is_poisoned(case, check):
    hidden = poisoned_drops(case)
    said = ["poisoned" if len(each.indices) else "clean" for each in hidden]
    assert check("blind", verdicts=said, suspects=[each.indices for each in hidden]).passed
    half = [each.indices[: (len(each.indices) + 1) // 2] for each in hidden]
    assert check("blind", verdicts=said, suspects=half).passed
    third = [each.indices[: len(each.indices) // 3] for each in hidden]
    assert not check("blind", verdicts=said, suspects=third).passed


# ------------------------------------------------------------------ records


def again(lab, case, checkpoint, **handed):
    """Write down what was handed in, read it back, and measure both."""
    parameters, kept = RECORDS[checkpoint](case, **handed)
    record = json.loads(json.dumps({"seed": case.seed, "handed_in": kept, "parameters": parameters}))
    where = lab.find_checkpoint(checkpoint)
    return [measure(lab, where, case, each) for each in (handed, handed_in_again(case, record))]


def test_what_was_written_down_is_measured_as_what_was_handed_in(lab, case):
    recipe = {"method": "knn_consistency", "neighbours": "vouched", "k": 5, "only_unvouched": True}
    collided = poisoning.feature_collision(
        case.x,
        case.y,
        features=penultimate(case.victim),
        x_target=case.document.x,
        y_target=case.document.wanted,
        poison_rate=0.02,
        epsilon=0.25,
        steps=20,
    )
    hidden = poisoned_drops(case)
    handed = {
        "backdoor": corner(case),
        "clean-label": {"x_poisoned": collided.x_poisoned},
        "clean-up": {"remove": screen(case, case.delivery, recipe)},
        "blind": {"verdicts": ["poisoned"] * 4, "suspects": [each.indices for each in hidden]},
        "price": {"recipe": recipe},
    }
    assert set(handed) == set(RECORDS) == {each.id for each in lab.checkpoints}
    for checkpoint, artefacts in handed.items():
        first, second = again(lab, case, checkpoint, **artefacts)
        assert (first.measured, first.facts) == (second.measured, second.facts), checkpoint


def test_a_record_of_other_data_is_refused(lab, case):
    _, kept = RECORDS["backdoor"](case, **corner(case))
    with pytest.raises(InvalidInputError, match="other data"):
        handed_in_again(poisoning_case(lab.scenarios[0], 6), {"seed": 5, "handed_in": kept})


def test_a_screening_carries_the_recipe_that_made_it(case):
    recipe = check_recipe({"method": "knn_consistency", "neighbours": "vouched", "compare": "features"})
    found = screen(case, case.delivery, recipe)
    assert {"method": found.method, **found.params} == recipe
    assert torch.equal(screen(case, case.delivery, recipe).remove, found.remove)


# ------------------------------------------------------------------ recipes


def test_a_recipe_is_completed_by_what_holds_otherwise():
    assert check_recipe({"method": "knn_consistency", "k": 3})["threshold"] == 0.5


@pytest.mark.parametrize(
    "recipe",
    [
        {"method": "magic"},
        {"method": "knn_consistency", "kk": 3},
        {"method": "knn_consistency", "neighbours": "me"},
        {"method": "knn_consistency", "compare": "smells"},
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
