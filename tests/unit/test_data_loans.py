"""Loan applications: the causal structure holds exactly, world by world."""

import numpy as np
import pytest

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.data.loans import FEATURES, GRAPH, OUTCOME, PROTECTED, Town, applications, descendants


def _changed(one, other):
    return {name for name in GRAPH if (one[name] != other[name]).any()}


@pytest.mark.parametrize("name", [name for name in GRAPH if name != OUTCOME])
def test_setting_a_value_changes_it_and_what_depends_on_it_and_nothing_else(name):
    natural = applications(2000, seed=3)
    low, high = (float(np.quantile(natural[name], share)) for share in (0.02, 0.98))
    worlds = [applications(2000, seed=3, do={name: value}) for value in (low, high)]
    changed = _changed(*worlds)
    assert name in changed
    assert changed <= {name} | descendants(name)
    for parents_child in (child for child, parents in GRAPH.items() if name in parents):
        assert parents_child in changed


def test_setting_what_is_so_already_changes_nothing():
    natural = applications(500, seed=1)
    same = applications(500, seed=1, do={"group": 1})
    members = natural["group"] == 1
    for name in GRAPH:
        assert (natural[name][members] == same[name][members]).all()


def test_the_group_has_no_arrow_to_the_outcome_and_none_through_the_district():
    assert PROTECTED not in GRAPH[OUTCOME]
    assert "district" not in GRAPH[OUTCOME]
    fixed = {name: float(np.median(applications(500)[name])) for name in GRAPH[OUTCOME]}
    worlds = [applications(500, do={**fixed, "group": group}) for group in (0, 1)]
    assert (worlds[0][OUTCOME] == worlds[1][OUTCOME]).all()


def test_the_district_gives_the_group_away():
    drawn = applications(20_000, seed=5)
    inside = drawn["group"][drawn["district"] == 1].mean()
    outside = drawn["group"][drawn["district"] == 0].mean()
    # Bayes' rule on the shares that the structure states: .4, .75 and .2.
    assert inside == pytest.approx(0.3 / 0.42, abs=0.02)
    assert outside == pytest.approx(0.1 / 0.58, abs=0.02)


def test_the_first_applicants_do_not_depend_on_how_many_are_drawn():
    few, many = applications(10, seed=2), applications(1000, seed=2)
    assert all((few[name] == many[name][:10]).all() for name in GRAPH)
    other = applications(10, seed=2, split="test")
    assert (few["income"] != other["income"]).any()


def test_every_value_stays_within_what_the_card_says():
    from labkit import data

    drawn = applications(20_000, seed=9)
    for feature in data.find_card("loans").features:
        assert feature.name in FEATURES
        assert drawn[feature.name].min() >= feature.low
        assert drawn[feature.name].max() <= feature.high


def test_what_cannot_be_drawn_is_refused_with_what_can():
    with pytest.raises(InvalidInputError, match="got 0"):
        applications(0)
    with pytest.raises(UnknownNameError, match="Known: test, train"):
        applications(1, split="valid")
    with pytest.raises(UnknownNameError, match="'incom'"):
        applications(1, do={"incom": 1.0})


def test_the_bundled_town_is_the_one_that_holds_when_none_is_named():
    plain, named = applications(500, seed=2), applications(500, seed=2, town=Town())
    assert all((plain[name] == named[name]).all() for name in GRAPH)


def test_another_town_changes_what_follows_from_it_and_nothing_else():
    plain = applications(2000, seed=3)
    poorer = applications(2000, seed=3, town=Town(income_gap=0.8))
    changed = _changed(plain, poorer)
    assert {"income", "savings", "amount", "repaid"} <= changed <= {"income"} | descendants("income")
    members = plain["group"] == 0
    assert all((plain[name][members] == poorer[name][members]).all() for name in GRAPH)
    apart = applications(2000, seed=3, town=Town(district_shares=(0.0, 1.0)))
    assert _changed(plain, apart) == {"district"}
    assert (apart["district"] == apart["group"]).all()


@pytest.mark.parametrize("settings", [{"income_gap": float("nan")}, {"district_shares": (0.2, 1.2)}])
def test_a_town_that_cannot_be_is_refused(settings):
    with pytest.raises(InvalidInputError):
        Town(**settings)
