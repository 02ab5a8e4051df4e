"""How the judge of the inversion lab measures a leak, and that no single measure is enough."""

import pytest
import torch

from labkit import course
from labkit.course.cases.inversion.case import inversion_case
from labkit.course.cases.inversion.leaks import (
    RETURNS,
    by_chance,
    draw_batch,
    gradient_leak,
    head_of,
    read_returning,
    service_leak,
    what_is_peculiar,
)
from labkit.course.cases.inversion.prices import (
    DESK_FLOOR,
    _reviewed,
    caught_in_review,
    desk_retention,
    utility,
)
from labkit.course.cases.inversion.protections import BARE, MOST_COMPANY, Protection
from labkit.course.cases.inversion.records import class_means, private_records
from labkit.course.measuring import measure
from labkit.course.modules import load_module
from labkit.defenses.privacy import LEVELS, client_update
from labkit.metrics import correlation, match_within_classes

SEEDS = (0, 1, 2)
GOOD = {"clip": 1.0, "noise_multiplier": 0.8, "batch_size": MOST_COMPANY}
QUIET = {"clip": 100.0, "noise_multiplier": 0.0, "batch_size": 1}


@pytest.fixture(scope="module")
def lab():
    return course.find_lab("L05")


def case_of(lab, seed, scenario="digits"):
    return inversion_case(lab.find_scenario(scenario), seed)


def passed(lab, case, **protection):
    """Return which of the three checkpoints a protection passes."""
    settings = {**GOOD, "level": "flag", **protection}
    updates = {name: settings[name] for name in GOOD}
    handed = {"shield": updates, "service": {"level": settings["level"]}, "price": settings}
    return {
        name for name, given in handed.items() if measure(lab, lab.find_checkpoint(name), case, given).passed
    }


# ------------------------------------------------------------------ the metric


def test_records_found_in_another_order_of_their_class_are_found():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.rand(9, 1, 4, 4, generator=generator), torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2])
    order = torch.tensor([2, 0, 3, 1, 6, 4, 5, 8, 7])
    found = match_within_classes(x[order], x, y)
    assert torch.equal(order[found], torch.arange(9))
    assert correlation(x[order][found], x).min() > 0.999
    # Nothing is given to a record of another class.
    assert torch.equal(y[found], y)


def test_matching_is_the_best_of_all_ways_to_give_them_out():
    from itertools import permutations

    generator = torch.Generator().manual_seed(1)
    x, guess = (torch.rand(5, 1, 4, 4, generator=generator) for _ in range(2))
    y = torch.zeros(5, dtype=torch.int64)
    best = max(float(correlation(guess[list(p)], x).sum()) for p in permutations(range(5)))
    assert float(correlation(guess[match_within_classes(guess, x, y)], x).sum()) == pytest.approx(best)


def test_a_perfect_reconstruction_in_any_order_shows_everything_and_a_guess_shows_nothing_above_chance(lab):
    case = case_of(lab, 0)
    batch = draw_batch(case, 64, 0)
    shuffled = torch.cat([(batch.y == label).nonzero()[:, 0].flip(0) for label in range(10)])
    assert what_is_peculiar(case, batch.x[shuffled], batch)[1].min() > 0.999
    # Random pictures, given out after the fact, look like a leak until chance is taken off.
    guess = case.public.decode(torch.randn(64, len(case.public), generator=torch.Generator().manual_seed(4)))
    shown = float(what_is_peculiar(case, guess, batch)[1].mean())
    assert shown > 0.1
    assert shown - by_chance(case, batch, 0) == pytest.approx(0.0, abs=0.05)


def test_what_returns_adds_up_and_its_company_does_not(lab):
    """A head without noise, large batches: one record of each class comes back in every update."""
    case = case_of(lab, 0)
    train, means = private_records(case), class_means(case)
    features, layer = head_of(case)

    def shown(turns, which):
        back = torch.stack([(train.y == label).nonzero()[which, 0] for label in range(10)])
        updates = []
        for turn in range(turns):
            order = torch.randperm(len(train), generator=torch.Generator().manual_seed(turn))
            taken = torch.cat([back, order[~torch.isin(order, back)][: MOST_COMPANY - 10]])
            sent = client_update(layer, features(train.x[taken]), train.y[taken], clip=1.0).gradients
            updates.append((sent, train.y[taken]))
        x_hat = read_returning(case, updates, train.y[back])
        return float(correlation(x_hat, train.x[back], known=means[train.y[back]]).mean())

    once, few, many = (sum(shown(turns, which) for which in range(8)) / 8 for turns in (1, 4, 16))
    assert once < few < many
    assert many > once + 0.15


def test_a_leak_is_never_below_nothing_and_bare_updates_leak_nearly_everything(lab):
    case = case_of(lab, 0)
    drowned = gradient_leak(case, Protection(1.0, 10.0, MOST_COMPANY))
    assert drowned.value < 0.1
    assert drowned.value >= 0 >= min(drowned.matched, 0)
    assert gradient_leak(case, BARE).value > 0.75
    assert RETURNS == 3


def test_leaks_prices_and_the_desk_depend_on_the_seed(lab):
    cases = [case_of(lab, seed) for seed in SEEDS]
    small = Protection(1.0, 0.4, 16)
    assert len({gradient_leak(each, small).value for each in cases}) == 3
    assert len({service_leak(each, "flag") for each in cases}) == 3
    assert len({caught_in_review(each, "probabilities").value for each in cases}) > 1
    assert len({utility(each, small).value for each in cases}) > 1


# ------------------------------------------------------------------ none of them does it alone


@pytest.mark.parametrize("seed", SEEDS)
def test_clipping_alone_protects_nothing_however_short(lab, seed):
    for clip in (0.01, 1.0):
        assert not passed(lab, case_of(lab, seed), **{**QUIET, "clip": clip}) & {"shield", "price"}


@pytest.mark.parametrize("seed", SEEDS)
def test_company_alone_protects_nothing_however_large(lab, seed):
    for clip in (100.0, 1.0, 0.01):  # clipping does not help it either
        largest = {**QUIET, "clip": clip, "batch_size": MOST_COMPANY}
        assert not passed(lab, case_of(lab, seed), **largest) & {"shield", "price"}


@pytest.mark.parametrize("seed", SEEDS)
def test_noise_alone_protects_and_drowns_the_model_or_does_not_protect(lab, seed):
    for noise in (0.01, 0.1):
        done = passed(lab, case_of(lab, seed), **{**QUIET, "noise_multiplier": noise})
        assert "price" not in done, noise
    assert "shield" in done


@pytest.mark.parametrize("seed", SEEDS)
def test_saying_less_alone_protects_the_answers_only(lab, seed):
    assert passed(lab, case_of(lab, seed), **QUIET) == {"service"}


@pytest.mark.parametrize("seed", SEEDS)
def test_together_they_protect_at_a_price_that_is_accepted(lab, seed):
    assert passed(lab, case_of(lab, seed)) == {"shield", "service", "price"}


def test_company_alone_protects_nothing_in_the_portraits_either(lab):
    case = case_of(lab, 0, "faces")
    assert not passed(lab, case, **{**QUIET, "batch_size": MOST_COMPANY}) & {"shield", "price"}


# ------------------------------------------------------------------ answers and the desk


@pytest.mark.parametrize("seed", SEEDS)
def test_the_flag_is_the_only_level_that_hides_enough_and_leaves_the_desk_its_work(lab, seed):
    case = case_of(lab, seed)
    assert {level for level in LEVELS if "service" in passed(lab, case, level=level)} == {"flag"}


def test_a_service_that_names_the_class_only_leaves_the_desk_to_draw_lots(lab):
    case = case_of(lab, 0)
    assert service_leak(case, "label") < 0.27
    assert desk_retention(case, "label") < DESK_FLOOR / 2
    feedback = measure(lab, lab.find_checkpoint("service"), case, {"level": "label"})
    assert feedback.measured == 1
    assert "of its work is left" in feedback.why


def test_the_desk_looks_at_a_tenth_and_finds_what_is_least_sure(lab):
    sure = torch.linspace(0.1, 1.0, 50)[:, None]
    chosen = _reviewed(torch.cat([sure, torch.zeros(50, 1)], 1), torch.Generator().manual_seed(0))
    assert chosen.nonzero().flatten().tolist() == [0, 1, 2, 3, 4]
    alike = _reviewed(torch.ones(50, 2), torch.Generator().manual_seed(0))
    assert int(alike.sum()) == 5
    assert alike.nonzero().flatten().tolist() != [0, 1, 2, 3, 4]


def test_the_price_of_what_does_not_protect_is_not_measured(lab):
    case = load_module(lab, "case")
    found = case.measure_price(case_of(lab, 0), 1.0, 0.0, MOST_COMPANY, "label")
    assert found.value == 1
    assert "lost" not in found.facts
