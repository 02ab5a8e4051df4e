"""Laws of the items of an exam: what is shown, and what an answer is worth."""

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import InvalidInputError
from labkit.exams.bank import filled, item_digest, mark, public_view, read_bank, right_answer, sizes

BANK = read_bank(Path(__file__).resolve().parents[2] / "exams" / "practitioner" / "items")
QUICK = settings(max_examples=80, deadline=None)

items = st.sampled_from(list(BANK))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 9) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=12,
)


@st.composite
def issued(draw):
    """An item in one of its wordings, with an order of a form."""
    item = draw(items)
    order = [draw(st.permutations(range(size))) for size in sizes(item)]
    return item, draw(st.sampled_from(item.variant_ids)), order


@QUICK
@given(issued())
def test_an_order_shows_every_text_once_and_says_no_more_than_another(made):
    item, variant, order = made
    view = public_view(item, variant, order)
    assert json.loads(json.dumps(view)) == view
    shown = [part["options"] for part in view.get("parts", ())]
    shown += [view[key] for key in ("rights", "steps") if key in view]
    for own, texts in zip(order, shown, strict=True):
        assert [each["position"] for each in texts] == list(own)
    other = public_view(item, variant, [sorted(own) for own in order])
    assert sorted(json.dumps(view)) == sorted(json.dumps(other))


@QUICK
@given(items, plain)
def test_whatever_is_handed_in_is_marked_or_refused(item, answer):
    for variant in item.variant_ids:
        try:
            marked = mark(item, variant, answer)
        except InvalidInputError:
            continue
        assert 0 <= marked.credit <= 1
        assert marked.right == (marked.credit == 1)
        assert marked.reasons == mark(item, variant, answer).reasons


@QUICK
@given(issued(), st.data())
def test_only_the_right_answer_is_worth_everything(made, data):
    item, variant, _ = made
    right = right_answer(item, variant)
    if item.kind in ("single", "multiple"):
        other = data.draw(st.lists(st.integers(0, sizes(item)[0] - 1), unique=True, max_size=sizes(item)[0]))
        same = sorted(other) == sorted(right)
    elif item.kind == "ordering":
        other = data.draw(st.permutations(right))
        same = list(other) == right
    elif item.kind == "matching":
        other = data.draw(
            st.lists(st.integers(0, sizes(item)[0] - 1), min_size=len(right), max_size=len(right))
        )
        same = other == right
    else:
        return
    if item.kind == "single" and len(other) > 1:
        return
    assert mark(item, variant, list(other)).right == same


@QUICK
@given(items)
def test_wordings_share_their_positions(item):
    first = public_view(item, item.variant_ids[0], [list(range(size)) for size in sizes(item)])
    for variant in item.variant_ids:
        view = public_view(item, variant, [list(range(size)) for size in sizes(item)])
        assert view.keys() == first.keys()
        if item.kind != "numeric":
            assert right_answer(item, variant) == right_answer(item, item.variant_ids[0])
        assert item_digest(filled(item, variant)) == item_digest(filled(item, variant))
