"""Explanations of tables, scaffolds and audits: what they leave alone, and what they refuse."""

import numpy as np
import pytest
import torch

from labkit.attacks.explanation import Detector, fit_detector, perturb_like_lime, perturb_like_shap, scaffold
from labkit.core import InvalidInputError, UnknownNameError
from labkit.explain import counterfactual, lime, permutation_importance, plausible, shap, twins
from labkit.metrics import deletion_score, flip_rate, named_first, parity_gap, rank_agreement, stability
from labkit.models import TorchClassifier, build
from tests.unit.victims import linear

EXPLAINERS = (shap, lime)


@pytest.fixture
def x():
    return torch.rand(3, 4, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def background():
    return torch.rand(12, 4, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("explain", EXPLAINERS)
def test_the_global_generator_the_model_and_the_rows_stay_as_they_were(explain, x, background):
    model = linear()
    np.random.seed(5)
    before, kept, rows = np.random.get_state(), x.clone(), background.clone()
    weights = model.module.weight.clone()
    explain(model, x, 1, background=background, samples=30)
    after = np.random.get_state()
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert torch.equal(x, kept)
    assert torch.equal(background, rows)
    assert torch.equal(model.module.weight, weights)
    assert not model.module.weight.requires_grad


@pytest.mark.parametrize("explain", EXPLAINERS)
def test_the_same_seed_explains_alike(explain, x, background):
    first, again = (explain(linear(), x, 1, background=background, samples=12, seed=3) for _ in range(2))
    assert torch.equal(first.values, again.values)
    assert first.method == explain.__name__


def test_an_explanation_can_be_about_the_probability(x, background):
    found = shap(linear(), x, 1, background=background, output="probability")
    gained = linear().logits(x).softmax(1)[:, 1] - linear().logits(background).softmax(1)[:, 1].mean()
    torch.testing.assert_close(found.values.sum(1), gained, atol=1e-4, rtol=1e-4)


def test_without_a_target_the_predicted_class_is_explained(x, background):
    found = shap(linear(), x, background=background)
    assert torch.equal(found.target, linear().logits(x).argmax(1))
    assert (found.completeness_gap < 1e-4).all()


@pytest.mark.parametrize("explain", EXPLAINERS)
def test_what_does_not_fit_is_refused_in_words(explain, x, background):
    image = TorchClassifier(build("cnn", (1, 8, 8), 3), (1, 8, 8), 3)
    with pytest.raises(InvalidInputError, match="explains tables"):
        explain(image, torch.rand(1, 1, 8, 8), background=background)
    with pytest.raises(InvalidInputError, match="one row or more"):
        explain(linear(), x, background=background[:0])
    with pytest.raises(InvalidInputError, match="one row or more"):
        explain(linear(), x, background=background[:, :2])
    with pytest.raises(UnknownNameError, match="output to explain"):
        explain(linear(), x, background=background, output="margin")
    with pytest.raises(InvalidInputError, match="samples"):
        explain(linear(), x, background=background, samples=2)
    with pytest.raises(InvalidInputError):
        explain(linear(), x.double(), background=background)


def test_lime_compares_a_category_with_how_often_others_have_it():
    rows = torch.rand(200, 4, generator=torch.Generator().manual_seed(2))
    rows[:, 0] = (rows[:, 0] < 0.25).float()
    one = rows[rows[:, 0] == 1][:1]
    found = lime(linear(), one, 1, background=rows, categorical=(0,), samples=2000)
    share = float(rows[:, 0].mean())
    assert float(found.values[0, 0]) == pytest.approx(-1.0 * (1 - share), abs=0.03)
    with pytest.raises(InvalidInputError, match="categorical"):
        lime(linear(), one, 1, background=rows, categorical=(7,))


def test_permutation_says_which_column_decides(x):
    lost = permutation_importance(linear(), torch.rand(300, 4), repeats=3)
    assert lost.shape == (3, 4)
    assert int(lost.mean(0).argmax()) == 1
    right = permutation_importance(linear(), x, torch.zeros(3, dtype=torch.int64))
    assert right.abs().max() <= 1
    with pytest.raises(InvalidInputError):
        permutation_importance(linear(), x, torch.zeros(2, dtype=torch.int64))


# ------------------------------------------------------------------ twins


def test_a_twin_differs_in_one_column_and_in_what_is_moved_along():
    rows = torch.tensor([[0.0, 0.2, 1.0], [1.0, 0.4, 0.0]])
    assert torch.equal(twins(rows, 0), torch.tensor([[1.0, 0.2, 1.0], [0.0, 0.4, 0.0]]))
    both = twins(rows, 0, together={2: (0.25, 0.75)})
    assert torch.equal(both, torch.tensor([[1.0, 0.2, 0.75], [0.0, 0.4, 0.25]]))
    assert torch.equal(twins(twins(rows, 0), 0), rows)
    with pytest.raises(InvalidInputError, match="0 or 1 in column 1"):
        twins(rows, 1)
    with pytest.raises(InvalidInputError, match="from 0 to 2"):
        twins(rows, 3)


def test_rows_like_real_ones_are_plausible_and_others_are_not():
    generator = torch.Generator().manual_seed(3)
    real = torch.rand(300, 2, generator=generator).cumsum(1)  # the second is above the first
    assert plausible(torch.rand(100, 2, generator=generator).cumsum(1), real).float().mean() > 0.85
    assert not plausible(torch.tensor([[0.9, 0.0], [0.0, 1.9]]), real).any()
    with pytest.raises(InvalidInputError, match="real rows"):
        plausible(real, real[:4])


def test_flips_are_counted_and_a_gap_has_a_sign():
    rows = torch.tensor([[1.0, 0.0, 0, 0], [0.0, 0.2, 0, 0], [1.0, 0.9, 0, 0], [0.0, 0.0, 0.9, 0]])
    model = linear(bias=-0.1)
    rate = flip_rate(model, rows, twins(rows, 0))
    assert rate.n == 4
    expected = model.logits(rows).argmax(1) != model.logits(twins(rows, 0)).argmax(1)
    assert rate.value == float(expected.float().mean())
    gap = parity_gap(model, rows, rows[:, 0] == 1, target=0)
    assert -1 <= gap <= 1
    assert np.isnan(parity_gap(model, rows, torch.ones(4, dtype=torch.bool)))


def test_who_is_named_first_and_how_rankings_agree():
    values = torch.tensor([[3.0, -1.0, 0.0], [1.0, -2.0, 0.5], [0.0, 0.0, 0.0]])
    assert named_first(values, 0).value == pytest.approx(1 / 3)
    assert named_first(values, 1, first=2).value == pytest.approx(2 / 3)
    torch.testing.assert_close(rank_agreement(values, values), torch.ones(3))
    assert float(rank_agreement(values[:1], values[:1].flip(1))) == pytest.approx(-0.5, abs=0.51)
    with pytest.raises(InvalidInputError, match="NaN"):
        named_first(values / 0, 0)
    with pytest.raises(InvalidInputError, match="two runs"):
        stability(values[None])
    with pytest.raises(InvalidInputError):
        rank_agreement(values, values[:2])


def test_the_curves_want_rows_and_a_background_of_them(x, background):
    found = shap(linear(), x, 1, background=background)
    with pytest.raises(InvalidInputError, match="as many columns"):
        deletion_score(linear(), found, background[:, :2])


# ------------------------------------------------------------------ scaffolds


def test_a_detector_learns_the_questions_of_lime_and_not_those_of_another_explainer():
    generator = torch.Generator().manual_seed(4)
    base = torch.rand(400, 1, generator=generator)
    real = (base + 0.05 * torch.rand(400, 4, generator=generator)).clamp(0, 1)  # columns go together
    found = fit_detector(real, kinds=["lime"], stages=30)
    assert isinstance(found, Detector)
    assert found.recognises(real).float().mean() < 0.05
    assert found.recognises(perturb_like_lime(real, seed=9)).float().mean() > 0.95
    assert torch.equal(found.suspicion(real), fit_detector(real, kinds=["lime"], stages=30).suspicion(real))


def test_what_makes_no_scaffold_is_refused(x):
    with pytest.raises(UnknownNameError, match="explainer"):
        fit_detector(x, kinds=["anchors"])
    with pytest.raises(InvalidInputError, match="one or more"):
        fit_detector(x, kinds=[])
    with pytest.raises(InvalidInputError, match="threshold"):
        Detector(fit_detector(torch.rand(40, 4), stages=2).trees, 1.5)
    with pytest.raises(InvalidInputError, match="same inputs"):
        scaffold(linear(), linear((1.0, 2.0)), lambda rows: rows[:, 0] > 0)
    with pytest.raises(InvalidInputError):
        perturb_like_shap(x.double())


def test_a_counterfactual_that_nobody_offers_is_not_invented():
    model = linear()
    pool = torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    rows = torch.tensor([[0.9, 0.1, 0.0, 0.0]])
    wanted = 1 - int(model.logits(pool).argmax())
    found = counterfactual(model, rows, 1 - wanted, pool=rows)
    assert torch.equal(found.x_hat, rows)
    assert found.found.tolist() == [bool(model.logits(rows).argmax() == 1 - wanted)]
    with pytest.raises(InvalidInputError, match="movable"):
        counterfactual(model, rows, 1, pool=pool, movable=[9])
