"""The case of the inversion lab: what is issued, and how what is handed in is judged."""

import dataclasses

import pytest
import torch

from labkit import course
from labkit.attacks.inversion import infer_labels, invert_class, invert_linear, search_class
from labkit.core import InvalidInputError, QueryBudgetError
from labkit.course.cases.inversion.asking import QueryAccount
from labkit.course.cases.inversion.case import inversion_case
from labkit.course.cases.inversion.records import (
    class_means,
    held_out,
    intercepted_batch,
    intercepted_record,
    line_up,
    private_records,
    public_records,
)
from labkit.course.measuring import measure
from labkit.course.modules import load_module
from labkit.metrics import correlation


@pytest.fixture(scope="module")
def lab():
    return course.find_lab("L05")


@pytest.fixture(scope="module")
def made_once(lab):
    return load_module(lab, "case").make_case(lab.find_scenario("digits"), 5, None)


@pytest.fixture
def case(made_once):
    """The case, with nothing asked of its service."""
    return dataclasses.replace(made_once)


@pytest.fixture
def check(lab, case):
    return lambda checkpoint, **handed: measure(lab, lab.find_checkpoint(checkpoint), case, handed)


def issued(thing, path="case", seen=None):
    """Return every tensor that can be reached from what is issued, with the way to it."""
    seen = set() if seen is None else seen
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, torch.Tensor):
        yield path, thing
    elif isinstance(thing, torch.nn.Module):
        for name, part in thing.state_dict().items():
            yield f"{path}.{name}", part
    elif isinstance(thing, dict):
        for name, part in thing.items():
            yield from issued(part, f"{path}[{name!r}]", seen)
    elif isinstance(thing, (list, tuple)):
        for i, part in enumerate(thing):
            yield from issued(part, f"{path}[{i}]", seen)
    elif type(thing).__module__.startswith("labkit"):
        for name in dir(thing):
            if not name.startswith("__") and not callable(value := getattr(thing, name)):
                yield from issued(value, f"{path}.{name}", seen)


# ------------------------------------------------------------------ what is issued


@pytest.mark.parametrize("scenario", ["digits", "faces"])
def test_nothing_that_is_issued_tells(lab, scenario):
    case = inversion_case(lab.find_scenario(scenario), 5)
    answers = torch.cat(
        [class_means(case)[case.y_target], intercepted_record(case).x, intercepted_batch(case).x]
    )
    shape, found = tuple(answers.shape[1:]), dict(issued(case))
    assert len(found) > 10  # victim, prior, models and updates were looked at
    pictures = {
        name: part.reshape(-1, *shape)
        for name, part in found.items()
        if part.numel() % answers[0].numel() == 0
    }
    assert "case.prior.mean" in pictures
    for name, part in pictures.items():
        if not part.is_floating_point() or ".sent" in name:
            continue  # an update is what the lab is about
        for one in answers:
            alike = correlation(part, one.expand_as(part), known=case.prior.mean)
            assert float(alike.max()) < 0.6, name


def test_no_attribute_of_a_case_holds_records(case):
    names = {name for name in dir(case) if not name.startswith("_")}
    assert not names & {"means", "record", "train", "dataset", "held_out", "recogniser"}


def test_the_same_seed_issues_the_same_case_and_another_seed_another(lab, case):
    again, other = (inversion_case(lab.find_scenario("digits"), seed) for seed in (5, 6))
    assert torch.equal(again.y_target, case.y_target)
    assert all(torch.equal(again.sent[name], part) for name, part in case.sent.items())
    assert torch.equal(intercepted_batch(again).x, intercepted_batch(case).x)
    assert not torch.equal(intercepted_record(other).x, intercepted_record(case).x)


def test_the_records_of_the_second_update_are_of_four_classes(case):
    batch = intercepted_batch(case)
    assert len(set(batch.y.tolist())) == len(batch) == 4
    assert torch.equal(infer_labels(case.shared_model, case.sent_batch, 4), batch.y)


def test_what_is_public_what_is_private_and_what_is_held_out_are_different_pictures(case):
    public, private, held = public_records(case.scenario)[0], private_records(case).x, held_out(case).x
    for one, other in ((public, private), (public, held), (private, held)):
        assert float(torch.cdist(one.flatten(1), other.flatten(1)).min()) > 0


@pytest.mark.parametrize("label", range(10))
def test_a_line_up_shows_the_one_and_seven_others(case, label):
    shown = line_up(case, label)
    assert len(shown.x) == len(set(shown.y.tolist())) == 8
    assert int(shown.y[shown.right]) == label
    assert torch.equal(line_up(case, label).x, shown.x)


def test_the_one_stands_anywhere_in_the_line_up(lab):
    places = {line_up(inversion_case(lab.find_scenario("digits"), seed), 3).right for seed in range(24)}
    assert len(places) >= 6


# ------------------------------------------------------------------ drawing


def test_pictures_that_say_nothing_new_score_nothing(case, check):
    average = case.prior.mean.expand(3, *case.prior.mean.shape)
    assert check("prototypes", x_hat=average).measured == 0
    assert check("recognised", x_hat=average).measured <= 0.34


def test_the_same_picture_thrice_counts_once(case, check):
    one = invert_class(case.victim, case.y_target[:1], prior=case.prior).x_hat
    feedback = check("prototypes", x_hat=one.expand(3, *one.shape[1:]))
    assert not feedback.passed
    assert "counts once" in feedback.why


@pytest.mark.parametrize("x_hat", [torch.zeros(2, 1, 8, 8), torch.full((3, 1, 8, 8), float("nan")), "faces"])
def test_what_cannot_be_three_pictures_is_refused_with_a_reason(check, x_hat):
    for checkpoint in ("prototypes", "recognised", "black-box"):
        with pytest.raises(InvalidInputError):
            check(checkpoint, x_hat=x_hat)


# ------------------------------------------------------------------ asking


def asked(case, questions=40):
    return search_class(
        case.oracle(), case.y_target, prior=case.prior, query_budget=questions, population=10
    ).x_hat


def test_pictures_for_which_nobody_was_asked_count_as_nothing(case, check):
    drawn = invert_class(case.victim, case.y_target, prior=case.prior).x_hat
    assert check("prototypes", x_hat=drawn).passed
    feedback = check("black-box", x_hat=drawn)
    assert feedback.measured == 0
    assert "meter has counted no question" in feedback.why


def test_the_judge_counts_the_questions_and_takes_no_number_from_anybody(lab, case, check):
    assert course.measuring.artefact_names(lab, lab.find_checkpoint("black-box")) == ["x_hat"]
    feedback = check("black-box", x_hat=asked(case))
    assert feedback.measured > 0
    assert feedback.facts["asked"] == 120


def test_a_second_oracle_asks_at_the_expense_of_the_first(case):
    first, second = case.oracle(), case.oracle()
    first.logits(torch.zeros(600, 1, 8, 8))
    assert (first.left, second.left) == (300, 300)
    with pytest.raises(QueryBudgetError, match="hand in what you have"):
        second.logits(torch.zeros(301, 1, 8, 8))
    assert case.account.asked == 600


def test_a_hand_in_settles_the_account_and_what_was_handed_in_may_be_handed_in_again(case, check):
    x_hat = asked(case)
    before = check("black-box", x_hat=x_hat)
    assert case.account.left == 900
    assert check("black-box", x_hat=x_hat).measured == before.measured
    assert check("black-box", x_hat=x_hat.flip(0)).measured == 0


def test_an_input_that_is_refused_costs_no_question():
    account = QueryAccount(10)
    lab = course.find_lab("L05")
    service = account.open(inversion_case(lab.find_scenario("digits"), 0).victim)
    with pytest.raises(InvalidInputError):
        service.logits(torch.zeros(1, 1, 7, 7))
    assert account.asked == 0


# ------------------------------------------------------------------ updates


def test_the_class_and_the_picture_have_to_be_right(case, check):
    found = invert_linear(case.shared_model, case.sent)
    assert check("gradient", x_hat=found.x_hat, y=int(found.y[0])).passed
    assert "not the one of the record" in check("gradient", x_hat=found.x_hat, y=int(found.y[0] + 1) % 10).why


def test_four_records_may_be_handed_in_in_any_order_with_their_classes(case, check):
    batch, order = intercepted_batch(case), torch.tensor([2, 0, 3, 1])
    assert check("company", x_hat=batch.x[order], y=batch.y[order]).measured == pytest.approx(1.0)
    turned = check("company", x_hat=batch.x[order], y=batch.y)
    assert turned.measured < 0.7


def test_a_record_of_a_class_that_was_not_there_counts_as_nothing(case, check):
    batch = intercepted_batch(case)
    absent = next(label for label in range(10) if label not in batch.y.tolist())
    feedback = check("company", x_hat=batch.x, y=torch.tensor([absent, *batch.y[1:].tolist()]))
    assert feedback.measured == pytest.approx(0.75)
    assert "3 of the 4 classes are right" in feedback.why


def test_a_mixture_handed_in_four_times_counts_once(case, check):
    mixed = invert_linear(case.shared_model, case.sent_batch).x_hat.repeat(4, 1, 1, 1)
    feedback = check("company", x_hat=mixed, y=intercepted_batch(case).y)
    assert feedback.measured < 0.3
    assert "mixture" in feedback.why


@pytest.mark.parametrize("y", [torch.tensor([0, 1]), 3])
def test_four_classes_are_asked_for(case, check, y):
    with pytest.raises(InvalidInputError, match="4 classes"):
        check("company", x_hat=intercepted_batch(case).x, y=y)
