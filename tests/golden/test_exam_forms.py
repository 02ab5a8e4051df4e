"""Forms that are drawn with a known key stay what they are, and keep to the blueprint."""

import json
from collections import Counter

import pytest

from labkit.exams.bank import mark, read_bank, right_answer
from labkit.exams.blueprint import exam_folder, read_blueprint
from labkit.exams.examiner import Candidate, Examiner
from labkit.exams.signing import Keys
from labkit.exams.sitting.answering import check_answer
from labkit.exams.sitting.making import item_views

DRAWN = {
    "golden-a": {"T1": "v12", "T2": "v09", "T4": "v07", "T5": "v13", "T6": "v03", "T7": "v18"},
    "golden-b": {"T1": "v02", "T2": "v08", "T4": "v14", "T5": "v02", "T6": "v10", "T7": "v18"},
    "golden-c": {"T1": "v04", "T2": "v09", "T4": "v05", "T5": "v05", "T6": "v12", "T7": "v12"},
}


@pytest.fixture(scope="module")
def examiner(tmp_path_factory):
    keys = Keys(b"\1" * 32, b"\2" * 32)
    return Examiner.create(tmp_path_factory.mktemp("examiner") / "e", None, exam=exam_folder(), keys=keys)


@pytest.mark.parametrize("session", DRAWN)
def test_the_drawn_variants_stay_what_they_are(examiner, session):
    assert examiner.open_session(Candidate("golden"), session=session).variants == DRAWN[session]


@pytest.mark.parametrize("session", ["golden-a", "golden-b"])
def test_a_form_keeps_to_the_blueprint_and_has_every_anchor(examiner, session):
    bank, blueprint = read_bank(examiner.items_folder()), read_blueprint()
    form = examiner.open_session(Candidate("golden"), session=session).form
    items = [bank.find(item.id, item.revision) for item in form.items]
    assert len({item.id for item in items}) == 30
    assert Counter(item.domain for item in items) == {each.id: each.items for each in blueprint.domains}
    assert Counter(item.group for item in items) == blueprint.kinds
    assert {item.id for item in bank.live() if item.anchor} <= {item.id for item in items}


def test_a_rehearsal_shows_one_item_of_each_group_and_no_anchor(examiner):
    bank = read_bank(examiner.items_folder())
    form = examiner.open_session(Candidate("golden"), "rehearsal").form
    items = [bank.find(item.id) for item in form.items]
    assert sorted(item.group for item in items) == ["choice", "pairs_and_orders", "scenario"]
    assert not any(item.anchor for item in items)
    assert (len(form.tasks), form.minutes) == (1, 5)


def test_right_answers_are_taken_as_they_are_marked(examiner):
    """What the desk lets through is what the grader marks, for every item of some forms."""
    bank = read_bank(examiner.items_folder())
    for number in range(6):
        session = examiner.open_session(Candidate("golden"), session=f"answers-{number}")
        for item, view in zip(session.form.items, item_views(examiner, session), strict=True):
            found, right = bank.find(item.id), right_answer(bank.find(item.id), item.variant)
            assert check_answer(view, right) == right
            assert mark(found, item.variant, check_answer(view, right)).credit == 1
            assert not any(f'"{key}":' in json.dumps(view) for key in ("why", "correct", "tolerance"))
