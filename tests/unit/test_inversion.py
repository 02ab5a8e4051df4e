"""Inversion of models and of gradients: closed forms, what protection does, what is refused."""

import pytest
import torch
from torch import nn

from labkit import data
from labkit.attacks import Oracle
from labkit.attacks.inversion import (
    fit_prior,
    infer_labels,
    invert_class,
    invert_linear,
    match_gradients,
    search_class,
)
from labkit.core import InvalidInputError, QueryBudgetError, Reconstruction, UnknownNameError, predict
from labkit.defenses.privacy import LEVELS, ApiView, client_update, private_training, public_head
from labkit.metrics import clean_accuracy, correlation
from labkit.models import TorchClassifier, build, load_victim

DIGITS = data.load("digits")


@pytest.fixture(scope="module")
def victim():
    return load_victim("logistic", DIGITS)


@pytest.fixture(scope="module")
def prior():
    return fit_prior(DIGITS.test.x, 30)


def _network(name, seed=0):
    module = build(name, (1, 8, 8), 10, seed=seed).requires_grad_(False)
    return TorchClassifier(module, (1, 8, 8), 10)


# ------------------------------------------------------------------ gradients


@pytest.mark.parametrize("name", ["logistic", "mlp"])
@pytest.mark.parametrize("number", [0, 7, 23])
def test_the_gradient_of_a_linear_first_layer_is_the_record(name, number):
    model, one = _network(name, seed=number), slice(number, number + 1)
    x, y = DIGITS.train.x[one], DIGITS.train.y[one]
    found = invert_linear(model, client_update(model.module, x, y).gradients)
    assert torch.allclose(found.x_hat, x, atol=1e-5)
    assert found.y.tolist() == y.tolist()
    assert found.queries is None


def test_each_row_is_the_record_times_an_entry_of_the_bias():
    model = _network("logistic")
    x, y = DIGITS.train.x[:1], DIGITS.train.y[:1]
    sent = client_update(model.module, x, y).gradients
    weight, bias = sent["1.weight"], sent["1.bias"]
    assert torch.allclose(weight / bias[:, None], x.flatten(1).expand(10, -1), atol=1e-4)
    probability = torch.softmax(model.logits(x), 1)[0]
    assert torch.allclose(bias, probability - torch.nn.functional.one_hot(y, 10)[0], atol=1e-6)


def test_clipping_alone_leaves_the_direction_and_so_the_record():
    model = _network("mlp")
    x, y = DIGITS.train.x[3:4], DIGITS.train.y[3:4]
    sent = client_update(model.module, x, y, clip=0.01).gradients
    assert torch.allclose(invert_linear(model, sent).x_hat, x, atol=1e-4)


def test_searching_for_a_record_comes_close_by_either_distance():
    model = _network("mlp")
    x, y = DIGITS.train.x[:1], DIGITS.train.y[:1]
    sent = client_update(model.module, x, y).gradients
    for distance in ("cosine", "l2"):
        found = match_gradients(model, sent, distance=distance, steps=150, smoothness=0.0)
        assert found.y.tolist() == y.tolist()
        assert correlation(found.x_hat, x) > 0.9


def test_classes_of_a_batch_are_read_from_the_last_bias():
    model = _network("mlp")
    chosen = torch.stack([(DIGITS.train.y == label).nonzero()[0, 0] for label in (1, 4, 8)])
    sent = client_update(model.module, DIGITS.train.x[chosen], DIGITS.train.y[chosen]).gradients
    assert infer_labels(model, sent, 3).tolist() == [1, 4, 8]


def test_a_gradient_of_another_model_is_refused():
    sent = client_update(_network("logistic").module, DIGITS.train.x[:1], DIGITS.train.y[:1]).gradients
    for attack in (invert_linear, match_gradients):
        with pytest.raises(InvalidInputError, match="gradient for each parameter"):
            attack(_network("mlp"), sent)


def test_a_model_that_begins_with_a_convolution_has_to_be_searched():
    model = _network("cnn")
    sent = client_update(model.module, DIGITS.train.x[:1], DIGITS.train.y[:1]).gradients
    with pytest.raises(InvalidInputError, match="match_gradients"):
        invert_linear(model, sent)


# ------------------------------------------------------------------ updates


@pytest.mark.parametrize("name", ["mlp", "cnn"])
def test_every_record_is_clipped_by_itself(name):
    model, x, y = _network(name), DIGITS.train.x[:6], DIGITS.train.y[:6]
    alone = []
    for i in range(len(x)):
        made = client_update(model.module, x[i : i + 1], y[i : i + 1]).gradients
        size = torch.cat([part.flatten() for part in made.values()]).norm()
        alone.append({key: part * (0.5 / size).clamp_max(1.0) for key, part in made.items()})
    together = client_update(model.module, x, y, clip=0.5)
    assert together.clipped == 1.0
    for key, part in together.gradients.items():
        assert torch.allclose(part, sum(each[key] for each in alone) / len(x), atol=1e-5)


def test_noise_has_the_size_that_was_asked_for_and_follows_the_seed():
    model, x, y = _network("mlp"), DIGITS.train.x[:4], DIGITS.train.y[:4]

    def sent(noise, seed=0):
        made = client_update(model.module, x, y, clip=2.0, noise_multiplier=noise, seed=seed)
        return torch.cat([part.flatten() for part in made.gradients.values()])

    noise = sent(0.5) - sent(0.0)
    assert float(noise.std()) == pytest.approx(0.5 * 2.0 / 4, rel=0.03)
    assert torch.equal(sent(0.5), sent(0.5))
    assert not torch.equal(sent(0.5), sent(0.5, seed=1))
    with pytest.raises(InvalidInputError, match="expected clip > 0"):
        client_update(model.module, x, y, noise_multiplier=0.5)


def test_a_head_on_public_features_gives_up_its_features_and_learns(prior):
    head = public_head(prior.mean, prior.components, prior.scales, 10)
    model = TorchClassifier(head, (1, 8, 8), 10)
    x, y = DIGITS.train.x[:1], DIGITS.train.y[:1]
    found = invert_linear(model, client_update(head, x, y).gradients, prior=prior)
    assert torch.allclose(found.x_hat, prior.decode(prior.encode(x)), atol=1e-4)
    trained = private_training(
        head, DIGITS.train.x, DIGITS.train.y, clip=1.0, noise_multiplier=0.3, batch_size=32, epochs=8, lr=0.01
    )
    assert clean_accuracy(trained, DIGITS.test.x, DIGITS.test.y).value > 0.8
    assert not any(part.requires_grad for part in trained.module.parameters())


# ------------------------------------------------------------------ models


def test_the_inversion_of_a_logistic_model_is_the_row_of_its_class(victim):
    """Under a squared penalty the best input lies from the start along the coefficients."""
    layer = next(part for part in victim.module.modules() if isinstance(part, nn.Linear))
    strength = 20.0
    made = invert_class(
        victim, torch.arange(10), objective="logit", prior_strength=strength, steps=400, step_size=0.02
    )
    exact = (0.5 + layer.weight / (2 * strength)).clamp(0, 1).view(10, 1, 8, 8)
    assert torch.allclose(made.x_hat, exact, atol=5e-3)
    assert correlation(made.x_hat, layer.weight.view(10, 1, 8, 8).detach()).min() > 0.99


def test_a_prior_makes_reconstructions_that_are_more_like_the_class(victim, prior):
    means = torch.stack([DIGITS.train.x[DIGITS.train.y == label].mean(0) for label in range(10)])
    free = invert_class(victim, torch.arange(10), prior_strength=0.0)
    held = invert_class(victim, torch.arange(10), prior=prior, prior_strength=0.1)
    gained = correlation(held.x_hat, means, known=prior.mean) - correlation(
        free.x_hat, means, known=prior.mean
    )
    assert float(gained.mean()) > 0.05
    assert (predict(victim, held.x_hat) == held.y).all()


def test_asking_finds_likenesses_and_labels_alone_find_fewer(victim, prior):
    means = torch.stack([DIGITS.train.x[DIGITS.train.y == label].mean(0) for label in range(10)])
    found = {}
    for level in ("probabilities", "label"):
        made = search_class(
            ApiView(victim, level), torch.arange(10), prior=prior, query_budget=60, population=20
        )
        assert made.queries.tolist() == [60] * 10
        found[level] = float(correlation(made.x_hat, means, known=prior.mean).mean())
    assert found["probabilities"] > 0.4
    assert found["label"] < found["probabilities"]


def test_a_search_never_asks_more_than_its_budget(victim, prior):
    service = Oracle(victim, query_budget=50)
    made = search_class(service, torch.tensor([3]), prior=prior, query_budget=50, population=16)
    assert service.queries == int(made.queries) == 50
    with pytest.raises(QueryBudgetError):
        search_class(Oracle(victim, query_budget=10), torch.tensor([3]), prior=prior, query_budget=50)


@pytest.mark.parametrize("level", LEVELS)
def test_a_service_says_less_and_names_the_same_class(victim, level):
    service = ApiView(victim, level)
    answers = service.answers(DIGITS.test.x)
    assert torch.equal(answers.argmax(1), predict(victim, DIGITS.test.x))
    assert torch.equal(predict(service, DIGITS.test.x), predict(victim, DIGITS.test.x))
    told = {"top-3": 3, "flag": 1, "label": 1}.get(level, 10)
    assert int((answers > 0).sum(1).max()) <= told
    assert not hasattr(service, "forward")


def test_a_level_that_does_not_exist_lists_those_that_do(victim):
    with pytest.raises(UnknownNameError, match=r"Known: .*tenths"):
        ApiView(victim, "tenth")


def test_a_flag_is_raised_where_the_model_is_in_doubt_and_says_no_more(victim):
    full = torch.softmax(victim.logits(DIGITS.test.x), 1).amax(1)
    told = ApiView(victim, "flag").answers(DIGITS.test.x).amax(1)
    assert set(told.tolist()) == {0.5, 1.0}
    assert torch.equal(told < 1, full < 0.8)


def test_softened_scores_find_better_likenesses_than_a_probability_that_is_certain():
    network = load_victim("mlp", DIGITS)
    open_x, open_y = DIGITS.test.x[::2], torch.arange(10)
    public = fit_prior(open_x, 40)
    means = torch.stack([DIGITS.train.x[DIGITS.train.y == label].mean(0) for label in range(10)])
    found = {}
    for objective, strength in (("cross_entropy", 0.01), ("softened", 0.1)):
        made = invert_class(network, open_y, prior=public, prior_strength=strength, objective=objective)
        found[objective] = float(correlation(made.x_hat, means, known=public.mean).mean())
    assert found["softened"] > found["cross_entropy"] + 0.05


def test_a_margin_is_the_score_less_that_of_all_others(victim):
    made = invert_class(victim, torch.tensor([3]), objective="margin", prior_strength=0.0, steps=1)
    scores = victim.logits(made.x_hat)[0]
    others = torch.cat([scores[:3], scores[4:]]).logsumexp(0)
    assert float(made.objective) == pytest.approx(float(others - scores[3]), abs=1e-4)


# ------------------------------------------------------------------ the prior, and what is refused


def test_a_prior_gives_back_what_lies_in_its_span(prior):
    z = 0.3 * torch.randn(5, len(prior), generator=torch.Generator().manual_seed(0))
    wide = fit_prior(DIGITS.test.x, 30, bounds=(-50.0, 50.0))
    assert torch.allclose(wide.encode(wide.decode(z)), z, atol=1e-3)
    product = prior.components @ prior.components.T
    assert torch.allclose(product, torch.eye(len(prior)), atol=1e-4)
    assert (prior.scales.diff() <= 0).all()
    assert len(prior.first(5)) == 5


def test_nonsense_is_refused_with_what_was_expected(victim, prior):
    for wrong in (
        torch.tensor([10]),
        torch.tensor([-1]),
        torch.tensor([0.5]),
        torch.zeros(0, dtype=torch.int64),
    ):
        with pytest.raises(InvalidInputError):
            invert_class(victim, wrong)
    with pytest.raises(UnknownNameError, match="margin"):
        invert_class(victim, torch.tensor([1]), objective="loss")
    with pytest.raises(InvalidInputError, match="from 1 to"):
        fit_prior(DIGITS.test.x[:4], 9)
    with pytest.raises(InvalidInputError, match="gradient"):
        invert_class(ApiView(victim), torch.tensor([1]))
    with pytest.raises(InvalidInputError, match="shape"):
        Reconstruction(torch.zeros(2, 3), torch.zeros(3, dtype=torch.int64), "made up")
