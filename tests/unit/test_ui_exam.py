"""The candidate's desk, driven without a browser."""

from dataclasses import replace

import pytest

from labkit.core.errors import InvalidInputError
from labkit.exams.bank import read_bank
from labkit.exams.blueprint import exam_folder
from labkit.exams.examiner import Candidate, practice_examiner
from labkit.exams.sitting import make_sitting
from labkit.exams.sitting.state import _item
from labkit.ui.answering import a_number, in_order
from labkit.ui.exam import ExamDesk, exam_desk
from labkit.ui.exam.clock import time_called
from labkit.ui.exam.desk import _entry


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
    assert "Kept at" in desk.kept.value

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


def test_what_a_cell_did_is_shown_without_a_step_of_ones_own(desk, sitting):
    name = first_of(sitting, "single")
    sitting.answer(name, options_of(sitting.items()[name])[:1], "know")
    assert not any(words.startswith("✔") for words, _ in desk.go.options)
    desk.look_again()
    assert [value for words, value in desk.go.options if words.startswith("✔")] == [name]


def test_only_the_buttons_take_the_focus_to_the_head_of_a_place(desk):
    desk.on.click()
    assert "data-lk-arrive" in desk.body.children[0].value
    desk.go.value = desk.go.options[2][1]
    assert "data-lk-arrive" not in desk.body.children[0].value


def test_an_answer_with_an_open_part_says_so():
    view = {"id": "x", "kind": "scenario", "question": "?"}
    places = [
        _item(view, set(), {}, {"x": {"answer": answer}})
        for answer in ([[1], None], [[1], [0]], [0, None, 2])
    ]
    assert [place.missing for place in places] == [("2",), (), ("2",)]
    assert "a part is open" in _entry("Item 1", places[0])
    assert "open" not in _entry("Item 1", places[1])


def test_the_time_is_called_out_a_few_times_and_not_at_the_start(sitting):
    state = replace(sitting.state(), minutes=90, extra_minutes=0, submitted=False)
    calls = [time_called(replace(state, seconds_left=left)) for left in range(90 * 60, -60, -1)]
    said = [call for before, call in zip(["", *calls], calls, strict=False) if call != before]
    assert said == [f"<strong>{words}</strong>" for words in _CALLED]
    assert calls[0] == calls[59 * 60] == ""
    assert calls[60 * 60] == said[0]
    assert time_called(replace(state, seconds_left=30, submitted=True)) == ""


_CALLED = (
    "30 minutes are left at most.",
    "10 minutes are left at most.",
    "5 minutes are left at most.",
    "One minute is left at most.",
    "The time is over.",
)


def test_a_step_that_cannot_go_on_stays_and_counts_for_nothing():
    field = in_order([("first", 7), ("second", 3)], moved=False)
    heard = []
    field.watch(lambda: heard.append(field.so_far()))
    buttons = {each.description: each for line in field.view.children[1:3] for each in line.children[1:]}
    buttons["Move 1 up"].click()
    assert heard == []
    assert field.so_far() is None
    buttons["Move 1 down"].click()
    assert heard == [[3, 7]]


def test_words_are_no_number_and_nothing_is_no_answer():
    field = a_number("percent")
    assert field.so_far() is None
    box = field.view.children[0]
    box.value = "many"
    with pytest.raises(InvalidInputError, match="expected a number"):
        field.so_far()
    box.value = "12,5"
    assert field.so_far() == 12.5


def test_a_desk_that_is_opened_again_ends_the_one_before(sitting):
    first, second = exam_desk(sitting), exam_desk(sitting)
    (words,) = first.children[1].children
    assert "opened again" in words.value
    assert len(second.children[1].children) > 5
    closed = ExamDesk(sitting)
    closed.close()
    closed.close()
    assert closed.clock._stopped.is_set()


def test_who_has_submitted_cannot_press_again(desk):
    desk.closing.sure.value = True
    desk.closing.submit.click()
    assert desk.closing.job.wait(60)
    assert desk.closing.submit.disabled
