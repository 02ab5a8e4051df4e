"""What the techniques of inversion and of privacy refuse: one table, and a message that helps."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from labkit import data
from labkit.attacks.inversion import (
    fit_prior,
    infer_labels,
    invert_class,
    invert_linear,
    match_gradients,
    search_class,
)
from labkit.core import InvalidInputError, Reconstruction
from labkit.course.cases.inversion.protections import Protection
from labkit.defenses.privacy import client_update, private_training, public_head
from labkit.metrics import match_within_classes, psnr, re_identification, ssim
from labkit.models import TorchClassifier, build

DIGITS = data.load("digits")
X, Y = DIGITS.train.x[:4], DIGITS.train.y[:4]
MODEL = TorchClassifier(build("mlp", (1, 8, 8), 10, seed=1).requires_grad_(False), (1, 8, 8), 10)
PRIOR = fit_prior(DIGITS.test.x, 20)
HEAD = TorchClassifier(public_head(PRIOR.mean, PRIOR.components, PRIOR.scales, 10), (1, 8, 8), 10)
SENT = client_update(MODEL.module, X, Y).gradients
HEAD_SENT = client_update(HEAD.module, X[:1], Y[:1]).gradients
ONE = torch.tensor([1])
FAR = fit_prior(torch.rand(30, 3, 8, 8, generator=torch.Generator().manual_seed(0)), 5)


def with_nan(x):
    x = x.clone()
    x[0, 0, 0, 0] = math.nan
    return x


def sent_with_nan(name):
    return {key: part * (math.nan if key == name else 1.0) for key, part in SENT.items()}


def update(x=X, y=Y, **settings):
    return client_update(MODEL.module, x, y, **settings)


def training(x=X, y=Y, **changes):
    settings = {"clip": 1.0, "noise_multiplier": 0.1, "batch_size": 2, "epochs": 1, **changes}
    return private_training(MODEL.module, x, y, **settings)


def match(**settings):
    return match_gradients(MODEL, SENT, batch_size=4, **{"steps": 1, **settings})


LAST_BIAS = list(SENT)[-1]
REFUSED = {
    "prior of NaN": (lambda: fit_prior(with_nan(X), 2), "NaN or infinity"),
    "prior of whole numbers": (lambda: fit_prior((X * 16).long(), 2), "32 bits"),
    "prior of doubles": (lambda: fit_prior(X.double(), 2), "x.float"),
    "prior of a list": (lambda: fit_prior(X.tolist(), 2), "as a tensor"),
    "prior of a vector": (lambda: fit_prior(X.flatten(), 2), "axes"),
    "prior with bounds turned round": (lambda: fit_prior(X, 2, bounds=(1.0, 0.0)), "smaller first"),
    "prior with one bound": (lambda: fit_prior(X, 2, bounds=1.0), "smaller first"),
    "prior with a bound of NaN": (lambda: fit_prior(X, 2, bounds=(math.nan, 1.0)), "smaller first"),
    "update on NaN": (lambda: update(with_nan(X)), "NaN or infinity"),
    "update on doubles": (lambda: update(X.double()), "x.float"),
    "update on another shape": (lambda: update(X[:, :, :4]), "shape that the model takes"),
    "update on nothing": (lambda: update(X[:0], Y[:0]), "one record or more"),
    "update with an unknown class": (lambda: update(y=torch.tensor([0, 1, 2, 10])), "from 0 to 9"),
    "update with a negative class": (lambda: update(y=torch.tensor([0, 1, 2, -100])), "from 0"),
    "update with int32": (lambda: update(y=Y.int()), "int64"),
    "update with floats for classes": (lambda: update(y=Y.float()), "int64"),
    "update with too few classes": (lambda: update(y=Y[:3]), "one class for each record"),
    "update with an unknown class and a clip": (
        lambda: update(y=torch.tensor([0, 1, 2, 10]), clip=1.0),
        "from 0 to 9",
    ),
    "update with a clip of NaN": (lambda: update(clip=math.nan), "clip"),
    "training on NaN": (lambda: training(with_nan(X)), "NaN or infinity"),
    "training on doubles": (lambda: training(X.double()), "x.float"),
    "training on another shape": (lambda: training(X[:, :, :4]), "shape that the model takes"),
    "training with an unknown class": (lambda: training(y=torch.tensor([0, 1, 2, 10])), "from 0 to 9"),
    "training with int32": (lambda: training(y=Y.int()), "int64"),
    "training with a batch too large": (lambda: training(batch_size=5), "at most 4"),
    "training with noise and no clip": (lambda: training(clip=None), "clip > 0"),
    "training with a rate of zero": (lambda: training(lr=0.0), "lr > 0"),
    "training with bounds turned round": (lambda: training(bounds=(1.0, 0.0)), "smaller first"),
    "psnr without a span": (lambda: psnr(X, X, span=0.0), "span > 0"),
    "ssim with a span of NaN": (lambda: ssim(X, X, span=math.nan), "span > 0"),
    "recognition with one class for all": (lambda: re_identification(MODEL, X, ONE), r"shape \(4,\)"),
    "recognition with floats": (lambda: re_identification(MODEL, X, Y.float()), "int64"),
    "matching with floats": (lambda: match_within_classes(X, X, Y.float()), "int64"),
    "climb with a step back": (lambda: invert_class(MODEL, ONE, step_size=-1.0), "step_size > 0"),
    "climb with a step of NaN": (lambda: invert_class(MODEL, ONE, step_size=math.nan), "step_size > 0"),
    "climb without steps": (lambda: invert_class(MODEL, ONE, steps=0), "steps"),
    "climb with another prior": (lambda: invert_class(MODEL, ONE, prior=FAR), "prior of inputs"),
    "climb with no prior at all": (lambda: invert_class(MODEL, ONE, prior="faces"), "expected a Prior"),
    "climb from another shape": (lambda: invert_class(MODEL, ONE, start=X), "start of shape"),
    "climb to words": (lambda: invert_class(MODEL, ["three"]), "y_target"),
    "ask with another prior": (lambda: search_class(MODEL, ONE, prior=FAR), "prior of inputs"),
    "match an unknown class": (lambda: match(y=torch.tensor([0, 1, 2, 10])), "from 0 to 9"),
    "match a negative class": (lambda: match(y=torch.tensor([0, 1, 2, -1])), "from 0 to 9"),
    "match floats": (lambda: match(y=Y.float()), "int64"),
    "match a list": (lambda: match(y=[0, 1, 2, 3]), "as a tensor"),
    "match too few": (lambda: match(y=Y[:2]), r"shape \(4,\)"),
    "match with a step back": (lambda: match(step_size=-0.1), "step_size > 0"),
    "match with another prior": (lambda: match(prior=FAR), "prior of inputs"),
    "match NaN": (lambda: match_gradients(MODEL, sent_with_nan(LAST_BIAS)), "NaN or infinity"),
    "divide NaN": (lambda: invert_linear(MODEL, sent_with_nan(next(iter(SENT)))), "NaN or infinity"),
    "classes of NaN": (lambda: infer_labels(MODEL, sent_with_nan(LAST_BIAS)), "NaN or infinity"),
    "classes of a list": (lambda: infer_labels(MODEL, list(SENT.values())), "by its name"),
    "head without its prior": (lambda: invert_linear(HEAD, HEAD_SENT), "prior=prior"),
    "head with a shorter prior": (lambda: invert_linear(HEAD, HEAD_SENT, prior=PRIOR.first(5)), "20 coeff"),
    "head with a prior of something else": (
        lambda: invert_linear(HEAD, HEAD_SENT, prior=FAR),
        "prior of inputs",
    ),
    "a reconstruction of NaN": (lambda: Reconstruction(with_nan(X), Y, "made up"), "finite"),
    "a protection of True": (lambda: Protection(1.0, 0.0, True), "batch_size"),
    "a protection in words": (lambda: Protection("1", 0.0, 1), "clip"),
    "a batch larger than what a client has": (lambda: Protection(1.0, 0.0, 129), "from 1 to 128"),
    "half a record": (lambda: Protection(1.0, 0.0, 1.5), "whole number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_makes_no_sense_is_refused_with_what_was_expected(name):
    call, says = REFUSED[name]
    with pytest.raises(InvalidInputError, match=says) as refused:
        call()
    assert "expected" in str(refused.value)


def test_numbers_of_numpy_are_numbers():
    made = Protection(np.float32(1.0), np.float64(0.5), np.int64(48))
    assert made == Protection(1.0, 0.5, 48)
    assert type(made.batch_size) is int


def test_one_question_is_enough_for_a_finite_answer():
    made = search_class(MODEL, ONE, prior=PRIOR, query_budget=1)
    assert made.x_hat.isfinite().all()
    assert made.queries.tolist() == [1]


def test_a_head_with_as_many_features_as_values_is_not_taken_for_one_on_values():
    wide = fit_prior(DIGITS.test.x, 64)
    head = TorchClassifier(public_head(wide.mean, wide.components, wide.scales, 10), (1, 8, 8), 10)
    sent = client_update(head.module, X[:1], Y[:1]).gradients
    with pytest.raises(InvalidInputError, match="prior=prior"):
        invert_linear(head, sent)
    assert torch.allclose(invert_linear(head, sent, prior=wide).x_hat, X[:1], atol=1e-3)


# ------------------------------------------------------------------ updates of models that are not plain


def by_hand(module, x, y, clip):
    """Clip the gradient of every record, taken alone by autograd, and add them up."""
    weights = [part.detach().requires_grad_() for part in module.parameters()]
    names = [name for name, _ in module.named_parameters()]
    total = [torch.zeros_like(part) for part in weights]
    for i in range(len(x)):
        scores = torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (x[i : i + 1],))
        loss = nn.functional.cross_entropy(scores, y[i : i + 1])
        slopes = torch.autograd.grad(loss, weights, allow_unused=True, materialize_grads=True)
        size = torch.cat([part.flatten() for part in slopes]).norm()
        for place, part in zip(total, slopes, strict=True):
            place += part * (clip / size).clamp_max(1.0)
    return dict(zip(names, [part / len(x) for part in total], strict=True))


class Twice(nn.Module):
    """One layer that every record goes through twice."""

    def __init__(self):
        super().__init__()
        self.layer, self.last = nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, x):
        return self.last(self.layer(self.layer(x.flatten(1)).relu()))


class Tokens(nn.Module):
    """A layer that sees eight rows of every record."""

    def __init__(self):
        super().__init__()
        self.layer, self.last = nn.Linear(8, 5), nn.Linear(5, 10)

    def forward(self, x):
        return self.last(self.layer(x[:, 0]).relu().mean(1))


class Unused(nn.Module):
    """A layer that no record goes through."""

    def __init__(self):
        super().__init__()
        self.spare, self.last = nn.Linear(3, 3), nn.Linear(64, 10)

    def forward(self, x):
        return self.last(x.flatten(1))


def normed():
    return nn.Sequential(nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 10))


@pytest.mark.parametrize("make", [Twice, Tokens, Unused, normed], ids=lambda make: make.__name__)
@pytest.mark.parametrize("clip", [0.05, 1000.0])
def test_an_update_is_that_of_autograd_whatever_the_layers_are_used_for(make, clip):
    with torch.random.fork_rng():
        torch.manual_seed(3)
        module = make()
    found = client_update(module, X, Y, clip=clip).gradients
    for name, part in by_hand(module.eval(), X, Y, clip).items():
        assert torch.allclose(found[name], part, atol=1e-6), name
    if clip == 1000.0:  # nothing is clipped, so it is the plain gradient
        plain = client_update(module, X, Y).gradients
        assert all(torch.allclose(found[name], part, atol=1e-6) for name, part in plain.items())


def test_a_linear_layer_by_itself_is_a_module():
    layer, x = nn.Linear(64, 10), X.flatten(1)
    found = client_update(layer, x, Y, clip=0.05).gradients
    for name, part in by_hand(layer, x, Y, 0.05).items():
        assert torch.allclose(found[name], part, atol=1e-6)
    alone = client_update(layer, x[:1], Y[:1]).gradients
    assert torch.allclose(invert_linear(TorchClassifier(layer, (64,), 10), alone).x_hat, x[:1], atol=1e-4)


@pytest.mark.parametrize("clip", [None, 0.5])
def test_an_update_leaves_the_module_in_the_state_that_the_server_sent(clip):
    module = nn.Sequential(normed(), nn.Dropout(0.5)).train()
    module[0][1].eval()
    state = {name: part.clone() for name, part in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    client_update(module, X, Y, clip=clip)
    assert all(torch.equal(state[name], part) for name, part in module.state_dict().items())
    assert [part.training for part in module.modules()] == modes
    assert all(part.grad is None for part in module.parameters())
