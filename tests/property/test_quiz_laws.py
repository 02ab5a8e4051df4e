"""Laws of the quiz that hold for every item, every seed and every answer."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import permutations
from statistics import mean

from hypothesis import given
from hypothesis import strategies as st

from labkit.core import derive
from labkit.course import DOMAINS
from labkit.course.quiz import bank, cards, draw_forms, mark, next_item, shown_order
from labkit.course.quiz.answers import Given
from labkit.course.quiz.forms import fit_for_forms

ITEMS = list(bank().values())
BEGUN = datetime(2026, 11, 23, 9, tzinfo=UTC)

items = st.sampled_from(ITEMS)
seeds = st.integers(0, 2**31 - 1)
told_one = st.tuples(items, st.booleans(), st.sampled_from(["guess", "think", "know"]))


def answers(item):
    """Return a strategy for the legal answers to an item."""
    if item.kind == "matching":
        one = st.integers(0, len(item.pairs) - 1)
        return st.lists(one, min_size=len(item.asked), max_size=len(item.asked))
    if item.kind == "ordering":
        return st.permutations(range(len(item.steps)))
    parts = []
    for part in item.parts:
        most = 1 if len(part.right) == 1 else len(part.options)
        places = st.integers(0, len(part.options) - 1)
        parts.append(st.lists(places, unique=True, max_size=most))
    return st.tuples(*parts).map(list) if item.kind == "case" else parts[0]


@given(st.data(), items)
def test_credit_is_a_share_and_one_means_right(data, item):
    marked = mark(item, data.draw(answers(item)))
    assert 0 <= marked.credit <= 1
    assert marked.right == (marked.credit == 1)


@given(st.data(), items)
def test_marking_is_repeatable_and_leaves_the_answer_alone(data, item):
    answer = data.draw(answers(item))
    kept = repr(answer)
    assert mark(item, answer) == mark(item, answer)
    assert repr(answer) == kept


@given(st.data(), items)
def test_a_reason_says_what_was_given(data, item):
    marked = mark(item, data.draw(answers(item)))
    if item.kind in ("single", "multiple", "case"):
        assert marked.right == all(reason.given == reason.right for reason in marked.reasons)


def test_the_credit_of_an_order_against_brute_force():
    ordering = next(item for item in ITEMS if item.kind == "ordering" and len(item.steps) == 4)
    for order in permutations(range(4)):
        inversions = sum(order[i] > order[j] for i in range(4) for j in range(i + 1, 4))
        assert abs(mark(ordering, order).credit - max(0, 1 - 2 * inversions / 6)) < 1e-12


@given(items, seeds, st.integers(2, 8))
def test_a_shown_order_is_a_permutation_and_stays(item, seed, count):
    order = shown_order(item, count, seed)
    assert sorted(order) == list(range(count))
    assert order == shown_order(item, count, seed)


@given(seeds)
def test_both_forms_have_the_same_domains_kinds_and_difficulties_place_by_place(seed):
    forms = draw_forms(ITEMS, seed)
    assert len({*forms.pre, *forms.post}) == 6 * len(DOMAINS)
    for first, second in zip(forms.pre, forms.post, strict=True):
        twins = bank()[first], bank()[second]
        assert len({(item.domain, item.kind, item.difficulty) for item in twins}) == 1
        assert all(fit_for_forms(item) for item in twins)
    assert Counter(bank()[name].domain for name in forms.pre) == dict.fromkeys(DOMAINS, 3)


@given(seeds)
def test_a_form_mixes_the_kinds_and_its_twin_mixes_them_alike(seed):
    forms = draw_forms(ITEMS, seed)
    kinds = Counter(bank()[name].kind for name in forms.pre)
    assert kinds["single"] == 2 * len(DOMAINS)
    assert min(kinds[kind] for kind in ("multiple", "matching", "ordering")) >= 2
    assert kinds == Counter(bank()[name].kind for name in forms.post)


def test_over_a_class_neither_form_is_harder_even_if_the_judged_difficulties_are_off():
    """A class that learns nothing has no gain, whatever the true difficulties are."""
    true = {item.id: derive(5, "true", item.id) % 1000 / 1000 for item in ITEMS}
    gaps = []
    for seed in range(300):
        forms = draw_forms(ITEMS, seed)
        gaps.append(mean(true[name] for name in forms.post) - mean(true[name] for name in forms.pre))
    assert abs(mean(gaps)) < 0.015


@given(
    st.lists(st.tuples(items, st.booleans(), st.sampled_from(["guess", "think", "know"])), max_size=25), seeds
)
def test_only_what_was_missed_or_guessed_has_a_card_and_every_card_comes_back(told, seed):
    given_now = [
        Given(item.id, BEGUN + timedelta(minutes=place), "practice", [], float(right), right, sure)
        for place, (item, right, sure) in enumerate(told)
    ]
    found = cards(given_now, BEGUN + timedelta(days=1))
    expected = {answer.item for answer in given_now if not answer.right or answer.sure == "guess"}
    assert set(found) == expected
    assert all(0 <= card.retrievability <= 1 for card in found.values())
    later = BEGUN + timedelta(days=36500)
    proposal = next_item(given_now, bank(), seed=seed, now=later, only_due=True)
    assert (proposal is None) == (not expected)
    assert proposal is None or proposal.item.id in expected


@given(items)
def test_what_is_known_again_and_again_comes_back_ever_later(item):
    at, answers_so_far, gaps = BEGUN, [Given(item.id, BEGUN, "practice", [], 0.0, False, "think")], []
    for _ in range(7):
        due = cards(answers_so_far, at)[item.id].due
        gaps.append(due - at)
        at = due
        answers_so_far.append(Given(item.id, at, "practice", [], 1.0, True, "think"))
    assert gaps == sorted(gaps)
    assert gaps[-1] > timedelta(days=20)


@given(items, st.integers(1, 5))
def test_a_lapse_brings_an_item_back_sooner(item, successes):
    at, so_far = BEGUN, [Given(item.id, BEGUN, "practice", [], 0.0, False, "think")]
    for _ in range(successes):
        at = cards(so_far, at)[item.id].due
        so_far.append(Given(item.id, at, "practice", [], 1.0, True, "think"))
    at = cards(so_far, at)[item.id].due
    known = [*so_far, Given(item.id, at, "practice", [], 1.0, True, "think")]
    lapsed = [*so_far, Given(item.id, at, "practice", [], 0.0, False, "think")]
    assert cards(lapsed, at)[item.id].due < cards(known, at)[item.id].due
