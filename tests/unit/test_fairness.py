"""Measures of fairness and repairs, by hand and against others' implementations."""

import math

import numpy as np
import pytest
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from labkit.attacks.poisoning import group_label_flip
from labkit.core import InvalidInputError, UnknownNameError
from labkit.course.cases.fairness.applicants import draw
from labkit.data.loans import Town
from labkit.defenses.fairness import TARGETS, GroupThresholds, repair_thresholds, reweigh
from labkit.metrics import (
    Gap,
    Rate,
    calibration_gap,
    calibration_within_groups,
    demographic_parity,
    equal_opportunity,
    equalised_odds,
    false_positive_rate_at,
    predictive_parity,
)
from labkit.models import fit_logistic


@pytest.fixture(scope="module")
def people():
    return draw(3000, Town(income_gap=0.6), 4, "test")


@pytest.fixture(scope="module")
def model(people):
    return fit_logistic(people.x, people.y)


@pytest.fixture(scope="module")
def scores(people, model):
    return model.logits(people.x).double().softmax(1)[:, 1]


@pytest.fixture(scope="module")
def decisions(scores):
    return scores >= 0.5


# ten people: decisions, outcomes, groups
SAID = torch.tensor([1, 1, 1, 0, 0, 1, 0, 0, 0, 1], dtype=torch.bool)
TRUE = torch.tensor([1, 1, 0, 0, 1, 1, 1, 0, 0, 0])
WHO = torch.tensor([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])


def test_the_measures_are_what_one_counts_by_hand():
    assert demographic_parity(SAID, WHO).value == pytest.approx(3 / 5 - 2 / 5)
    assert equal_opportunity(SAID, TRUE, WHO).value == pytest.approx(2 / 3 - 1 / 2)
    assert predictive_parity(SAID, TRUE, WHO).value == pytest.approx(2 / 3 - 1 / 2)
    odds = equalised_odds(SAID, TRUE, WHO)
    assert odds.false_positive.value == pytest.approx(1 / 2 - 1 / 3)
    assert odds.value == pytest.approx(1 / 6)
    assert odds.low <= odds.value <= odds.high


def test_the_interval_of_newcombe_is_the_one_that_is_printed_in_the_paper():
    # Newcombe 1998, table II, row (a) 56/70 - 48/80: 0.0524 to 0.3339 by method 10
    hits = [torch.arange(n) < k for k, n in ((56, 70), (48, 80))]
    gap = Gap.between(*(Rate.of(each) for each in hits))
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.2, 0.0524, 0.3339), abs=1e-4)
    assert gap.excludes_zero


def test_nobody_to_count_is_said_and_no_number_is_made_up():
    alone = torch.zeros(5, dtype=torch.int64)
    gap = demographic_parity(SAID[:5], alone)
    assert math.isnan(gap.value)
    assert (gap.low, gap.high) == (-1.0, 1.0)
    assert "nobody" in str(gap)
    assert math.isnan(equalised_odds(SAID[:5], TRUE[:5], alone).value)
    assert math.isnan(calibration_gap(torch.full((5,), 0.5), TRUE[:5], alone).value)


def test_the_measures_agree_with_those_of_fairlearn(people, decisions):
    theirs = pytest.importorskip("fairlearn.metrics")
    y, said, group = (each.numpy() for each in (people.y, decisions.long(), people.group))
    common = {"y_true": y, "y_pred": said, "sensitive_features": group}
    assert abs(demographic_parity(decisions, people.group).value) == pytest.approx(
        theirs.demographic_parity_difference(**common)
    )
    assert equalised_odds(decisions, people.y, people.group).value == pytest.approx(
        theirs.equalized_odds_difference(**common)
    )
    assert abs(equal_opportunity(decisions, people.y, people.group).value) == pytest.approx(
        theirs.equal_opportunity_difference(**common)
    )


def test_thresholds_agree_with_the_optimiser_of_fairlearn(people, scores):
    post = pytest.importorskip("fairlearn.postprocessing")

    class Fixed(ClassifierMixin, BaseEstimator):
        """A model that is trained already, as fairlearn takes it: it hands scores on."""

        classes_ = np.array([0, 1])

        def fit(self, x, y):
            return self

        def __sklearn_is_fitted__(self):
            return True

        def predict(self, x):
            return x[:, 0]

    theirs = post.ThresholdOptimizer(
        estimator=Fixed(), constraints="demographic_parity", objective="accuracy_score", prefit=True
    )
    x, y, group = scores.numpy()[:, None], people.y.numpy(), people.group.numpy()
    theirs.fit(x, y, sensitive_features=group)
    said = theirs.predict(x, sensitive_features=group, random_state=0)
    # At the share that their search found on its grid, ours decides as they do, but for their lots.
    ours = repair_thresholds(scores, people.group, rate=float(said.mean())).decide(scores, people.group)
    assert float((ours.numpy() == said.astype(bool)).mean()) > 0.96
    assert float((ours == (people.y == 1)).double().mean()) == pytest.approx((said == y).mean(), abs=0.01)


def test_the_bootstrap_holds_the_true_odds_about_as_often_as_it_says():
    held = 0
    for seed in range(60):
        generator = torch.Generator().manual_seed(seed)
        group = (torch.rand(800, generator=generator) < 0.4).long()
        y = (torch.rand(800, generator=generator) < 0.6).long()
        chance = torch.where(y == 1, 0.8 - 0.2 * group, 0.3 - 0.05 * group)
        odds = equalised_odds(torch.rand(800, generator=generator) < chance, y, group, seed=seed)
        held += odds.low <= 0.2 <= odds.high
    assert 53 <= held <= 60


def test_a_fitted_model_is_calibrated_in_its_own_groups_by_the_bins(people, scores):
    found = calibration_within_groups(scores, people.y, people.group, bins=4)
    assert sum(each.rate.n for each in found) == len(people)
    for each in found:
        assert each.low <= each.score <= each.high
        assert each.rate.low - 0.05 <= each.score <= each.rate.high + 0.05


def test_turned_outcomes_lie_beside_trusted_scores_and_true_differences_do_not():
    checked = draw(4000, Town(), 1, "checked")
    trusted = fit_logistic(checked.x, checked.y)
    poorer = draw(2000, Town(income_gap=0.8), 2, "poorer")
    made = group_label_flip(poorer.x, poorer.y, group=poorer.group, poison_rate=0.08, seed=1)
    scores = trusted.logits(poorer.x).double().softmax(1)[:, 1]
    assert abs(demographic_parity(poorer.y == 1, poorer.group).value) > 0.08
    assert abs(calibration_gap(scores, poorer.y, poorer.group).value) < 0.06
    after = calibration_gap(scores, made.y_poisoned, poorer.group)
    assert after.low > 0.1


def test_the_false_positive_rate_follows_from_the_three_others(people, decisions):
    for member in (0, 1):
        mine = people.group == member
        y, said = people.y[mine] == 1, decisions[mine]
        found = false_positive_rate_at(
            float(y.double().mean()),
            precision=float(y[said].double().mean()),
            true_positive_rate=float(said[y].double().mean()),
        )
        assert found == pytest.approx(float(said[~y].double().mean()))


# ------------------------------------------------------------------ the model, the attack, the repairs


@pytest.mark.parametrize("weighted", [False, True])
def test_the_logistic_regression_is_that_of_scikit_learn(people, weighted):
    weight = reweigh(people.y, people.group) if weighted else None
    decay = 1e-3
    ours = fit_logistic(people.x, people.y, sample_weight=weight, weight_decay=decay)
    theirs = LogisticRegression(C=1 / (decay * len(people)), tol=1e-10, max_iter=5000).fit(
        people.x.numpy().astype(float),
        people.y.numpy(),
        sample_weight=None if weight is None else weight.numpy(),
    )
    expected = theirs.predict_proba(people.x.numpy().astype(float))[:, 1]
    np.testing.assert_allclose(ours.logits(people.x).softmax(1)[:, 1].numpy(), expected, atol=2e-4)


def test_data_that_can_be_told_apart_have_one_answer_and_one_class_has_none():
    x = torch.linspace(0, 1, 20)[:, None]
    found = fit_logistic(x, (x[:, 0] > 0.5).long())
    assert bool(found.logits(x).isfinite().all())
    with pytest.raises(InvalidInputError, match="both classes"):
        fit_logistic(x, torch.zeros(20, dtype=torch.int64))
    with pytest.raises(InvalidInputError, match="weight_decay"):
        fit_logistic(x, (x[:, 0] > 0.5).long(), weight_decay=0)
    with pytest.raises(InvalidInputError, match="sample_weight"):
        fit_logistic(x, (x[:, 0] > 0.5).long(), sample_weight=torch.full((20,), -1.0))


def test_the_fit_leaves_the_generator_of_torch_alone(people):
    before = torch.random.get_rng_state()
    fit_logistic(people.x, people.y)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("choose", ["random", "boundary", "influence"])
def test_only_members_with_the_label_are_turned_and_the_gap_opens(people, choose):
    made = group_label_flip(people.x, people.y, group=people.district, poison_rate=0.1, choose=choose)
    assert len(made.indices) == 300
    assert set(people.district[made.indices].tolist()) == {1}
    assert set(people.y[made.indices].tolist()) == {1}
    gaps = [
        demographic_parity(fit_logistic(people.x, y).logits(people.x).argmax(1) == 1, people.district).value
        for y in (people.y, made.y_poisoned)
    ]
    assert gaps[1] > gaps[0] + 0.1


def test_influence_opens_the_gap_of_the_scores_further_than_chance(people):
    def gap(choose):
        made = group_label_flip(
            people.x, people.y, group=people.group, poison_rate=0.05, choose=choose, seed=3
        )
        scores = fit_logistic(people.x, made.y_poisoned).logits(people.x).softmax(1)[:, 1]
        return float(scores[people.group == 0].mean() - scores[people.group == 1].mean())

    assert gap("influence") > gap("random")
    assert gap("influence") > gap("boundary")


def test_the_boundary_is_that_of_the_model_that_is_handed_in(people, model):
    made = group_label_flip(people.x, people.y, group=people.group, poison_rate=0.02, surrogate=model)
    margin = model.logits(people.x).diff(dim=1).flatten().abs()
    eligible = (people.group == 1) & (people.y == 1)
    rest = eligible & ~made.poisoned
    assert float(margin[made.indices].max()) <= float(margin[rest].min()) + 1e-5


def test_the_attack_says_what_it_expected():
    x, y, group = torch.rand(20, 2), torch.arange(20) % 2, torch.arange(20) // 10
    common = {"group": group, "poison_rate": 0.1}
    with pytest.raises(UnknownNameError, match="way to choose"):
        group_label_flip(x, y, choose="worst", **common)
    with pytest.raises(InvalidInputError, match="differ"):
        group_label_flip(x, y, y_source=1, y_target=1, **common)
    with pytest.raises(InvalidInputError, match="lower poison_rate"):
        group_label_flip(x, y, group=group, poison_rate=0.5)
    with pytest.raises(InvalidInputError, match="group as int64"):
        group_label_flip(x, y, group=group.float(), poison_rate=0.1)
    with pytest.raises(InvalidInputError, match="another group"):
        group_label_flip(x, y, group=torch.ones_like(y), poison_rate=0.1, choose="influence")


def test_thresholds_for_predictive_parity_leave_no_group_below_the_share(people, scores):
    found = repair_thresholds(scores, people.group, y=people.y, target="predictive_parity", rate=0.8)
    said = found.decide(scores, people.group)
    for member in (0, 1):
        mine = said & (people.group == member)
        assert float(people.y[mine].double().mean()) >= 0.8


def test_thresholds_say_what_they_expected(people, scores):
    with pytest.raises(UnknownNameError, match="target of thresholds"):
        repair_thresholds(scores, people.group, target="justice")
    with pytest.raises(InvalidInputError, match="expected y"):
        repair_thresholds(scores, people.group, target="equal_opportunity")
    with pytest.raises(InvalidInputError, match="rate as a share"):
        repair_thresholds(scores, people.group, rate=1.5)
    with pytest.raises(InvalidInputError, match="got none"):
        repair_thresholds(scores, people.group, y=(people.group == 0).long(), target="equal_opportunity")
    with pytest.raises(InvalidInputError, match="no threshold was set"):
        GroupThresholds("demographic_parity", {0: 0.5}).decide(scores, people.group)


def test_nobody_gets_a_yes_at_a_share_of_nothing(people, scores):
    found = repair_thresholds(scores, people.group, rate=0.0)
    assert not bool(found.decide(scores, people.group).any())


def test_reweighing_needs_every_class_in_every_group():
    with pytest.raises(InvalidInputError, match="every class in every group"):
        reweigh(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]))
    with pytest.raises(InvalidInputError, match="one label or more"):
        reweigh(torch.zeros(0, dtype=torch.int64), torch.zeros(0, dtype=torch.int64))


@pytest.mark.parametrize("measure", [equal_opportunity, predictive_parity, equalised_odds])
def test_measures_say_what_they_expected(measure):
    with pytest.raises(InvalidInputError, match="True and False"):
        measure(SAID.long(), TRUE, WHO)
    with pytest.raises(InvalidInputError, match="group"):
        measure(SAID, TRUE, WHO + 1)
    with pytest.raises(InvalidInputError, match="y as whole numbers"):
        measure(SAID, TRUE.float(), WHO)


def test_scores_have_to_be_probabilities():
    with pytest.raises(InvalidInputError, match="probabilities"):
        calibration_within_groups(torch.full((10,), 1.5), TRUE, WHO)
    with pytest.raises(InvalidInputError, match="base rate"):
        false_positive_rate_at(1.0, precision=0.5, true_positive_rate=0.5)


def test_every_target_of_thresholds_is_explained():
    assert len(set(TARGETS.values())) == len(TARGETS) == 4
