"""Laws of explanations of tables, on linear models, where everything can be worked out by hand."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from labkit.attacks.explanation import perturb_like_lime, perturb_like_shap, scaffold
from labkit.core import Attribution, make_generator, predict
from labkit.explain import counterfactual, lime, permutation_importance, shap, twins
from labkit.metrics import (
    completeness_error,
    deletion_score,
    flip_rate,
    insertion_score,
    rank_agreement,
    stability,
)
from labkit.models import TorchClassifier

COLUMNS = 6
seeds = st.integers(0, 2**31)


def linear(seed, scale=3.0):
    module = nn.Linear(COLUMNS, 2)
    generator = make_generator(seed)
    with torch.no_grad():
        for weight in module.parameters():
            weight.normal_(generator=generator).mul_(scale)
    return TorchClassifier(module, (COLUMNS,), 2)


def rows(n, seed):
    return torch.rand(n, COLUMNS, generator=make_generator(seed))


def closed_form(model, x, background, target=1):
    """What every column adds in a linear model: its weight times how far it lies from the mean."""
    return model.module.weight[target].detach() * (x - background.mean(0))


@given(seed=seeds, target=st.integers(0, 1))
@settings(max_examples=15, deadline=None)
def test_shap_of_a_linear_model_is_its_closed_form_and_complete(seed, target):
    model, x, background = linear(seed), rows(3, seed + 1), rows(20, seed + 2)
    found = shap(model, x, target, background=background)
    torch.testing.assert_close(found.values, closed_form(model, x, background, target), atol=1e-4, rtol=1e-4)
    assert found.completeness_gap.max() < 1e-4
    assert completeness_error(model, found, background).max() < 1e-4


@given(seed=seeds)
@settings(max_examples=10, deadline=None)
def test_lime_ranks_the_columns_of_a_linear_model_as_they_count(seed):
    model, x, background = linear(seed), rows(2, seed + 1), rows(200, seed + 2)
    found = lime(model, x, 1, background=background, samples=2000, seed=seed)
    true = closed_form(model, x, background)
    torch.testing.assert_close(found.values, true, atol=0.1, rtol=0.1)
    assert rank_agreement(found.values, true).mean() > 0.9


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_the_true_ranking_beats_a_random_one_in_deletion_and_insertion(seed):
    model, x, background = linear(seed), rows(40, seed + 1), rows(20, seed + 2)
    target = predict(model, x)
    weights = model.module.weight.detach()
    # With two classes a probability follows the difference of the logits, so that is the true ranking.
    true = (weights[target] - weights[1 - target]) * (x - background.mean(0))
    shuffled = torch.rand(true.shape, generator=make_generator(seed + 3))
    right, random = (Attribution(x, values, target, "by hand") for values in (true, shuffled))
    slack = 1e-3
    assert deletion_score(model, right, background).mean() <= (
        deletion_score(model, random, background).mean() + slack
    )
    assert insertion_score(model, right, background).mean() >= (
        insertion_score(model, random, background).mean() - slack
    )


@given(seed=seeds, runs=st.integers(2, 4))
@settings(max_examples=15, deadline=None)
def test_an_explainer_that_repeats_itself_is_perfectly_stable(seed, runs):
    values = rows(5, seed)
    same = values.expand(runs, *values.shape)
    torch.testing.assert_close(stability(same), torch.ones(5))
    torch.testing.assert_close(stability(torch.zeros(runs, 5, COLUMNS)), torch.ones(5))
    assert (stability(torch.stack([values, -values])) == 1).all()  # by size, not by sign
    assert stability(torch.stack([values, rows(5, seed + 1)])).mean() < 1


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_a_column_that_the_model_does_not_use_is_worth_nothing(seed):
    model, x, background = linear(seed), rows(3, seed + 1), rows(20, seed + 2)
    with torch.no_grad():
        model.module.weight[:, 2] = 0
    assert shap(model, x, 1, background=background).values[:, 2].abs().max() < 1e-4
    assert lime(model, x, 1, background=background, samples=300).values[:, 2].abs().max() < 0.05
    assert permutation_importance(model, x, seed=seed)[:, 2].abs().max() == 0
    with_column = x.clone()
    with_column[:, 2] = (x[:, 2] > 0.5).float()
    assert flip_rate(model, with_column, twins(with_column, 2)).value == 0


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_a_counterfactual_changes_the_decision_with_values_that_somebody_has(seed):
    model, x, pool = linear(seed), rows(4, seed + 1), rows(60, seed + 2)
    if len(set(predict(model, pool).tolist())) < 2:
        return
    movable = [0, 1, 3]
    found = counterfactual(model, x, 1, pool=pool, movable=movable)
    assert (predict(model, found.x_hat)[found.found] == 1).all()
    assert torch.equal(found.x_hat[~found.found], x[~found.found])
    assert not found.changed[:, [2, 4, 5]].any()
    for row, column in found.changed.nonzero().tolist():
        assert (pool[:, column] == found.x_hat[row, column]).any()
        put_back = found.x_hat[row].clone()
        put_back[column] = x[row, column]
        assert int(predict(model, put_back[None])) != 1  # every change was needed


@given(seed=seeds)
@settings(max_examples=15, deadline=None)
def test_a_scaffold_answers_each_row_with_one_of_its_two_models(seed):
    one, other, x = linear(seed), linear(seed + 1), rows(30, seed + 2)
    first = scaffold(one, other, lambda rows: rows[:, 0] > 0.5)
    told = x[:, 0] > 0.5
    torch.testing.assert_close(first.logits(x)[told], other.logits(x)[told])
    torch.testing.assert_close(first.logits(x)[~told], one.logits(x)[~told])
    never = scaffold(one, other, lambda rows: torch.zeros(len(rows), dtype=torch.bool))
    assert torch.equal(never.logits(x), one.logits(x))


@given(seed=seeds, copies=st.integers(1, 3))
@settings(max_examples=15, deadline=None)
def test_a_question_of_shap_mixes_two_rows_and_one_of_lime_repeats_categories(seed, copies):
    x, background = rows(10, seed), rows(1, seed + 1)
    mixed = perturb_like_shap(x, background=background, copies=copies, seed=seed)
    assert len(mixed) == copies * 10
    own = mixed == x.repeat(copies, 1)
    assert (own | (mixed == background)).all()
    assert ((own.sum(1) >= 1) & (own.sum(1) < COLUMNS)).all()
    drawn = perturb_like_lime(x.round(), copies=copies, categorical=(0,), seed=seed)
    assert set(drawn[:, 0].tolist()) <= {0.0, 1.0}
    assert torch.equal(drawn, perturb_like_lime(x.round(), copies=copies, categorical=(0,), seed=seed))
