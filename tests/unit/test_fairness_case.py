"""The case of the lab about bias: what is issued, and how what is handed in is judged."""

import dataclasses
import json

import pytest
import torch

from labkit import course
from labkit.attacks.poisoning import group_label_flip
from labkit.core import InvalidInputError, UnknownNameError
from labkit.course.cases.fairness.branches import KINDS, drawn_kinds
from labkit.course.cases.fairness.case import (
    deliveries_to_come,
    fairness_case,
    hidden_in_branches,
    judged_people,
    town_of,
)
from labkit.course.cases.fairness.decisions import check_record
from labkit.course.cases.fairness.recipes import METHODS, check_recipe, contradicted, open_desk
from labkit.course.cases.fairness.records import RECORDS, handed_in_again
from labkit.course.measuring import measure
from labkit.course.modules import load_module
from labkit.metrics import demographic_parity


@pytest.fixture(scope="module")
def lab():
    return course.find_lab("L13")


@pytest.fixture(scope="module")
def case(lab):
    return load_module(lab, "case").make_case(lab.scenarios[0], 5, None)


@pytest.fixture(scope="module")
def solved(lab, case):
    return dict(load_module(lab, "bots").reference(case))


@pytest.fixture
def check(lab, case):
    return lambda checkpoint, **handed: measure(lab, lab.find_checkpoint(checkpoint), case, handed)


# ------------------------------------------------------------------ what is issued


def test_the_same_seed_issues_the_same_case_and_another_seed_another(lab, case):
    again, other = (fairness_case(lab.scenarios[0], seed) for seed in (5, 6))
    assert torch.equal(again.x, case.x)
    assert torch.equal(again.delivery.y, case.delivery.y)
    assert all(torch.equal(a.y, b.y) for a, b in zip(again.branches, case.branches, strict=True))
    assert not torch.equal(other.x, case.x)


def test_nothing_that_is_issued_says_what_was_turned_and_no_column_is_the_group(case):
    fields = {field.name for each in (case, case.delivery) for field in dataclasses.fields(each)}
    assert not [name for name in fields if "poison" in name or "turned" in name or "kind" in name]
    assert not any(torch.equal(case.checked.x[:, i].long(), case.checked.group) for i in range(6))


def test_no_person_of_one_part_appears_in_another(case):
    parts = [
        case.x,
        *(each.x for each in (case.checked, case.delivery, case.portfolio, case.survey)),
        *(each.x for each in case.branches),
        *(judged_people(case, other=other).x for other in (False, True)),
        *(each.x for each in deliveries_to_come(case)),
    ]
    people = [row.numpy().tobytes() for part in parts for row in part]
    assert len(people) - len(set(people)) <= len(people) * 1e-3  # rounded figures may coincide


def test_rounds_differ_and_always_hold_a_true_difference():
    rounds = [drawn_kinds(seed) for seed in range(60)]
    attacked = [[KINDS[kind].attacked for kind in each] for each in rounds]
    assert {sum(each) for each in attacked} == {1, 2, 3}
    assert all("poorer" in each and len(set(each)) == 4 for each in rounds)
    assert {kind for each in rounds for kind in each} == set(KINDS)
    assert len({tuple(each) for each in attacked}) > 8


def test_a_gap_does_not_tell_an_attack_from_a_difference(lab):
    gaps = {True: [], False: []}
    for seed in range(12):
        made = fairness_case(lab.scenarios[0], seed)
        for branch, (kind, _) in zip(made.branches, hidden_in_branches(made), strict=True):
            gaps[KINDS[kind].attacked].append(abs(demographic_parity(branch.y == 1, branch.group).value))
    assert max(gaps[False]) > 0.12
    assert min(gaps[True]) < 0.05


def test_a_district_that_says_nothing_protects_the_group(case):
    from labkit.course.cases.fairness.applicants import draw

    gap = {}
    for strength in (0.0, 0.7):
        file, people = (draw(n, town_of(case, strength), 1, n) for n in (2000, 8000))
        made = group_label_flip(file.x, file.y, group=file.district, poison_rate=0.1)
        desk = open_desk({"method": "none"}, dataclasses.replace(file, y=made.y_poisoned), people)
        gap[strength] = abs(demographic_parity(desk.decide(people), people.group).value)
    assert gap[0.0] < 0.08 < 0.18 < gap[0.7]


# ------------------------------------------------------------------ the attack


def test_the_reference_reaches_every_checkpoint(check, solved):
    for checkpoint, handed in solved.items():
        assert check(checkpoint, **handed).passed, checkpoint


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda y: y.float(), "whole numbers"),
        (lambda y: y[:-1], "whole numbers"),
        (lambda y: y + 1, "outcomes 0"),
        (lambda y: torch.full_like(y, -1), "outcomes 0"),
    ],
)
def test_outcomes_that_are_none_are_refused(check, case, change, word):
    with pytest.raises(InvalidInputError, match=word):
        check("skew", y_poisoned=change(case.y))


def test_too_many_outcomes_are_sent_back(check, case):
    made = group_label_flip(case.x, case.y, group=case.district, poison_rate=0.12)
    found = check("skew", y_poisoned=made.y_poisoned)
    assert not found.passed
    assert "sent back" in found.why
    assert not check("skew", y_poisoned=torch.zeros_like(case.y)).passed
    assert not check("skew", y_poisoned=torch.ones_like(case.y)).passed
    assert not check("skew", y_poisoned=1 - case.y).passed


def test_a_model_that_errs_too_much_is_looked_into(check, case):
    # People whom nothing speaks against, all in one district: the gap is wide, and so is the loss.
    expected = case.train(case.y).scores(case.checked.__class__(case.x, case.y, case.y))
    sure = expected.masked_fill((case.district != 1) | (case.y != 1), -1.0).argsort(descending=True)[:200]
    y = case.y.clone()
    y[sure] = 0
    found = check("skew", y_poisoned=y)
    assert not found.passed
    assert "looked into" in found.why


def test_anybodys_outcomes_do_not_hit_the_group(check, case):
    everybody = torch.zeros_like(case.y)
    made = group_label_flip(case.x, case.y, group=everybody, member=0, poison_rate=0.1)
    found = check("skew", y_poisoned=made.y_poisoned)
    assert not found.passed
    assert "hardly for whom" in found.why
    assert "Nothing was turned" in check("skew", y_poisoned=case.y).why


# ------------------------------------------------------------------ the repair


@pytest.mark.parametrize(
    ("recipe", "reached", "word"),
    [
        ({"method": "none"}, False, "Without a repair"),
        ({"method": "reweigh", "by": "group"}, False, "turned by the district"),
        ({"method": "reweigh", "by": "district"}, True, "mended"),
        ({"method": "screen", "by": "district"}, True, "mended"),
        ({"method": "thresholds", "by": "group"}, True, "mended"),
        (
            {"method": "thresholds", "by": "group", "target": "equal_opportunity", "labels": "delivered"},
            False,
            "poisoned labels",
        ),
        (
            {"method": "thresholds", "by": "group", "target": "equal_opportunity", "labels": "checked"},
            True,
            "mended",
        ),
    ],
)
def test_a_repair_follows_a_line_and_believes_labels(check, recipe, reached, word):
    found = check("repair", recipe=recipe)
    assert found.passed is reached
    assert word in found.why


@pytest.mark.parametrize(
    "recipe",
    [
        None,
        [],
        {},
        {"by": "group"},
        {"method": ["reweigh"]},
        {"method": "pray"},
        {"method": "reweigh", "by": "income"},
        {"method": "none", "by": "group"},
        {"method": "thresholds", "target": "justice"},
        {"method": "thresholds", "labels": None},
        {"method": "reweigh", "by": ["group"]},
    ],
)
def test_a_recipe_that_is_none_is_refused(check, recipe):
    with pytest.raises((InvalidInputError, UnknownNameError)):
        check("repair", recipe=recipe)


def test_every_method_runs_on_its_defaults(case):
    for method in METHODS:
        whole = check_recipe({"method": method})
        decided = open_desk(whole, case.delivery, case.checked).decide(case.checked)
        assert 0.3 < float(decided.float().mean()) < 0.95


def test_opening_a_desk_changes_nothing_of_what_it_is_given(case):
    before = [each.clone() for each in (case.delivery.x, case.delivery.y, case.checked.y)]
    for method in METHODS:
        open_desk({"method": method}, case.delivery, case.checked)
    assert all(
        torch.equal(a, b)
        for a, b in zip(before, (case.delivery.x, case.delivery.y, case.checked.y), strict=True)
    )


# ------------------------------------------------------------------ the blind round


def test_a_right_verdict_counts_with_its_evidence_only(check, case, solved):
    right = solved["blind"]
    assert check("blind", **right).passed
    bare = check("blind", verdicts=right["verdicts"], suspects=[[]] * 4)
    assert not bare.passed
    assert "without naming anybody" in bare.why
    everybody = [torch.arange(len(branch)) for branch in case.branches]
    assert not check("blind", verdicts=right["verdicts"], suspects=everybody).passed
    assert "accused nobody" in check("blind", verdicts=["no attack"] * 4, suspects=[[]] * 4).why
    assert "all four" in check("blind", verdicts=["attack"] * 4, suspects=everybody).why


def test_no_guess_of_all_sixteen_is_enough_without_looking(check, case):
    """Whoever accuses by trial and names all whom the file says did not repay learns nothing."""
    group = [((branch.group == 0) & (branch.y == 0)).nonzero().flatten() for branch in case.branches]
    for number in range(16):
        verdicts = ["attack" if number >> i & 1 else "no attack" for i in range(4)]
        assert not check("blind", verdicts=verdicts, suspects=group).passed


@pytest.mark.parametrize(
    ("handed", "word"),
    [
        ({"verdicts": ["attack"] * 3, "suspects": [[]] * 4}, "4 verdicts"),
        ({"verdicts": ["guilty"] * 4, "suspects": [[]] * 4}, "4 verdicts"),
        ({"verdicts": ["attack"] * 4, "suspects": [[]] * 3}, "4 lists"),
        ({"verdicts": ["attack"] * 4, "suspects": [[99999]] * 4}, "positions from 0"),
        ({"verdicts": ["attack"] * 4, "suspects": [[0.5]] * 4}, "whole numbers"),
    ],
)
def test_verdicts_that_are_none_are_refused(check, handed, word):
    with pytest.raises(InvalidInputError, match=word):
        check("blind", **handed)


def test_who_is_contradicted_is_named_in_one_part_with_one_outcome(case):
    named = contradicted(case.delivery, case.checked, "district")
    assert set(case.delivery.district[named].tolist()) == {1}
    assert set(case.delivery.y[named].tolist()) == {0}


# ------------------------------------------------------------------ the decision


def changed(record, **changes):
    return {"record": {**record["record"], **changes}}


def test_every_false_statement_is_named(check, solved):
    record = solved["decide"]
    assert check("decide", **record).passed
    held = check("decide", **changed(record, holds="predictive_parity", reason="predictive_parity"))
    assert not held.passed
    assert "undertake to hold" in held.why
    gaps = dict.fromkeys(record["record"]["gaps"], 0.0)
    assert "stated" in check("decide", **changed(record, gaps=gaps, gives_up=[])).why
    assert "accuracy" in check("decide", **changed(record, cost=0.2)).why
    assert "give up" in check("decide", **changed(record, gives_up=[])).why
    assert "modest" in check("decide", **changed(record, gives_up=[*gaps])).why
    assert "another measure" in check("decide", **changed(record, reason="demographic_parity")).why


def test_a_refusal_is_a_decision_if_it_states_its_figures(lab, case, check):
    bots = load_module(lab, "bots")
    found = bots.describe(open_desk({"method": "none"}, case.portfolio, case.survey), case.survey)
    record = {
        "recipe": {"method": "none"},
        "holds": "nothing",
        "gives_up": [name for name, gap in found.items() if abs(gap) > 0.06],
        "gaps": found,
        "cost": 0.0,
        "reason": "nothing",
    }
    done = check("decide", record=record)
    assert done.passed
    assert "repaired nothing and said so" in done.why
    assert not check("decide", record={**record, "gaps": dict.fromkeys(found, 0.0), "gives_up": []}).passed
    repaired = check("decide", record={**record, "recipe": {"method": "reweigh"}})
    assert not repaired.passed
    assert "desk that does not exist" in repaired.why


@pytest.mark.parametrize("target", ["demographic_parity", "predictive_equality", "predictive_parity"])
def test_each_measure_can_be_held_with_an_honest_record(lab, case, check, target):
    bots = load_module(lab, "bots")
    recipe = {"method": "thresholds", "by": "group", "target": target, "labels": "delivered"}
    desk, plain = (open_desk(each, case.portfolio, case.survey) for each in (recipe, {"method": "none"}))
    found = bots.describe(desk, case.survey)
    rates = [bots.accuracy(each.decide(case.survey), case.survey).value for each in (plain, desk)]
    given_up = [name for name, gap in found.items() if abs(gap) > 0.06 and name != target]
    assert given_up
    record = {
        "recipe": recipe,
        "holds": target,
        "gives_up": given_up,
        "gaps": found,
        "cost": rates[0] - rates[1],
        "reason": target,
    }
    assert check("decide", record=record).passed


@pytest.mark.parametrize(
    "changes",
    [
        {"holds": "justice"},
        {"reason": None},
        {"gives_up": "demographic_parity"},
        {"gives_up": ["nothing"]},
        {"gives_up": [["demographic_parity"]]},
        {"gaps": {"demographic_parity": 0.0}},
        {"cost": float("nan")},
        {"cost": "little"},
        {"extra": 1},
    ],
)
def test_a_record_that_is_none_is_refused(solved, changes):
    with pytest.raises((InvalidInputError, UnknownNameError)):
        check_record(changed(solved["decide"], **changes)["record"])


def test_what_was_handed_in_can_be_measured_again_from_its_record(lab, case, solved, check):
    assert set(RECORDS) == set(solved) == {each.id for each in lab.checkpoints}
    for checkpoint, handed in solved.items():
        parameters, kept = RECORDS[checkpoint](case, **handed)
        written = json.loads(json.dumps({"seed": case.seed, "handed_in": kept, "parameters": parameters}))
        again = handed_in_again(case, written)
        assert check(checkpoint, **again).measured == pytest.approx(check(checkpoint, **handed).measured)


def test_a_record_of_another_seed_is_refused(lab, case, solved):
    _, kept = RECORDS["skew"](case, **solved["skew"])
    other = fairness_case(lab.scenarios[0], 6)
    with pytest.raises(InvalidInputError, match="record of seed"):
        handed_in_again(other, {"seed": 5, "handed_in": kept})
