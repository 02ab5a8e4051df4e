"""Gradient-boosted trees, without scikit-learn or pickle at the time of use."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.ensemble import GradientBoostingClassifier

from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier, DifferentiableClassifier, predict
from labkit.core.seeds import derive
from labkit.models import TreeClassifier
from labkit.models.trees import grow_trees


@pytest.fixture(scope="module")
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    data, target = load_digits(return_X_y=True)
    return torch.tensor(data / 16, dtype=torch.float32).view(-1, 1, 8, 8)[:600], torch.tensor(target)[:600]


@pytest.fixture(scope="module")
def forest(digits) -> TreeClassifier:
    x, y = digits
    return grow_trees(x[:400], y[:400], 10, stages=40)


def test_trees_read_handwriting_that_they_have_not_seen(digits, forest):
    x, y = digits
    assert (predict(forest, x[400:]) == y[400:]).float().mean() > 0.7


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_our_predictor_agrees_with_scikit_learn(digits, classes):
    x, y = digits
    x, y = x[y < classes].flatten(1), y[y < classes]
    ours = grow_trees(x, y, classes, stages=4, rate=0.3, seed=5).logits(x)
    settings: dict[str, object] = {
        "init": "zero",
        "n_estimators": 4,
        "learning_rate": 0.3,
        "max_features": "sqrt",
    }
    theirs = GradientBoostingClassifier(
        **settings, subsample=0.7, random_state=derive(5, "trees") % 2**32
    ).fit(x.numpy(), y.numpy())
    np.testing.assert_allclose(ours.softmax(1).numpy(), theirs.predict_proba(x.numpy()), atol=1e-5)


def test_trees_are_a_black_box(forest):
    assert isinstance(forest, Classifier)
    assert not isinstance(forest, DifferentiableClassifier)


def test_large_images_are_averaged_down_first():
    x = torch.zeros(40, 3, 32, 32)
    x[20:, 0, :16] = 1.0
    y = torch.arange(40) // 20
    forest = grow_trees(x, y, 2, stages=2)
    assert torch.equal(predict(forest, x), y)
    assert int(forest.nodes["feature"].max()) < 3 * 8 * 8


def test_an_empty_batch_gives_no_logits(forest):
    assert forest.logits(torch.zeros(0, 1, 8, 8)).shape == (0, 10)


def test_inputs_of_another_shape_are_refused(forest):
    with pytest.raises(InvalidInputError, match="expected x as floats of shape"):
        forest.logits(torch.zeros(1, 64))


def test_a_class_without_a_sample_is_refused():
    with pytest.raises(InvalidInputError, match="expected every class"):
        grow_trees(torch.rand(10, 4), torch.zeros(10, dtype=torch.int64), 2)


@pytest.mark.parametrize("nodes", [{}, {"feature": torch.zeros(1, 1)}])
def test_arrays_that_are_no_forest_are_refused(nodes):
    with pytest.raises(InvalidInputError, match="of one shape"):
        TreeClassifier(nodes, (4,), 2, 3)


def test_trees_of_different_sizes_are_refused(forest):
    nodes = {**forest.nodes, "value": torch.zeros(1, 1)}
    with pytest.raises(InvalidInputError, match="of one shape"):
        TreeClassifier(nodes, (1, 8, 8), 10, 3)
