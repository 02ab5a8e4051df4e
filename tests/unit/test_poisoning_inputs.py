"""Values that no technique of poisoning can use are refused in words, whatever they are."""

import math

import numpy as np
import pytest
import torch

from labkit.attacks import poisoning
from labkit.core import InvalidInputError, Trigger
from labkit.defenses.sanitising import (
    Batch,
    activation_clustering,
    knn_consistency,
    provenance,
    spectral_signatures,
)
from labkit.metrics import detection, trigger_success_rate

X = torch.rand((40, 1, 8, 8), generator=torch.Generator().manual_seed(0))
Y = torch.arange(40) % 10
CORNER = poisoning.patch((1, 8, 8), size=2)
BROKEN = X.clone()
BROKEN[3, 0, 0, 0] = math.nan
NEGATIVE = torch.where(Y == 4, -1, Y)
FLAT = X.flatten(1)
HALF = torch.arange(40) < 20


class Reader:
    """Reads every input as class 1."""

    bounds, input_shape, classes = (0.0, 1.0), (1, 8, 8), 10

    def logits(self, x):
        return torch.nn.functional.one_hot(torch.ones(len(x), dtype=torch.int64), 10).float()


def badnets(x=X, y=Y, **changed):
    settings = {"trigger": CORNER, "y_target": 1, "poison_rate": 0.1}
    return poisoning.badnets(x, y, **{**settings, **changed})


def blended(x=X, y=Y, **changed):
    settings = {"pattern": X[0], "blend_ratio": 0.2, "y_target": 1, "poison_rate": 0.1}
    return poisoning.blended(x, y, **{**settings, **changed})


def label_flip(x=X, y=Y, **changed):
    return poisoning.label_flip(x, y, **{"poison_rate": 0.1, "classes": 10, **changed})


def feature_collision(x=X, y=Y, **changed):
    settings = {
        "features": lambda v: v.flatten(1),
        "x_target": X[:1],
        "y_target": 1,
        "poison_rate": 0.05,
        "epsilon": 0.1,
        "steps": 2,
    }
    return poisoning.feature_collision(x, y, **{**settings, **changed})


def patch(**changed):
    return poisoning.patch((1, 8, 8), **changed)


def knn(features=FLAT, y=Y, **changed):
    return knn_consistency(features, y, **changed)


def spectral(features=FLAT, y=Y, **changed):
    return spectral_signatures(features, y, **changed)


def clusters(features=FLAT, y=Y, **changed):
    return activation_clustering(features, y, **changed)


def vouch(x=X, y=Y, indices=None):
    where = torch.arange(40) if indices is None else indices
    return provenance(x, y, [Batch("the batch", "own", where)], {})


def success(**changed):
    return trigger_success_rate(Reader(), X, Y, **{"trigger": CORNER, "y_target": 1, **changed})


def found(remove=HALF, poisoned=HALF, scores=None):
    return detection(remove, poisoned, scores)


CASES = [
    *(
        (attack, {"x": BROKEN}, "x without NaN")
        for attack in (badnets, blended, label_flip, feature_collision)
    ),
    *((attack, {"y": NEGATIVE}, "labels from 0 up") for attack in (badnets, blended, label_flip)),
    *(
        (attack, {"x": X.numpy()}, "as_tensor")
        for attack in (badnets, blended, label_flip, feature_collision)
    ),
    *(
        (attack, {"y": Y.numpy()}, "as_tensor")
        for attack in (badnets, blended, label_flip, feature_collision)
    ),
    *((attack, {"y_target": 99}, "0 to 9") for attack in (badnets, blended, label_flip, feature_collision)),
    *((attack, {"y_target": "one"}, "y_target") for attack in (badnets, blended, label_flip)),
    (badnets, {"x": torch.zeros(40)}, "shape"),
    (badnets, {"trigger": np.ones((1, 8, 8))}, "Trigger"),
    (label_flip, {"classes": 8}, "0 to 7, got 9"),
    (label_flip, {"y_source": 10}, "y_source from 0 to 9"),
    (blended, {"blend_ratio": "a"}, "blend_ratio"),
    (blended, {"blend_ratio": math.nan}, "blend_ratio"),
    (blended, {"blend_ratio": None}, "blend_ratio"),
    (blended, {"pattern": np.ones((1, 8, 8), dtype="float32")}, "pattern"),
    (blended, {"pattern": torch.full((1, 8, 8), math.inf)}, "pattern"),
    (blended, {"pattern": torch.ones(1, 8, 8, dtype=torch.int64)}, "pattern"),
    (feature_collision, {"x_target": torch.full((1, 1, 8, 8), math.nan)}, "x_target without NaN"),
    (feature_collision, {"x_target": X[:1].double()}, "x_target of torch.float32"),
    (feature_collision, {"x_target": X[:1].numpy()}, "x_target as a tensor"),
    (feature_collision, {"x_target": X[:0]}, "x_target of shape"),
    (feature_collision, {"pull": math.nan}, "pull"),
    (feature_collision, {"pull": -0.1}, "pull"),
    (feature_collision, {"pull": "a"}, "pull"),
    (feature_collision, {"bounds": (1.0, 0.0)}, "bounds"),
    (feature_collision, {"bounds": (0.0, math.nan)}, "bounds"),
    (feature_collision, {"bounds": 1.0}, "bounds"),
    (feature_collision, {"bounds": ("a", "b")}, "bounds"),
    (patch, {"size": 2.5}, "size as a whole number"),
    (patch, {"size": "2"}, "size as a whole number"),
    (patch, {"top": 1.5}, "top as a whole number"),
    (patch, {"left": None}, "left as a whole number"),
    (patch, {"value": 5.0}, "value from 0 to 1"),
    (patch, {"value": math.nan}, "value from 0 to 1"),
    (patch, {"value": "white"}, "value"),
    (patch, {"value": [1.0, 1.0]}, "value as a number"),
    (success, {"y_target": 99}, "y_target from 0 to 9"),
    (success, {"y_target": 1.5}, "y_target"),
    (found, {"scores": torch.full((40,), math.nan)}, "scores without NaN"),
    (found, {"scores": [0.0] * 40}, "scores as a tensor"),
    (found, {"scores": torch.zeros(3)}, "40 scores"),
    (found, {"remove": HALF.numpy()}, "remove as a tensor"),
    (knn, {"features": FLAT.numpy()}, "features as a tensor"),
    (knn, {"y": Y.tolist()}, "y as a tensor"),
    (knn, {"trusted": (torch.rand(30, 5), torch.zeros(30, dtype=torch.int64))}, "64 values each"),
    (knn, {"trusted": torch.rand(30, 5)}, "pair"),
    (knn, {"threshold": "a"}, "threshold"),
    (spectral, {"threshold": "a"}, "threshold"),
    (spectral, {"threshold": math.nan}, "threshold"),
    (spectral, {"features": FLAT.numpy()}, "features as a tensor"),
    (clusters, {"features": FLAT.numpy()}, "features as a tensor"),
    (clusters, {"components": 1.5}, "components"),
    (vouch, {"indices": [0, 1, 2]}, "indices as a tensor"),
    (vouch, {"indices": torch.tensor([0.0, 1.0])}, "indices of batch 'the batch' as int64"),
    (vouch, {"indices": torch.tensor([[0, 1]])}, "indices of batch 'the batch' as int64"),
    (vouch, {"indices": torch.tensor([0, 40])}, "outside 0 to 39"),
    (vouch, {"indices": torch.tensor([5, 5])}, "twice"),
    (vouch, {"x": X[:30]}, "30 samples and 40 labels"),
    (vouch, {"x": X.numpy()}, "x as a tensor"),
]


@pytest.mark.parametrize(("function", "changed", "said"), CASES)
def test_what_cannot_be_used_is_refused_with_a_reason(function, changed, said):
    with pytest.raises(InvalidInputError, match=said):
        function(**changed)


@pytest.mark.parametrize(
    "function",
    [badnets, blended, label_flip, feature_collision, patch, success, found, knn, spectral, clusters],
)
def test_the_same_calls_with_usable_values_work(function):
    assert function() is not None


def test_a_patch_may_have_any_value_within_the_bounds_of_the_inputs():
    assert float(patch(value=5.0, bounds=(0.0, 16.0)).pattern.max()) == 5


def test_a_trigger_is_applied_to_tensors_only():
    with pytest.raises(InvalidInputError, match="x as a tensor"):
        CORNER.apply(X.numpy())
    with pytest.raises(InvalidInputError, match="mask"):
        Trigger(mask=np.ones((1, 8, 8)), pattern=np.ones((1, 8, 8)))
