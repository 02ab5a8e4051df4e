"""The instructor's board: computed from events, and right about who needs help."""

import csv
import io
from datetime import UTC, datetime

import pytest

from labkit.classroom import (
    PAUSE_SECONDS,
    ClassView,
    Seat,
    anonymised,
    as_csv,
    band_of,
    class_board,
    class_gain,
    find_stuck,
    needs_visit,
    quiz_csv,
    quiz_gains,
    quiz_results,
    seconds_on_task,
)
from labkit.course import ProgressLog, find_lab, fold
from labkit.course.events import Event
from labkit.course.quiz import Quiz
from tests.unit.test_quiz import take

START = 1_800_000_000.0
LAB = find_lab("L02")
FIRST, SECOND = LAB.checkpoints[0].id, LAB.checkpoints[1].id


def event(seconds, kind="opened", learner="ada", lab="L02", **payload):
    at = datetime.fromtimestamp(START + seconds, UTC).isoformat(timespec="milliseconds")
    return Event(f"{learner}-{seconds}-{kind}-{payload}", at, learner, lab, kind, payload)


def checked(seconds, checkpoint=FIRST, passed=False, learner="ada"):
    about = {"checkpoint": checkpoint, "measured": 0.5, "passed": passed, "scenario": "digits"}
    return event(seconds, "checked", learner, **about)


def answered(seconds, form, position, right, learner="ada"):
    return event(seconds, "answered", learner, form=form, position=position, chosen=[0], right=right)


def stuck(events, after, *, connected=True):
    return find_stuck(LAB, fold(LAB, events), events, START + after, connected=connected)


def test_time_on_task_leaves_breaks_out():
    assert seconds_on_task([]) == seconds_on_task([event(0)]) == 0
    assert seconds_on_task([event(0), event(60), event(100)]) == pytest.approx(100)
    with_break = [event(0), event(60), event(60 + 4 * PAUSE_SECONDS)]
    assert seconds_on_task(with_break) == pytest.approx(60 + PAUSE_SECONDS)


def test_the_board_has_a_row_for_everybody_and_a_cell_for_every_checkpoint():
    seats = [Seat("ada", "Ada"), Seat("bob", "Bob")]
    events = [event(0), checked(10), checked(20, passed=True), checked(30, SECOND), event(5, learner="eve")]
    board = class_board(LAB, seats, events, START + 40)
    ada, bob = board.rows
    assert [cell.checkpoint for cell in ada.cells] == [each.id for each in LAB.checkpoints]
    assert [cell.state for cell in ada.cells][:3] == ["reached", "tried", "open"]
    assert (ada.cells[0].attempts, ada.reached, ada.seconds) == (2, 1, 30)
    assert {cell.state for cell in bob.cells} == {"open"}
    assert board.reached[FIRST] == 1
    assert board.reached[SECOND] == 0


def test_what_happened_before_a_reset_does_not_count():
    events = [event(0), checked(100, passed=True), event(200, "reset"), event(210)]
    (row,) = class_board(LAB, [Seat("ada", "Ada")], events, START + 220).rows
    assert (row.reached, row.seconds) == (0, 0)


def test_three_failed_checks_are_being_stuck_and_reaching_the_target_ends_it():
    failing = [event(0), *(checked(10 * turn) for turn in (1, 2, 3))]
    found = stuck(failing, 40)
    assert found is not None
    assert (found.checkpoint, found.since) == (FIRST, START + 10)
    assert "3 checks" in found.why
    assert stuck(failing[:-1], 40) is None
    assert stuck([*failing, checked(35, passed=True)], 40) is None


def test_reading_every_hint_without_reaching_the_target_is_being_stuck():
    hints = [event(10 * level, "hinted", checkpoint=SECOND, level=level) for level in (1, 2, 3, 4)]
    assert stuck(hints[:3], 60) is None
    found = stuck(hints, 60)
    assert found is not None
    assert "every hint" in found.why


def test_silence_means_something_only_on_an_open_page_and_not_for_ever():
    events = [event(0), checked(10, passed=True)]
    assert stuck(events, 300) is None
    found = stuck(events, 700)
    assert found is not None
    assert (found.checkpoint, found.why) == (SECOND, "nothing for 12 minutes")
    assert stuck(events, 700, connected=False) is None
    assert stuck(events, 10_000) is None


def test_who_finished_is_never_stuck():
    done = [checked(10, checkpoint.id, passed=True) for checkpoint in LAB.checkpoints]
    assert stuck(done, 2000) is None
    assert stuck([], 2000) is None


def test_the_gain_of_a_class_is_over_those_who_answered_both_forms():
    def standing(learner, before, after):
        events = [answered(place, "pre", place, right, learner) for place, right in enumerate(before)]
        events += [answered(9 + place, "post", place, right, learner) for place, right in enumerate(after)]
        return fold(LAB, events)

    people = [
        standing("ada", [False, False], [True, False]),
        standing("bob", [True, False], [True, True]),
        standing("eve", [True, True], []),
    ]
    gain = class_gain(people)
    assert (gain.people, gain.before, gain.after) == (2, 0.25, 0.75)
    assert gain.gain == pytest.approx(2 / 3)
    assert class_gain(people[2:]).gain is None
    assert class_gain([standing("ada", [True], [True])]).gain is None


def test_the_quiz_counts_for_the_class_once_both_tests_are_finished(tmp_path):
    log = ProgressLog(tmp_path / "progress.sqlite")
    seats = [Seat("ada", "Ada"), Seat("bob", "Bob")]
    for learner, finished in (("ada", ("pre", "post")), ("bob", ("pre",))):
        quiz = Quiz(learner, seed=3, log=log)
        for form in finished:
            take(quiz, form, lambda _, form=form: form == "post")
    found = quiz_gains(quiz_results(seats, log.events()))
    assert set(found) == {"D1", "D2", "D3", "D4", "D5", "D6", "D7", "all"}
    assert found["all"].people == 1
    assert found["all"].after == 1
    assert found["all"].before < 0.7
    assert found["all"].gain == pytest.approx(1)
    assert quiz_gains(quiz_results(seats[1:], log.events())) == {}


@pytest.mark.parametrize(("gain", "band"), [(-0.5, "low"), (0.29, "low"), (0.3, "medium"), (0.7, "high")])
def test_gains_fall_into_the_bands_of_the_paper(gain, band):
    assert band_of(gain) == band


def test_names_are_hidden_behind_numbers_that_do_not_move_when_somebody_comes():
    seats = [Seat(f"id-{place}", f"Name {place}", number=7 * place % 20 + 1) for place in range(12)]
    hidden = anonymised(seats)
    assert anonymised(list(reversed(seats))) == hidden
    assert [seat.name for seat in hidden] == [f"Participant {seat.number}" for seat in hidden]
    assert [seat.id for seat in hidden] != [seat.id for seat in seats]
    more = anonymised([*seats, Seat("new", "Newcomer", number=3)])
    assert {seat.id: seat.name for seat in hidden}.items() <= {seat.id: seat.name for seat in more}.items()


def test_the_export_holds_every_cell_and_runs_nothing_in_a_spreadsheet():
    seats = [Seat("ada", '=HYPERLINK("x","y")'), Seat("bob", "Bob, the builder")]
    board = class_board(LAB, seats, [event(0), checked(60, passed=True)], START + 61)
    text = as_csv([board])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 2 * len(LAB.checkpoints)
    assert rows[0]["participant"] == '\'=HYPERLINK("x","y")'
    assert (rows[0]["state"], rows[0]["minutes_in_lab"], rows[0]["gain"]) == ("reached", "1.0", "")
    assert rows[-1]["participant"] == "Bob, the builder"
    assert all(line.startswith('"') and line.endswith('"') for line in text.splitlines())


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("Ada Lovelace", "Ada Lovelace"),
        ("Anne-Marie + Jo = 2", "Anne-Marie + Jo = 2"),
        ("=1+1", "'=1+1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\ufe62x", "'\ufe62x"),
        ("  -2", "  '-2"),
        ("Ada;=cmd|'/c calc'!A0;", "Ada;'=cmd|'/c calc'!A0;"),
        ("Ada\uff1b =x", "Ada\uff1b '=x"),
        ("Ada,+1", "Ada,'+1"),
        ('Ada;"=x', "Ada;\"'=x"),
        ("Ada|@x", "Ada|'@x"),
    ],
)
def test_a_name_never_begins_a_formula_however_a_spreadsheet_splits_the_line(name, written):
    board = class_board(LAB, [Seat("ada", name)], [event(0)], START)
    (found, *_) = csv.DictReader(io.StringIO(as_csv([board])))
    assert found["participant"] == written


def test_whoever_is_stuck_is_found_over_all_labs_where_they_are_now(tmp_path):
    other = find_lab("L04")
    seats = [Seat("ada", "Ada"), Seat("bob", "Bob"), Seat("eve", "Eve")]

    def failing(lab, learner, begin):
        about = {"checkpoint": lab.checkpoints[0].id, "measured": 0.1, "passed": False}
        return [event(begin + turn, "checked", learner, lab.id, **about) for turn in range(3)]

    events = [*failing(LAB, "ada", 0), *failing(other, "bob", 100), *failing(LAB, "eve", 10)]
    events.append(event(200, "opened", "eve", other.id))  # she went on
    boards = [class_board(lab, seats, events, START + 210) for lab in (LAB, other)]
    found = [(lab.id, row.seat.name, row.stuck.checkpoint) for lab, row in needs_visit(boards)]
    assert found == [("L02", "Ada", FIRST), ("L04", "Bob", other.checkpoints[0].id)]


def test_the_view_of_a_class_reads_every_event_once_and_sees_what_is_new(tmp_path, monkeypatch):
    log = ProgressLog(tmp_path / "progress.sqlite")
    seats, labs = [Seat("ada", "Ada"), Seat("bob", "Bob")], [LAB]
    view = ClassView(log)
    about = {"checkpoint": FIRST, "measured": 0.5, "passed": True}
    assert view.boards(labs, seats, 0.0)["L02"].reached[FIRST] == 0
    read = []
    monkeypatch.setattr(
        log, "following", lambda *mark, real=log.following: read.append(real(*mark)) or read[-1]
    )
    for learner, reached in (("ada", 1), ("bob", 2)):
        log.append(learner, "L02", "checked", about)
        board = view.boards(labs, seats, 0.0)["L02"]
        assert board.reached[FIRST] == reached
        assert board == class_board(LAB, seats, log.events(), 0.0)
    assert [len(events) for events, _ in read] == [1, 1]
    log.forget("bob")
    assert view.boards(labs, seats, 0.0)["L02"].reached[FIRST] == 1
    assert view.begun() == {"L02"}
    assert view.active() == {"ada"}


def test_the_quiz_is_exported_by_person_and_domain(tmp_path):
    log = ProgressLog(tmp_path / "progress.sqlite")
    quiz = Quiz("ada", seed=3, log=log)
    for form in ("pre", "post"):
        take(quiz, form, lambda _, form=form: form == "post")
    seats = [Seat("ada", "=Ada"), Seat("bob", "Bob")]
    rows = list(csv.DictReader(io.StringIO(quiz_csv(seats, quiz_results(seats, log.events())))))
    assert [row["domain"] for row in rows] == ["D1", "D2", "D3", "D4", "D5", "D6", "D7", "all"]
    assert {row["participant"] for row in rows} == {"'=Ada"}
    assert (rows[-1]["after"], rows[-1]["gain"]) == ("1.000", "1.000")
    assert 0 <= float(rows[-1]["before"]) < 0.7
