"""Laws of the measures of fairness and of the repairs, over data that hypothesis draws."""

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from labkit.attacks.poisoning import group_label_flip
from labkit.defenses.fairness import repair_thresholds, reweigh
from labkit.metrics import (
    calibration_gap,
    demographic_parity,
    equal_opportunity,
    equalised_odds,
    false_positive_rate_at,
    predictive_parity,
)

QUICK = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 2**31)
sizes = st.integers(20, 200)


def people(n, seed):
    """Scores without ties, outcomes, groups; both groups and both outcomes occur in each other."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randperm(n, generator=generator).double() / n
    group = (torch.rand(n, generator=generator) < 0.4).long()
    y = (torch.rand(n, generator=generator) < 0.3 + 0.4 * scores).long()
    group[:4], y[:4] = torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 0, 1])
    return scores, y, group


def gaps(said, y, group):
    odds = equalised_odds(said, y, group, resamples=100)
    return {
        "demographic parity": demographic_parity(said, group),
        "equal opportunity": equal_opportunity(said, y, group),
        "false positives": odds.false_positive,
        "predictive parity": predictive_parity(said, y, group),
    }


@QUICK
@given(n=sizes, seed=seeds, answer=st.booleans())
def test_who_answers_everybody_alike_has_parity(n, seed, answer):
    _, y, group = people(n, seed)
    said = torch.full((n,), answer)
    assert demographic_parity(said, group).value == 0
    assert equal_opportunity(said, y, group).value == 0
    assert equalised_odds(said, y, group, resamples=100).value == 0


@QUICK
@given(n=sizes, seed=seeds, threshold=st.floats(0.1, 0.9))
def test_renaming_the_groups_turns_every_sign_and_its_interval(n, seed, threshold):
    scores, y, group = people(n, seed)
    said = scores >= threshold
    for name, gap in gaps(said, y, group).items():
        other = gaps(said, y, 1 - group)[name]
        if gap.value == gap.value:
            assert other.value == pytest.approx(-gap.value)
            assert (other.low, other.high) == pytest.approx((-gap.high, -gap.low))
            assert gap.low <= gap.value <= gap.high
            assert gap.low >= -1 - 1e-9
            assert gap.high <= 1 + 1e-9
    one, two = (calibration_gap(scores, y, each) for each in (group, 1 - group))
    assert one.value == pytest.approx(-two.value)


@QUICK
@given(n=sizes, seed=seeds)
def test_reweighing_makes_group_and_outcome_independent_exactly(n, seed):
    _, y, group = people(n, seed)
    weight = reweigh(y, group)
    assert float(weight.sum()) == pytest.approx(n)
    assert float(weight.min()) > 0
    for member in (0, 1):
        mine = group == member
        assert float(weight[mine].sum()) == pytest.approx(int(mine.sum()))
        share = float(weight[mine & (y == 1)].sum() / weight[mine].sum())
        assert share == pytest.approx(float((y == 1).double().mean()))


@QUICK
@given(n=sizes, seed=seeds, rate=st.floats(0, 1))
def test_thresholds_reach_the_share_within_one_person(n, seed, rate):
    scores, y, group = people(n, seed)
    counted = {
        "demographic_parity": torch.ones(n, dtype=torch.bool),
        "equal_opportunity": y == 1,
        "predictive_equality": y == 0,
    }
    for target, among in counted.items():
        found = repair_thresholds(scores, group, y=y, target=target, rate=rate)
        said = found.decide(scores, group)
        for member in (0, 1):
            mine = among & (group == member)
            assert abs(int(said[mine].sum()) - rate * int(mine.sum())) <= 0.5 + 1e-9, target


@QUICK
@given(n=sizes, seed=seeds, threshold=st.floats(0.1, 0.9))
def test_what_rates_of_a_group_imply_about_each_other_is_what_is_counted(n, seed, threshold):
    scores, y, group = people(n, seed)
    said = scores >= threshold
    for member in (0, 1):
        mine = group == member
        right, wrong = mine & (y == 1), mine & (y == 0)
        assume(bool((said & right).any()))
        found = false_positive_rate_at(
            float((y[mine] == 1).double().mean()),
            precision=float((y[said & mine] == 1).double().mean()),
            true_positive_rate=float(said[right].double().mean()),
        )
        assert found == pytest.approx(float(said[wrong].double().mean()))


@QUICK
@given(
    base=st.floats(0.05, 0.9),
    more=st.floats(0.02, 0.5),
    precision=st.floats(0.05, 0.98),
    right=st.floats(0.05, 1),
)
def test_with_other_base_rates_precision_and_both_error_rates_are_never_all_equal(
    base, more, precision, right
):
    other = min(0.95, base + more)
    assume(other - base > 0.01)
    one, two = (
        false_positive_rate_at(each, precision=precision, true_positive_rate=right) for each in (base, other)
    )
    assert two > one
    # Only who never errs escapes.
    assert false_positive_rate_at(base, precision=1.0, true_positive_rate=1.0) == 0
    assert false_positive_rate_at(other, precision=1.0, true_positive_rate=1.0) == 0


@QUICK
@given(n=sizes, seed=seeds, rate=st.floats(0, 0.1), source=st.integers(0, 1))
def test_the_attack_turns_outcomes_of_its_group_and_nothing_else(n, seed, rate, source):
    scores, y, group = people(n, seed)
    x = torch.stack([scores, group.double()], 1).float()
    assume(int(((group == 1) & (y == source)).sum()) >= rate * n)
    for choose in ("random", "boundary", "influence"):
        settings_ = {"poison_rate": rate, "y_source": source, "y_target": 1 - source, "choose": choose}
        made = group_label_flip(x, y, group=group, seed=seed, **settings_)
        again = group_label_flip(x, y, group=group, seed=seed, **settings_)
        assert torch.equal(made.y_poisoned, again.y_poisoned)
        assert torch.equal(made.y_poisoned != y, made.poisoned)
        assert bool((group[made.indices] == 1).all())
        assert bool((y[made.indices] == source).all())
