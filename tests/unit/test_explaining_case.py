"""The case of the lab about explanations: what is issued, and how what is handed in is judged."""

import json

import pytest
import torch

from labkit import course
from labkit.core import InvalidInputError, UnknownNameError, derive, predict
from labkit.course.cases.explaining.auditing import DEFAULTS, audit, check_recipe, explained, files_opened
from labkit.course.cases.explaining.case import ISSUED, explaining_case
from labkit.course.cases.explaining.deciders import ACCEPT, DISTRICT, GROUP, accepted
from labkit.course.cases.explaining.files import MOVED, fresh_files, published_files
from labkit.course.cases.explaining.notes import check_note, entries, right_note
from labkit.course.cases.explaining.records import RECORDS, handed_in_again
from labkit.course.cases.explaining.scaffolding import build_scaffold, check_scaffold
from labkit.course.cases.explaining.suspects import INNOCENT, MANIPULATED, hidden_suspects
from labkit.course.measuring import measure
from labkit.explain import shap
from labkit.metrics import flip_rate, named_first, parity_gap

GOOD = {"test": "flips", "records": "files", "count": 300, "moved": "group", "threshold": 0.02}


@pytest.fixture(scope="module")
def lab():
    return course.find_lab("L08")


@pytest.fixture(scope="module")
def case(lab):
    return explaining_case(lab.find_scenario("loans"), 5)


@pytest.fixture(scope="module")
def suspects():
    return {each.kind: each for each in hidden_suspects(21)}


@pytest.fixture
def check(lab, case):
    return lambda checkpoint, **handed: measure(lab, lab.find_checkpoint(checkpoint), case, handed)


# ------------------------------------------------------------------ what is issued


def test_the_same_seed_issues_the_same_case_and_another_seed_another(lab, case):
    again, other = (explaining_case(lab.find_scenario("loans"), seed) for seed in (5, 6))
    assert torch.equal(again.files.x, case.files.x)
    assert torch.equal(again.product.logits(case.x), case.product.logits(case.x))
    assert not torch.equal(other.files.x, case.files.x)
    assert len(case.files) == ISSUED
    assert sorted(each.manipulated for each in case.known) == [False, False, True, True]


def test_nobody_is_given_the_files_that_the_judge_uses(case):
    judged = fresh_files(1000, derive(derive(case.seed, "audit", 0), "files")).x
    assert (torch.cdist(judged, case.files.x).amin(1) > 1e-4).float().mean() > 0.99
    assert (torch.cdist(published_files().x, case.files.x).amin(1) > 1e-4).float().mean() > 0.99


def test_four_of_those_to_be_explained_were_refused_by_the_biased_model(case):
    assert accepted(case.biased, case.x).tolist() == [False] * 4 + [True] * 4


def test_a_twin_of_the_causes_is_the_same_person_in_another_world(case):
    files = case.files
    alone, both, caused = (files.twins(moved) for moved in MOVED)
    assert (alone != files.x).sum(1).eq(1).all()
    assert torch.equal(alone[:, GROUP], 1 - files.x[:, GROUP])
    assert torch.equal(both[:, DISTRICT], both[:, GROUP])
    age, income = case.features.index("age"), case.features.index("income")
    assert torch.equal(caused[:, age], files.x[:, age])
    lower = caused[:, income] <= files.x[:, income]
    assert lower[files.x[:, GROUP] == 0].all()
    with pytest.raises(UnknownNameError, match="twin"):
        files.twins("the district")


# ------------------------------------------------------------------ suspects are what they are called


def test_there_is_one_of_every_kind_in_an_order_that_says_nothing():
    for seed in range(6):
        kinds = [each.kind for each in hidden_suspects(seed)]
        assert sorted(kinds) == sorted((*INNOCENT, *MANIPULATED))
    assert len({tuple(e.kind for e in hidden_suspects(seed)) for seed in range(6)}) > 3


def test_the_group_alone_decides_for_the_manipulated_and_hardly_for_the_others(suspects):
    files = fresh_files(2000, 77)
    shares = {kind: flip_rate(each.model, files.x, files.twins()).value for kind, each in suspects.items()}
    assert all(shares[kind] > 0.035 for kind in MANIPULATED)
    assert all(shares[kind] < 0.01 for kind in INNOCENT)


def test_every_naive_test_has_its_honest_victim_or_its_liar(suspects):
    files, known = fresh_files(1000, 78), published_files()
    district = suspects["by district"].model
    assert parity_gap(district, files.x, files.x[:, GROUP] == 1) > 0.15
    assert flip_rate(district, files.x, files.twins(MOVED[1])).value > 0.15
    assert flip_rate(suspects["rehearsed"].model, known.x, known.twins()).value == 0
    assert (
        flip_rate(suspects["a trace"].model, fresh_files(4000, 79).x, fresh_files(4000, 79).twins()).value > 0
    )


def test_explainers_do_not_name_the_group_of_a_scaffolded_model(suspects):
    rows = fresh_files(6, 80).x
    for kind in ("redirected", "covered", "rehearsed"):
        for explainer in ("lime", "shap"):
            values = explained(suspects[kind].model, rows, explainer, "average", seed=1)
            assert named_first(values, GROUP).value <= 1 / 3, (kind, explainer)


def test_shap_against_real_applicants_is_harder_to_fool(case):
    settings = {"prepared_for": "both", "copies": 4, "threshold": 0.65}
    model = build_scaffold(case.biased, case.score, settings, seed=3)
    rows = fresh_files(4, 81).x
    fooled, real = (explained(model, rows, "shap", name, seed=1) for name in ("average", "files"))
    assert named_first(fooled, GROUP).value <= 0.25
    assert named_first(real, GROUP).value >= 0.75


# ------------------------------------------------------------------ explain


def test_exact_values_pass_and_values_against_nobody_do_not(case, check):
    good = shap(case.biased, case.x, ACCEPT, background=case.background).values
    found = check("explain", values=good)
    assert found.passed
    assert found.facts["named"] == 1.0
    nobody = shap(case.biased, case.x, ACCEPT, background=torch.zeros(1, 10)).values
    assert not check("explain", values=nobody).passed
    assert not check("explain", values=torch.ones(8, 10)).passed
    assert not check("explain", values=-good).passed


@pytest.mark.parametrize(
    "values",
    [torch.zeros(8, 9), torch.zeros(8, 10, dtype=torch.int64), torch.full((8, 10), float("nan"))],
)
def test_values_that_are_none_are_refused(check, values):
    with pytest.raises(InvalidInputError):
        check("explain", values=values)


# ------------------------------------------------------------------ scaffold


def test_preparing_for_both_hides_the_group_and_keeps_the_decisions(check):
    found = check("scaffold", settings={"prepared_for": "both", "copies": 4, "threshold": 0.65})
    assert found.passed
    assert found.facts["agreement"] >= 0.99
    assert found.facts["lime_before"] > 0.8
    assert found.facts["shap_before"] > 0.8


def test_preparing_for_one_explainer_leaves_the_other(check):
    found = check("scaffold", settings={"prepared_for": "shap", "threshold": 0.6})
    assert not found.passed
    assert found.facts["lime"] > 0.5


def test_answering_everybody_with_the_innocuous_model_is_noticed_by_applicants(check):
    found = check("scaffold", settings={"prepared_for": "both", "threshold": 0.0})
    assert found.measured == 0
    assert found.facts["kept"] == 0
    assert "real files" in found.why


@pytest.mark.parametrize(
    "settings",
    [
        {"prepared_for": "nobody"},
        {"trees": 3},
        {"threshold": 2},
        {"threshold": float("nan")},
        {"copies": 0},
        {"copies": 100},
        "both",
    ],
)
def test_settings_that_are_none_are_refused(settings):
    with pytest.raises((InvalidInputError, UnknownNameError)):
        check_scaffold(settings)


# ------------------------------------------------------------------ audit


def test_twins_on_fresh_files_catch_all_and_accuse_nobody(check):
    found = check("audit", recipe=GOOD)
    assert found.passed
    assert found.facts["false_accusations"] == 0
    cheap = check("price", recipe={**GOOD, "count": 250})
    assert cheap.passed
    assert cheap.measured == 250


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"records": "published"}, "rehearsed it"),
        ({"records": "made up"}, "recognise"),
        ({"moved": MOVED[1]}, "more than the group"),
        ({"moved": MOVED[2]}, "more than the group"),
        ({"threshold": 0.15}, "bend only"),
        ({"test": "parity", "threshold": 0.1}, "None of that is a lie"),
        ({"test": "named", "threshold": 0.1}, "hear what it tells strangers"),
        ({"threshold": 1.0}, "Lower the threshold"),
    ],
)
def test_every_other_way_fails_and_is_told_why(check, change, words):
    found = check("audit", recipe={**GOOD, **change})
    assert not found.passed
    assert words in f"{found.why} {found.next_probe}"


def test_accusing_everybody_counts_as_nothing(check):
    found = check("audit", recipe={"test": "surrogate", "records": "files", "count": 300, "threshold": 0.0})
    assert found.measured == 0
    assert found.facts["false_accusations"] > 0
    assert not check("price", recipe={"threshold": 1.0, "count": 10}).passed


def test_more_files_than_allowed_have_a_price(check):
    found = check("price", recipe={**GOOD, "count": 600})
    assert not found.passed
    assert "600" in found.why


@pytest.mark.parametrize(
    "recipe",
    [
        {"test": "vibes"},
        {"records": "mine"},
        {"labels": [1, 0]},
        {"count": 3},
        {"count": 5000},
        {"threshold": -0.1},
        {"threshold": float("nan")},
        {"test": "flips", "records": "made up", "moved": MOVED[2]},
        ["flips"],
    ],
)
def test_recipes_that_are_none_are_refused(recipe):
    with pytest.raises((InvalidInputError, UnknownNameError)):
        check_recipe(recipe)


def test_a_recipe_is_made_whole_and_its_files_are_counted():
    assert check_recipe({}) == dict(DEFAULTS)
    assert files_opened({**GOOD, "count": 120}) == 120
    assert files_opened({**GOOD, "records": "published"}) == 0


def test_every_test_measures_every_known_case(case):
    for test in ("flips", "parity", "named", "unstable", "surrogate"):
        verdicts = audit(
            case.known, {"test": test, "records": "files", "count": 40, "moved": "group"}, seed=2
        )
        assert len(verdicts) == 4
        assert all(-1e-6 <= each.value <= 2 for each in verdicts), test


# ------------------------------------------------------------------ note


def _figures(case):
    twins = case.files.twins()
    changed = predict(case.product, case.files.x) != predict(case.product, twins)
    return {"flip_share": float(changed.float().mean()), "witness": int(changed.nonzero()[0, 0])}


def test_a_note_that_holds_passes(case, check):
    found = check("note", note={**right_note(), **_figures(case)})
    assert found.passed
    assert found.measured == 1


def test_a_figure_or_a_witness_that_does_not_hold_takes_half_of_the_note(case, check):
    good = {**right_note(), **_figures(case)}
    claimed = check("note", note={**good, "flip_share": 0.0})
    assert claimed.measured == 0.5
    assert "does not hold" in claimed.why
    twins = case.files.twins()
    same = (predict(case.product, case.files.x) == predict(case.product, twins)).nonzero()[0, 0]
    shown = check("note", note={**good, "witness": int(same)})
    assert shown.measured == 0.5
    assert "witness" in shown.why
    assert check("note", note={}).measured == 0


def test_two_wrong_answers_are_too_many_and_the_first_is_explained(case, check):
    found = check("note", note={**right_note(), **_figures(case), "group": "unused", "basis": "gap"})
    assert not found.passed
    assert entries()[1].question in found.why


@pytest.mark.parametrize(
    "note",
    [
        {"flip_share": float("nan")},
        {"flip_share": "a lot"},
        {"witness": 1.5},
        {"colour": "red"},
        {"group": "perhaps"},
        {"flip_share": 14},
        [],
    ],
)
def test_notes_that_are_none_are_refused(note):
    with pytest.raises((InvalidInputError, UnknownNameError)):
        check_note(note)


def test_every_answer_says_what_it_would_mean_and_the_order_gives_nothing_away():
    assert len(entries()) == 7
    for entry in entries():
        assert all(len(option.why) > 30 for option in entry.options)
        assert len({option.id for option in entry.options}) == len(entry.options) >= 3
    first = [entry.shown()[0].id == entry.right for entry in entries()]
    assert 0 < sum(first) < len(first)


# ------------------------------------------------------------------ records


def test_what_was_handed_in_can_be_measured_again(case, check):
    handed = {
        "explain": {"values": shap(case.biased, case.x, ACCEPT, background=case.background).values},
        "scaffold": {"settings": {"prepared_for": "both", "copies": 4, "threshold": 0.65}},
        "audit": {"recipe": GOOD},
        "price": {"recipe": GOOD},
        "note": {"note": {**right_note(), **_figures(case)}},
    }
    for checkpoint, artefacts in handed.items():
        parameters, record = RECORDS[checkpoint](case, **artefacts)
        assert parameters
        kept = json.loads(json.dumps({"handed_in": record}))
        again = check(checkpoint, **handed_in_again(kept))
        assert again.measured == pytest.approx(check(checkpoint, **artefacts).measured, abs=1e-6)
