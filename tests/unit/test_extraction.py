"""Stealing, guarding and recognising models: what each function does, on victims that are real and tiny."""

import copy
import math

import pytest
import torch

from labkit import data, models
from labkit.attacks import Oracle
from labkit.attacks.extraction import STRATEGIES, imitate, probe_inputs, solve_linear, solve_logistic
from labkit.core import InvalidInputError, QueryBudgetError, UnknownNameError, predict
from labkit.defenses.extraction import (
    GuardedService,
    PerturbedAnswers,
    QueryDetector,
    RoundedScores,
    fit_detector,
    query_signal,
)
from labkit.defenses.ownership import (
    KeySet,
    conferrable_fingerprint,
    embed_watermark,
    match_rates,
    noise_keys,
    walk_lengths,
)
from labkit.defenses.privacy import ApiView
from labkit.metrics import (
    binomial_p_value,
    fidelity,
    holm,
    ownership_test,
    parameter_error,
    permutation_p_value,
)
from labkit.models import LinearClassifier, train_on_answers

DIGITS = data.load("digits")
X, Y = DIGITS.train.x[:400], DIGITS.train.y[:400]
OTHER_X, OTHER_Y = DIGITS.train.x[400:800], DIGITS.train.y[400:800]
HELD = DIGITS.test.x
SHAPE = (1, 8, 8)
QUICK = {"epochs": 12, "lr": 8e-3}


def trained(x, y, seed):
    return models.train(models.build("mlp", SHAPE, 10, seed=seed), x, y, seed=seed, **QUICK)


@pytest.fixture(scope="module")
def victim():
    return trained(X, Y, 0)


@pytest.fixture(scope="module")
def stranger():
    return trained(OTHER_X, OTHER_Y, 1)


def linear(outputs=1, d=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    weights = 3 * torch.randn(outputs, d, generator=generator, dtype=torch.float64)
    return LinearClassifier(weights, torch.randn(outputs, generator=generator, dtype=torch.float64))


# ------------------------------------------------------------------ solving


def test_a_linear_model_is_solved_for_with_as_many_questions_as_unknowns():
    model = linear()
    oracle = Oracle(model, 8)
    found = solve_linear(oracle)
    assert oracle.queries == found.queries == 8
    assert parameter_error((found.weights, found.bias), (model.weights, model.bias)) < 1e-12


def test_one_question_fewer_is_refused_before_anything_is_asked():
    oracle = Oracle(linear(), 8)
    with pytest.raises(InvalidInputError, match="8 independent inputs"):
        solve_linear(oracle, probe_inputs(oracle)[:7])
    with pytest.raises(InvalidInputError, match="do not determine"):
        solve_linear(oracle, torch.ones(20, 7))
    assert oracle.queries == 0


def test_the_oracle_refuses_when_it_sells_fewer_answers():
    with pytest.raises(QueryBudgetError):
        solve_linear(Oracle(linear(), 7))


@pytest.mark.parametrize("seed", range(3))
def test_a_logistic_regression_is_solved_for_out_of_probabilities(seed):
    model = linear(outputs=5, d=12, seed=seed)
    found = solve_logistic(ApiView(model), reach=0.2)
    assert found.queries == 13
    error = parameter_error((found.weights, found.bias), (model.weights, model.bias), up_to_shift=True)
    assert error < 1e-9
    assert found.weights.mean(0).abs().max() < 1e-9


def test_rounding_spoils_equations_and_more_of_them_help():
    model, generator = linear(), torch.Generator().manual_seed(0)
    rounded = RoundedScores(model, 0.1)
    few = solve_linear(rounded)
    many = solve_linear(rounded, torch.rand(800, 7, generator=generator, dtype=torch.float64))
    errors = [parameter_error((f.weights, f.bias), (model.weights, model.bias)) for f in (few, many)]
    assert 0.01 < errors[0] < 0.2
    assert errors[1] < errors[0]


def test_a_refused_answer_is_no_equation():
    class Refusing(LinearClassifier):
        def logits(self, x):
            return torch.full((len(x), 1), torch.nan)

    with pytest.raises(InvalidInputError, match="refusals"):
        solve_linear(Refusing(torch.ones(1, 3), torch.zeros(1)))


def test_linear_models_say_what_they_expected():
    with pytest.raises(InvalidInputError, match="expected weights"):
        LinearClassifier(torch.ones(2, 3), torch.zeros(3))
    with pytest.raises(InvalidInputError, match="finite"):
        LinearClassifier(torch.full((1, 3), torch.nan), torch.zeros(1))
    with pytest.raises(InvalidInputError, match="inputs of 3 values"):
        LinearClassifier(torch.ones(1, 3), torch.zeros(1), (1, 2))
    with pytest.raises(InvalidInputError, match="expected x"):
        linear().logits(torch.zeros(2, 5))
    with pytest.raises(InvalidInputError, match="width of the bounds"):
        probe_inputs(linear(), reach=2.0)


# ------------------------------------------------------------------ imitation


def test_a_copy_learns_what_the_victim_says_and_the_victim_stays_as_it_was(victim):
    before = copy.deepcopy(victim.module.state_dict())
    oracle = Oracle(ApiView(victim), 200)
    stolen = imitate(oracle, OTHER_X, query_budget=200, strategy="random", epochs=30)
    assert oracle.queries == stolen.queries == 200
    assert len(stolen.x) == len(stolen.answers) == 200
    assert fidelity(victim, stolen.model, HELD).value > 0.85
    assert all(torch.equal(before[name], part) for name, part in victim.module.state_dict().items())
    assert not any(part.requires_grad for part in stolen.model.module.parameters())


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_spends_its_budget_and_stays_in_the_box(victim, strategy):
    stolen = imitate(victim, OTHER_X[:30], query_budget=75, strategy=strategy, rounds=3, epochs=3)
    assert stolen.queries == 75
    assert stolen.x.min() >= 0
    assert stolen.x.max() <= 1
    assert stolen.attack == f"imitate/{strategy}"


def test_a_smaller_budget_of_the_oracle_ends_the_theft(victim):
    with pytest.raises(QueryBudgetError):
        imitate(Oracle(victim, 50), OTHER_X, query_budget=60, epochs=1)


def test_refused_questions_cost_and_teach_nothing(victim):
    account = GuardedService(victim, rate_limit=40).open()
    stolen = imitate(account, OTHER_X, query_budget=100, strategy="margin", rounds=4, epochs=3)
    assert stolen.queries == 100
    assert len(stolen.x) == 40
    assert account.refused == 60
    with pytest.raises(InvalidInputError, match="every question was refused"):
        imitate(account, OTHER_X, query_budget=10, epochs=1)


def test_a_theft_says_what_it_expected(victim):
    with pytest.raises(UnknownNameError, match="strategy"):
        imitate(victim, X, query_budget=5, strategy="magic")
    with pytest.raises(InvalidInputError, match="one input or more"):
        imitate(victim, X[:0], query_budget=5)


def test_a_copy_can_be_handed_over_as_data(victim):
    parts = imitate(victim, OTHER_X, query_budget=20, epochs=1).parts()
    assert parts["architecture"] == "mlp"
    assert all(isinstance(part, torch.Tensor) for part in parts["weights"].values())


def test_training_on_answers_takes_probabilities(victim):
    module = models.build("mlp", SHAPE, 10, seed=3)
    answers = torch.softmax(victim.logits(X), 1)
    steps = []
    learned = train_on_answers(module, X, answers, epochs=10, progress=lambda *each: steps.append(each))
    assert (predict(learned, HELD) == predict(victim, HELD)).float().mean() > 0.8
    assert steps[-1][0] == steps[-1][1] == 10
    with pytest.raises(InvalidInputError, match="one answer for each"):
        train_on_answers(module, X, answers[:5])
    with pytest.raises(InvalidInputError, match="probabilities"):
        train_on_answers(module, X, answers - 1)


# ------------------------------------------------------------------ guarding


def test_disturbed_answers_name_the_same_class_and_repeat_themselves(victim):
    service = PerturbedAnswers(victim, 3.0, secret=1)
    said = service.logits(HELD)
    assert torch.equal(said.argmax(1), predict(victim, HELD))
    assert torch.equal(said, service.logits(HELD))
    assert not torch.equal(said, PerturbedAnswers(victim, 3.0, secret=2).logits(HELD))
    assert torch.equal(PerturbedAnswers(victim, 0.0).logits(HELD), victim.logits(HELD))


def test_a_limit_holds_however_the_questions_are_cut(victim):
    for sizes in ((30,), (10, 10, 10), (19, 11)):
        account = GuardedService(victim, rate_limit=20).open()
        answers = torch.cat([account.logits(part) for part in HELD[:30].split(sizes)])
        assert answers.isfinite().all(1).tolist() == [True] * 20 + [False] * 10
        assert (account.asked, account.refused) == (30, 10)


def always(signal="doubt", threshold=-1.0):
    return QueryDetector(signal, torch.linspace(0, 1, 50), threshold)


def test_a_suspect_is_held_to_fewer_questions_and_not_shut_out(victim):
    strict = GuardedService(victim, detectors=[always(threshold=0.0)], suspect_limit=0).open()
    mild = GuardedService(victim, detectors=[always(threshold=0.0)], suspect_limit=25).open()
    for account in (strict, mild):
        account.logits(HELD[:40])
    assert strict.suspected
    assert mild.suspected
    assert strict.refused == 30  # the tenth question is the first that a distribution can be told from
    assert mild.refused == 15


def test_no_alarm_goes_off_at_what_is_usual_and_one_does_at_something_else():
    generator = torch.Generator().manual_seed(0)
    detector = QueryDetector("doubt", torch.rand(2000, generator=generator).sort().values, 2.0)
    assert detector.alarm(torch.rand(60, generator=generator)) == -1
    assert 10 <= detector.alarm(torch.full((60,), 0.9)) <= 12
    assert detector.alarm(torch.full((60,), torch.nan)) == -1
    assert detector.suspicion(torch.rand(5)).tolist() == [0.0] * 5


def test_the_statistic_is_that_of_kolmogorov_and_smirnov():
    from scipy.stats import ks_2samp

    generator = torch.Generator().manual_seed(1)
    usual = torch.rand(300, generator=generator).sort().values
    values = torch.rand(40, generator=generator) ** 2
    found = QueryDetector("doubt", usual, 9.0).suspicion(values)
    for n in (10, 25, 40):
        wanted = math.sqrt(n) * ks_2samp(values[:n].numpy(), usual.numpy()).statistic
        assert abs(float(found[n - 1]) - wanted) < 1e-4


def test_distances_are_to_earlier_questions_of_the_same_answer():
    x = torch.tensor([[0.0], [1.0], [0.25], [1.0]])
    logits = torch.tensor([[1.0, 0], [0, 1.0], [1.0, 0], [0, 1.0]])
    found = query_signal("distances", x, logits)
    assert found[:2].isnan().all()
    assert found[2:].tolist() == [0.25, 0.0]
    with pytest.raises(UnknownNameError, match="signal"):
        query_signal("smell", x, logits)
    with pytest.raises(InvalidInputError, match="logits for each"):
        query_signal("doubt", x, logits[:2])


def test_a_detector_promises_only_what_its_customers_can_bear_out(victim):
    streams = [(part, victim.logits(part)) for part in X.split(20)]
    with pytest.raises(InvalidInputError, match="200 streams or more"):
        fit_detector("doubt", streams, false_alarm_rate=0.01)
    with pytest.raises(InvalidInputError, match="between 0 and 1"):
        fit_detector("doubt", streams, false_alarm_rate=0.0)
    detector = fit_detector("doubt", streams, false_alarm_rate=0.2)
    alarms = [detector.alarm(query_signal("doubt", *stream)) > 0 for stream in streams[1::2]]
    assert sum(alarms) <= 2


# ------------------------------------------------------------------ ownership


def test_a_watermark_is_learned_without_harm_and_strangers_match_by_chance(stranger):
    keys = noise_keys(30, SHAPE, 10, seed=4)
    marked = embed_watermark(models.build("mlp", SHAPE, 10, seed=2), X, Y, keys, seed=2, epochs=20, lr=8e-3)
    assert ownership_test(marked, keys.x, keys.y, chance=keys.chance).p_value < 1e-20
    assert ownership_test(stranger, keys.x, keys.y, chance=keys.chance).p_value > 0.01
    assert (predict(marked, HELD) == DIGITS.test.y).float().mean() > 0.85


def test_a_fingerprint_tells_copies_from_strangers(victim):
    copies = [imitate(victim, OTHER_X[:300], query_budget=300, epochs=15, seed=seed).model for seed in (1, 2)]
    strangers = [trained(OTHER_X[part], OTHER_Y[part], 5 + i) for i, part in enumerate(_thirds())]
    x, y = X[:150].clone(), Y[:150]
    keys = conferrable_fingerprint(
        victim, x, y, copies=copies[:1], independent=strangers[:2], held_back=strangers[2:], steps=15
    )
    assert torch.equal(x, X[:150])
    assert torch.equal(predict(victim, keys.x), keys.y)
    inherited, by_chance = match_rates([copies[1]], keys.x, keys.y)[0], keys.chance
    assert inherited > by_chance + 0.2
    assert float(keys.x.min()) >= 0


def _thirds():
    order = torch.randperm(len(OTHER_X), generator=torch.Generator().manual_seed(0))
    return [order[:250], order[75:325], order[150:]]


def test_keys_are_never_further_away_than_epsilon(victim, stranger):
    keys = conferrable_fingerprint(
        victim,
        X[:1],
        Y[:1],
        copies=[victim],
        independent=[stranger],
        held_back=[stranger],
        epsilon=0.4,
        count=1,
        steps=20,
    )
    assert (keys.x - X[:1]).abs().max() <= 0.4 + 1e-6


def test_a_fingerprint_says_what_it_needs(victim, stranger):
    groups = {"copies": [victim], "independent": [stranger], "held_back": [stranger]}
    for name in groups:
        with pytest.raises(InvalidInputError, match=r"copies, independent and held_back"):
            conferrable_fingerprint(victim, X[:5], Y[:5], **{**groups, name: []})
    with pytest.raises(InvalidInputError, match="larger epsilon"):
        conferrable_fingerprint(victim, X[:5], Y[:5], **groups, epsilon=1e-6, steps=1)


def test_keys_need_an_answer_each():
    with pytest.raises(InvalidInputError, match="one answer"):
        KeySet(X[:3], Y[:2], 0.1, "made up")
    with pytest.raises(InvalidInputError, match="chance"):
        KeySet(X[:3], Y[:3], 1.5, "made up")


def test_walks_end_at_the_first_mistake(victim):
    right = predict(victim, HELD) == DIGITS.test.y
    lengths = walk_lengths(victim, HELD, DIGITS.test.y, directions=2, steps=5)
    assert lengths[~right].max() == 0
    assert lengths.min() >= 0
    assert lengths.max() <= 1.0 + 1e-6
    assert torch.equal(lengths, walk_lengths(victim, HELD, DIGITS.test.y, directions=2, steps=5))


# ------------------------------------------------------------------ what is measured


def test_a_copy_that_answers_nothing_agrees_with_nothing(victim):
    silent = GuardedService(victim, rate_limit=10).open()
    rate = fidelity(victim, silent, HELD[:40])
    assert rate.value == 0.25
    assert rate.low < 0.25 < rate.high
    with pytest.raises(InvalidInputError, match="10 classes"):
        fidelity(victim, linear(), HELD)


def test_errors_of_parameters_are_the_largest_and_never_nan():
    a, b = torch.zeros(2, 3), torch.zeros(2)
    assert parameter_error((a, b), (a, b + 2)) == 2.0
    assert parameter_error((a, b), (a, b + 2), up_to_shift=True) == 0.0
    assert parameter_error((a + torch.nan, b), (a, b)) == math.inf
    with pytest.raises(InvalidInputError, match="expected shape"):
        parameter_error((a[:1], b), (a, b))


def test_the_binomial_tail_is_summed_exactly():
    from scipy.stats import binom

    for hits, n, chance in ((5, 30, 0.1), (30, 30, 0.1), (1, 60, 0.4), (45, 60, 0.3)):
        assert binomial_p_value(hits, n, chance) == pytest.approx(
            float(binom.sf(hits - 1, n, chance)), rel=1e-9
        )
    assert binomial_p_value(0, 9, 0.5) == 1.0
    assert binomial_p_value(9, 9, 1.0) == 1.0
    assert binomial_p_value(1, 9, 0.0) == 0.0
    with pytest.raises(InvalidInputError, match="hits up to 9"):
        binomial_p_value(10, 9, 0.5)
    with pytest.raises(InvalidInputError, match="chance"):
        binomial_p_value(1, 9, math.nan)


def test_six_tests_are_adjusted_as_holm_did_it():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_permutation_counts_the_split_that_was_seen():
    treated, control = torch.arange(10.0) + 100, torch.arange(10.0)
    assert permutation_p_value(treated, control, resamples=999) == 0.001
    assert permutation_p_value(control, treated, resamples=999) == 1.0
    with pytest.raises(InvalidInputError, match="either side"):
        permutation_p_value(treated, control[:0])


def test_an_ownership_test_needs_an_answer_for_each_key(victim):
    with pytest.raises(InvalidInputError, match="one answer"):
        ownership_test(victim, X[:3], Y[:2], chance=0.1)
