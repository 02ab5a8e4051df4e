"""The candidate's desk, driven without a browser."""

import pytest

from labkit.exams.bank import read_bank
from labkit.exams.blueprint import exam_folder
from labkit.exams.examiner import Candidate, practice_examiner
from labkit.exams.sitting import make_sitting
from labkit.ui.exam import ExamDesk


@pytest.fixture
def sitting(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "data"))
    examiner, bank = practice_examiner(exam_folder()), read_bank(exam_folder() / "items")
    for _ in range(60):  # a rehearsal draws three items: until one of them has one right option
        session = examiner.open_session(Candidate("Ada"), "rehearsal")
        if any(bank.find(item.id).kind == "single" for item in session.form.items):
            break
    return make_sitting(examiner, session, tmp_path / "sitting")


@pytest.fixture
def desk(sitting):
    return ExamDesk(sitting)


def first_of(sitting, *kinds):
    return next(name for name, view in sitting.items().items() if view["kind"] in kinds)


def options_of(view):
    return [option["position"] for option in view["parts"][0]["options"]]


def test_the_desk_lists_every_task_and_item_with_its_state(desk, sitting):
    state = sitting.state()
    assert len(desk.go.options) == len(state.tasks) + len(state.items)
    assert all("untouched" in words for words, _ in desk.go.options)


def test_an_answer_is_kept_at_once_and_stands_there_again(desk, sitting):
    name = first_of(sitting, "single")
    desk.show(name)
    field = desk.body.children[1]
    view = sitting.items()[name]
    chosen = options_of(view)[0]
    field.value = chosen
    assert sitting.answers()[name]["answer"] == [chosen]
    assert "Kept" in desk.said.value

    again = ExamDesk(sitting)
    again.show(name)
    assert again._field.read() == [chosen]


def test_how_sure_one_is_goes_with_the_answer(desk, sitting):
    name = first_of(sitting, "single")
    sitting.answer(name, options_of(sitting.items()[name])[:1])
    desk.show(name)
    desk.sure.value = "know"
    assert sitting.answers()[name]["confidence"] == "know"


def test_a_flag_and_a_note_are_kept(desk, sitting):
    desk.flag.value = True
    desk.note.value = "look at the second figure"
    assert sitting.state().tasks[0].state == "flagged"
    assert sitting.notes()[desk.here] == "look at the second figure"
    assert desk.go.options[0][0].startswith("▲")


def test_one_goes_from_place_to_place_and_stops_at_the_ends(desk):
    assert desk.back.disabled
    for _ in desk.go.options:
        desk.on.click()
    assert desk.on.disabled
    assert desk.here == desk.go.options[-1][1]


def test_submitting_needs_a_tick_and_shows_the_result(desk, sitting):
    assert desk.closing.submit.disabled
    desk.closing.sure.value = True
    desk.closing.submit.click()
    assert sitting.submitted
    assert "A rehearsal decides nothing" in desk.closing.said.value
    assert "not passed" not in desk.closing.said.value
    assert (sitting.folder / "result.html").is_file()
    assert sitting.result().sheet["mode"] == "rehearsal"
    assert sitting.result().award is None


def test_what_was_submitted_cannot_be_changed(desk, sitting):
    sitting.submit()
    desk.flag.value = True
    name = first_of(sitting, "single")
    desk.show(name)
    desk.body.children[1].value = options_of(sitting.items()[name])[0]
    assert "submitted" in desk.said.value
    assert name not in sitting.answers()
