"""The case of the federated lab: what is issued, and how what is handed in is judged."""

import json
import re
from dataclasses import replace

import pytest
import torch

from labkit import course
from labkit.core import InvalidInputError, UnknownNameError
from labkit.course.cases.federated.case import KINDS, federated_case
from labkit.course.cases.federated.recipes import (
    ATTACKS,
    SERVERS,
    aggregator_of,
    attack_of,
    check_attack,
    check_server,
)
from labkit.course.cases.federated.records import RECORDS
from labkit.course.cases.federated.running import run
from labkit.course.cases.federated.secrecy import CLAIMS, check_works, seen_by_server, try_claim
from labkit.course.measuring import measure
from labkit.course.modules import load_module
from labkit.metrics import correlation

NOTHING, MEAN = {"attack": "none"}, {"aggregator": "mean"}


@pytest.fixture(scope="module")
def lab():
    return course.find_lab("L11")


@pytest.fixture(scope="module")
def case(lab):
    return load_module(lab, "case").make_case(lab.scenarios[0], 5, None)


@pytest.fixture(scope="module")
def quick(lab):
    """A case whose trainings take two rounds: for what does not depend on what is learned."""
    scenario = replace(lab.scenarios[0], settings={"rounds": 2, "minority_rounds": 2})
    return federated_case(scenario, 5)


@pytest.fixture
def check(lab, case):
    return lambda checkpoint, **handed: measure(lab, lab.find_checkpoint(checkpoint), case, handed)


# ------------------------------------------------------------------ what is issued


def test_the_same_seed_issues_the_same_case_and_another_seed_another(lab, case):
    again, other = (federated_case(lab.scenarios[0], seed) for seed in (5, 6))
    assert torch.equal(again.x, case.x)
    assert torch.equal(again.federation("skewed").clients.y, case.federation("skewed").clients.y)
    assert not torch.equal(other.x_test, case.x_test)


def test_no_clinic_holds_a_sample_of_the_test(case):
    held = {tuple(each.flatten().tolist()) for each in case.x}
    doubles = sum(tuple(each.flatten().tolist()) in held for each in case.x_test)
    # A few digits occur twice in the data set itself.
    assert doubles <= 2
    assert len(case.x) + len(case.x_test) == 1797


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_of_federation_can_be_drawn(case, kind):
    drawn = case.federation(kind, malicious=3)
    assert len(drawn) == 10
    assert int(drawn.malicious.sum()) == 3
    assert int(drawn.clients.sizes.sum()) == len(case.x)
    assert len(case.own_tests(drawn)) == 10
    if kind == "minority":
        assert not bool(drawn.malicious[drawn.minority])
        assert float(drawn.clients.data(9)[0].mean()) > 0.5 > float(drawn.clients.data(0)[0].mean())


def test_a_judge_draws_other_clinics_than_the_participant_has(case):
    mine, judged = case.federation("alike", malicious=2), case.federation("alike", malicious=2, seed=1)
    assert not torch.equal(mine.clients.x, judged.clients.x)


def test_malicious_clinics_poison_their_own_data_only(case):
    drawn = case.federation("alike", malicious=2)
    poisoned = case.poisoned(drawn)
    changed = (poisoned.y != drawn.clients.y).any(1) | (poisoned.x != drawn.clients.x).flatten(1).any(1)
    assert torch.equal(changed, drawn.malicious)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda c: c.federation("odd"), UnknownNameError),
        (lambda c: c.federation("alike", malicious=10), InvalidInputError),
        (lambda c: c.federation("minority", malicious=9), InvalidInputError),
    ],
)
def test_a_federation_that_there_is_not_is_refused(case, call, error):
    with pytest.raises(error):
        call(case)


# ------------------------------------------------------------------ recipes


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_every_attack_runs_with_its_defaults(quick, name):
    made = run(quick, quick.federation("alike", malicious=2), {"attack": name}, MEAN)
    assert 0 <= made.accuracy[-1] <= 1
    assert (attack_of({"attack": name}) is None) == (name == "none")


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_every_rule_runs_with_its_defaults(quick, name):
    made = run(quick, quick.federation("skewed", malicious=2), NOTHING, {"aggregator": name}, watch=True)
    assert len(made.accuracy) == 2
    assert made.heard.shape == made.far.shape == (2, 10)
    assert aggregator_of({"aggregator": name})(torch.randn(10, 4)).update.shape == (4,)


@pytest.mark.parametrize(
    "recipe",
    [
        None,
        {},
        "sign_flip",
        {"attack": ["sign_flip"]},
        {"attack": "sign_flip", "scale": 21},
        {"attack": "sign_flip", "scale": float("nan")},
        {"attack": "sign_flip", "scale": "5"},
        {"attack": "sign_flip", "scale": True},
        {"attack": "inner_product", "listens": 1},
    ],
)
def test_a_recipe_of_an_attack_that_is_none_is_refused(recipe):
    with pytest.raises((InvalidInputError, UnknownNameError)):
        check_attack(recipe)


@pytest.mark.parametrize(
    "recipe",
    [
        {"aggregator": "best"},
        {"aggregator": "krum", "tolerated": 2.5},
        {"aggregator": "krum", "tolerated": -1},
        {"aggregator": "median", "trim": 1},
        {"aggregator": "distance_filter", "threshold": float("inf")},
        {"aggregator": "private_mean", "clip": 0},
    ],
)
def test_a_recipe_of_a_server_that_is_none_is_refused(recipe):
    with pytest.raises((InvalidInputError, UnknownNameError)):
        check_server(recipe)


def test_krum_that_expects_more_liars_than_the_federation_allows_is_refused(quick):
    small = quick.federation("alike", malicious=1, clients=5)
    with pytest.raises(InvalidInputError, match="tolerated from 0 to 2"):
        run(quick, small, NOTHING, {"aggregator": "krum", "tolerated": 3})


# ------------------------------------------------------------------ judging


def test_too_loud_is_left_out_and_too_quiet_is_outweighed(check):
    loud = check("crash", recipe={"attack": "sign_flip", "scale": 9.0})
    assert not loud.passed
    assert "little of what your two clinics sent" in loud.why
    assert not check("crash", recipe={"attack": "sign_flip", "scale": 2.0}).passed
    assert check("crash", recipe={"attack": "sign_flip", "scale": 5.0}).passed


def test_stealth_needs_to_be_believed_and_to_do_harm(check):
    loud = check("stealth", recipe={"attack": "inner_product", "scale": 8.0, "listens": True})
    assert not loud.passed
    assert "left your clinics out" in loud.why
    honest = check("stealth", recipe=NOTHING)
    assert not honest.passed
    assert check("stealth", recipe={"attack": "inner_product", "scale": 0.6, "listens": True}).passed


def test_a_rule_is_as_good_as_against_what_suits_it_least(check):
    median = check("defend", recipe={"aggregator": "median"})
    assert not median.passed
    assert "small sign in the corner" in median.why
    few = check("defend", recipe={"aggregator": "multi_krum", "tolerated": 2, "kept": 8})
    assert not few.passed
    assert check("defend", recipe={"aggregator": "multi_krum", "tolerated": 3, "kept": 7}).passed


def test_a_minority_is_kept_by_a_threshold_and_not_by_a_number(check):
    counting = check("minority", recipe={"aggregator": "multi_krum", "tolerated": 2, "kept": 8})
    assert not counting.passed
    assert "Nobody at that clinic lied" in counting.why
    open_ = check("minority", recipe={"aggregator": "mean"})
    assert not open_.passed
    assert "malicious clinics were heard" in open_.why
    assert check("minority", recipe={"aggregator": "distance_filter", "threshold": 5.0}).passed


def test_groups_hide_updates_and_a_wrong_claim_costs_the_checkpoint(check):
    right = ["pairs", "proven_length"]
    bare = check("masked", group_size=1, recipe={"aggregator": "median"}, works=right)
    assert not bare.passed
    assert "every update alone" in bare.why
    wrong = check("masked", group_size=2, recipe={"aggregator": "median"}, works=["pairs"])
    assert not wrong.passed
    assert "nobody tells you" in wrong.why
    assert not re.search("proven|fives|krum", wrong.why)
    large = check("masked", group_size=5, recipe={"aggregator": "median"}, works=right)
    assert not large.passed
    assert check("masked", group_size=2, recipe={"aggregator": "median"}, works=right).passed


@pytest.mark.parametrize("works", ["pairs", [1], ["magic"], {"pairs"}])
def test_claims_that_there_are_not_are_refused(works):
    with pytest.raises((InvalidInputError, UnknownNameError)):
        check_works(works)


def test_claims_are_told_apart_by_experiment(case):
    ours = case.federation("alike", malicious=2)
    kept = {name: try_claim(case, ours, name, rounds=5).accuracy[-1] for name in CLAIMS}
    assert {name for name, accuracy in kept.items() if accuracy > 0.5} == {"proven_length", "pairs"}


def test_the_server_reads_a_record_out_of_an_update_and_nothing_out_of_a_masked_one(case):
    seen = seen_by_server(case, case.federation("alike"))
    like = {name: float(correlation(x, seen["record"])) for name, x in seen.items()}
    assert like["plain"] > 0.99
    assert abs(like["masked"]) < 0.5
    assert like["summed"] < 0.9


def test_what_was_handed_in_is_recorded_so_that_it_can_be_measured_again(lab, case):
    handed = {
        "crash": {"recipe": {"attack": "sign_flip"}},
        "stealth": {"recipe": {"attack": "inner_product"}},
        "defend": {"recipe": {"aggregator": "krum"}},
        "minority": {"recipe": {"aggregator": "median"}},
        "masked": {"group_size": 2, "recipe": MEAN, "works": ["pairs"]},
    }
    assert set(handed) == set(RECORDS) == {each.id for each in lab.checkpoints}
    for checkpoint, what in handed.items():
        parameters, kept = RECORDS[checkpoint](case, **what)
        assert json.loads(json.dumps(kept)) == kept
        assert parameters
        again = RECORDS[checkpoint](case, **kept)
        assert again == (parameters, kept)
