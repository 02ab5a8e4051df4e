"""What candidates and examiners do by mistake: each is said clearly, and costs nobody anything."""

import io
import json
import os
import re
import shutil
import sys
import zipfile
from datetime import UTC, datetime, timedelta

import pytest

from labkit.cli import main
from labkit.core.csv_rows import read_rows
from labkit.core.errors import DataFormatError, IntegrityError, InvalidInputError, StorageError
from labkit.exams.bank import blank_order, public_view, read_bank, right_answer
from labkit.exams.blueprint import exam_folder
from labkit.exams.commands._item import item_lines
from labkit.exams.envelope.reading import read_envelope
from labkit.exams.examiner import Candidate, Examiner
from labkit.exams.grading import Submission, feedback_page, grade_for, regrade, session_facts
from labkit.exams.grading.packs import _differences
from labkit.exams.grading.sheet import grade_submission
from labkit.exams.records import open_records
from labkit.exams.settings import settings_of
from labkit.exams.sitting import Sitting, make_sitting
from labkit.exams.sitting.answering import answer_form, check_answer
from labkit.exams.task import find_task
from tests.exam_submissions import Desk, grade, make_graded_exam

NAME = "محمد 🎓"


@pytest.fixture(scope="module")
def exam(tmp_path_factory):
    return make_graded_exam(tmp_path_factory.mktemp("exam"))


@pytest.fixture(scope="module")
def desk(tmp_path_factory, exam):
    return Desk.make(tmp_path_factory.mktemp("desk"), exam)


@pytest.fixture(scope="module")
def issued(desk, exam, tmp_path_factory):
    """One sitting as it is issued, to be copied."""
    base = tmp_path_factory.mktemp("issued")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_EXAMS", str(exam.parent))
        return make_sitting(desk.examiner, desk.examiner.open_session(Candidate(NAME)), base / "s").folder


@pytest.fixture
def sitting(issued, tmp_path):
    shutil.copytree(issued, tmp_path / "sitting")
    return Sitting(tmp_path / "sitting")


@pytest.fixture
def examiner(desk, monkeypatch):
    """Options that name the examiner of the tests."""
    monkeypatch.setenv("LABKIT_EXAMINER_PASSWORD", "a long password")
    return ("--examiner", str(desk.examiner.folder))


def first_item(sitting):
    return next(iter(sitting.items()))


# -- The candidate ------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["items.json", "materials"])
def test_whoever_lost_what_was_issued_can_still_submit(sitting, what):
    name = first_item(sitting)
    sitting.answer(name, [0], "know")
    lost = sitting.folder / what
    shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
    again = Sitting(sitting.folder)
    with pytest.raises(IntegrityError, match=r"Copy it again .* can be submitted"):
        again.state()
    receipt = again.submit()
    assert name not in receipt.open
    assert read_envelope((sitting.folder / "submission.zip").read_bytes()).answers[name]["answer"] == [0]


def test_a_log_that_was_damaged_loses_nothing_and_no_longer_vouches(sitting, desk):
    name, other = list(sitting.items())[:2]
    sitting.answer(name, [0])
    with sitting.desk.log_path.open("ab") as log:
        log.write(b"garbage\n\0\0\0\n")
    with pytest.warns(UserWarning, match="damaged in line 3, 4"):
        again = Sitting(sitting.folder)
    again.answer(other, [1])
    again.submit()
    content = (sitting.folder / "submission.zip").read_bytes()
    assert {name, other} == set(read_envelope(content).answers)
    session = next(each for each in desk.examiner.sessions() if each.form.session == sitting.form.session)
    facts = session_facts(desk.examiner, session)
    result = grade_submission(content, lambda _: facts, desk.examiner.exam)
    assert not result["sheet"]["verified"]["chain"]
    assert [each["answer"] for each in result["sheet"]["items"] if each["id"] == other] == [[1]]


def test_a_sitting_on_a_disk_that_cannot_be_written_can_be_read(sitting, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("filelock.FileLock.acquire", refused)
    again = Sitting(sitting.folder)
    assert again.state().tasks
    with pytest.raises(StorageError, match="copy the sitting to a folder that you can write to"):
        again.answer(first_item(again), [0])


def test_a_hand_in_lies_on_the_disk_before_the_log_says_so(sitting, monkeypatch):
    settled, real = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (settled.append(os.fstat(handle).st_ino), real(handle)))
    sitting.hand_in("T5", claimed_gain=0.5)
    handed = (sitting.folder / "work/handed/T5/0001/hand_in.json").stat().st_ino
    assert settled.index(handed) < settled.index(sitting.desk.log_path.stat().st_ino)


def test_answers_of_a_file_are_kept_all_or_none(sitting, tmp_path, capsys):
    (tmp_path / "answers.json").write_text(json.dumps({first_item(sitting): [0], "d9-999": [0]}))
    assert main(["exam", "hand-in", str(sitting.folder), "--answers", str(tmp_path / "answers.json")]) == 2
    assert "d9-999" in capsys.readouterr().err
    assert sitting.answers() == {}


def test_marks_and_notes_from_a_terminal(sitting, capsys):
    given = ["--flag", "T5", "--note", "T5", "more restarts", "--json"]
    assert main(["exam", "hand-in", str(sitting.folder), *given]) == 0
    assert json.loads(capsys.readouterr().out)[0] == {"place": "T5", "flagged": True}
    assert sitting.notes() == {"T5": "more restarts"}
    assert next(each for each in sitting.state().tasks if each.id == "T5").state == "flagged"
    assert main(["exam", "hand-in", str(sitting.folder), "--unflag", "T5"]) == 0
    assert "not marked any more" in capsys.readouterr().out
    assert main(["exam", "hand-in", str(sitting.folder), "--flag", "T77"]) == 2


@pytest.mark.parametrize("kind", ["single", "matching", "ordering", "numeric", "scenario"])
def test_an_item_is_read_and_answered_from_a_terminal(kind):
    """Every position that an answer may name is shown, and what an answer looks like."""
    bank = read_bank(exam_folder() / "items")
    item = max((each for each in bank.live() if each.kind == kind), key=lambda each: bool(each.exhibit))
    view = public_view(item, item.variant_ids[0] if item.variants else "", blank_order(item))
    lines = item_lines(view, None)
    assert view["question"] in lines
    assert sum(line.startswith("  [") for line in lines) == sum(map(len, blank_order(item)))
    given = right_answer(item, view["variant"])
    assert check_answer(view, given) == given
    assert item_lines(view, {"answer": given, "confidence": "know"})[-1].endswith(", know")
    with pytest.raises(InvalidInputError, match=re.escape(answer_form(view))):
        check_answer(view, "A")


def test_whoever_submits_at_the_keyboard_is_asked_while_something_is_open(sitting, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("no\n"))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert main(["exam", "submit", str(sitting.folder)]) == 1
    assert "Still open: " in capsys.readouterr().out
    assert not sitting.submitted
    assert main(["exam", "submit", str(sitting.folder), "--yes"]) == 0
    assert sitting.submitted


def test_a_name_that_the_terminal_cannot_show_ends_nothing(sitting, monkeypatch):
    shown = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", shown)
    assert main(["exam", "tasks", str(sitting.folder)]) == 0
    shown.flush()
    assert b"\\U0001f393" in shown.buffer.getvalue()


def test_the_real_t5_refuses_what_lies_beyond_its_budget():
    (x_adv,) = (field for field in find_task("T5", exam_folder()).fields if field.name == "x_adv")
    assert x_adv.budget is not None
    assert (x_adv.budget.around, x_adv.budget.epsilon) == ("x", "epsilon")


def test_the_rehearsal_of_the_real_exam_tries_a_tensor_a_budget_and_a_claim():
    from labkit.exams.blueprint import read_blueprint
    from labkit.exams.task import tasks_of

    tasks = tasks_of(exam_folder())
    (slot,) = settings_of(read_blueprint(), tasks, "rehearsal").slots
    fields = tasks[slot].fields
    assert {"tensor", "number"} <= {field.kind for field in fields}
    assert any(field.budget for field in fields)
    assert tasks[slot].overclaim


# -- What a failed candidate reads --------------------------------------------------------------


def test_feedback_shows_what_was_asked_what_was_chosen_and_where_to_go_on(desk):
    sitting = desk.open(mode="practice")
    hand_ins = {slot: sitting.played(slot) for slot in sitting.session.form.slots}
    slot, question = next(
        (slot, each)
        for slot in sitting.session.form.slots
        for each in desk.examiner.task(slot).justifications
    )
    worst = min(range(len(question.options)), key=lambda at: question.options[at].credit)
    hand_ins[slot][question.field] = worst + 1
    answers = {next(iter(sitting.right_answers())): None}
    sheet = grade(desk, sitting.submission(hand_ins, answers=answers))["sheet"]
    page = feedback_page(sheet)
    for text in (question.question, question.options[worst].text, question.options[worst].why):
        assert text in page
    assert all(item["asked"]["question"] in page for item in sheet["items"])
    assert "left open" in page
    assert "Where to go on" in page
    # An exam spends neither.
    exam = feedback_page({**sheet, "mode": "exam"})
    assert question.options[worst].why not in exam
    assert not any(item["asked"]["question"] in exam for item in sheet["items"])
    rehearsed = feedback_page({**sheet, "mode": "rehearsal"})
    assert "nothing is decided" in rehearsed
    assert "Not passed" not in rehearsed


# -- The examiner -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "problem"),
    [("12:00", "date, time and zone"), ("2026-11-30T12:00:00", "zone"), ("yesterday", "such as")],
)
def test_a_time_of_arrival_that_is_none_grades_nothing(desk, tmp_path, capsys, examiner, text, problem):
    (tmp_path / "s.zip").write_bytes(desk.open().submission())
    with pytest.raises(SystemExit):
        main(["exam", "grade", str(tmp_path / "s.zip"), *examiner, "--arrived", text])
    assert problem in capsys.readouterr().err
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    given = [str(tmp_path / "s.zip"), *examiner, "--arrived", later, "--out", str(tmp_path / "out")]
    assert main(["exam", "grade", *given]) == 2
    assert "has not come yet" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_files_are_found_below_a_folder_whatever_their_case(desk, tmp_path, capsys, examiner):
    for folder, name in (("ada", "submission.zip"), ("bob", "SUBMISSION.ZIP"), ("mac", "._submission.zip")):
        (tmp_path / "inbox" / folder).mkdir(parents=True)
        (tmp_path / "inbox" / folder / name).write_bytes(b"none")
    given = [str(tmp_path / "inbox"), *examiner, "--out", str(tmp_path / "out"), "--workers", "1"]
    assert main(["exam", "grade", *given]) == 1
    out = capsys.readouterr().out
    assert str(tmp_path / "inbox/ada/submission.zip") in out
    assert str(tmp_path / "inbox/bob/SUBMISSION.ZIP") in out
    assert "mac" not in out.replace(str(tmp_path), "")
    assert main(["exam", "grade", str(tmp_path / "nowhere"), *examiner]) == 2
    assert "there is no file or folder" in capsys.readouterr().err


def test_a_pool_that_is_not_there_is_not_replaced_by_the_public_one(exam, tmp_path):
    with pytest.raises(InvalidInputError, match="neither"):
        Examiner.create(tmp_path / "e", None, exam=exam, pool=tmp_path / "pool")
    assert not (tmp_path / "e").exists()
    shutil.copytree(exam / "tasks" / "T5", tmp_path / "pool" / "tasks" / "T5")
    examiner = Examiner.create(tmp_path / "e", None, exam=exam, pool=tmp_path / "pool")
    (tmp_path / "pool").rename(tmp_path / "unmounted")
    with pytest.raises(IntegrityError, match="mount it"):
        Examiner(tmp_path / "e").open_session(Candidate("Ada"))
    assert list(examiner.sessions()) == []


def test_a_sitting_that_was_not_made_is_not_registered(desk, exam, tmp_path, monkeypatch, examiner, capsys):
    monkeypatch.setenv("LABKIT_EXAMS", str(exam.parent))
    before = [each.form.session for each in desk.examiner.sessions()]
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    candidate = ["exam", "open", "--candidate", "Ada", "--identifier", "twice", *examiner]
    assert main([*candidate, "--folder", str(tmp_path / "taken")]) == 2

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("labkit.exams.sitting.making._write", stopped)
        assert main([*candidate, "--folder", str(tmp_path / "new")]) == 130
    assert [each.form.session for each in desk.examiner.sessions()] == before

    # Opened twice: the second says so; and the list shows who, and what was issued how often.
    capsys.readouterr()
    assert main([*candidate, "--folder", str(tmp_path / "one"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["open_already"] == []
    start = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="minutes")
    assert main([*candidate, "--folder", str(tmp_path / "two"), "--starts", start]) == 0
    out = capsys.readouterr().out
    assert "has an open sitting already" in out
    assert "hand the folder out then" in out
    state = Sitting(tmp_path / "two").state()
    assert state.seconds_left == 60 * state.minutes
    assert main(["exam", "examiner", examiner[1]]) == 0
    out = capsys.readouterr().out
    assert "twice" in out
    assert "issued how often" in out


def test_what_is_said_too_late_is_not_dropped_and_an_appeal_is_graded_from_its_evidence(desk, tmp_path):
    (tmp_path / "s.zip").write_bytes(desk.open().submission())

    def graded(**said):
        submission = Submission(tmp_path / "s.zip", **said)
        return grade_for(desk.examiner, [submission], root=tmp_path / "out", workers=1)

    first = graded()
    assert first.rows[0]["unused"] == []
    (row,) = graded(owner="somebody else").rows
    assert row["status"] == "graded"
    assert "--owner somebody else was not used" in row["unused"][0]
    assert "--out" in row["unused"][0]

    pack = tmp_path / "out" / "packs" / row["session"]
    with zipfile.ZipFile(tmp_path / "appeal.zip", "w") as evidence:
        for name in ("pack.json", "submission.zip"):
            evidence.write(pack / name, name)
        evidence.writestr("history.json", "[]")
    assert regrade(tmp_path / "appeal.zip", exam=first.folder.exam).differences == ()
    with pytest.raises(IntegrityError, match="with --exam"):
        regrade(tmp_path / "appeal.zip")


def test_what_a_newer_program_says_beside_the_score_is_no_other_score():
    item = {"id": "d1-001", "points": 1.0, "credit": 0.5, "reasons": []}
    sheet = {"tasks": [], "items": [item], "total": {"earned": 0.5}, "grader": "0.1"}
    newer = {**sheet, "items": [{**item, "asked": "Which?"}], "more": 1, "grader": "0.2"}
    assert _differences(sheet, newer) == []
    assert _differences(newer, sheet) == ["d1-001: other asked", "more differs"]
    lower = {**sheet, "items": [{**item, "credit": 0.25}], "total": {"earned": 0.25}}
    assert _differences(sheet, lower) == ["d1-001: 0.5 before, 0.25 now", "total differs"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")
def test_a_new_gradebook_is_read_by_its_owner_alone(tmp_path):
    open_records(str(tmp_path / "records.sqlite"))
    assert (tmp_path / "records.sqlite").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "content",
    [b"identifier,name\nm,M\xc3\xbcller\n", b"\xef\xbb\xbfidentifier;name\r\n\r\nm; M\xc3\xbcller \r\n"],
)
def test_a_list_is_read_as_any_spreadsheet_saves_it(tmp_path, content):
    (tmp_path / "list.csv").write_bytes(content)
    assert [row for _, row in read_rows(tmp_path / "list.csv")] == [["identifier", "name"], ["m", "Müller"]]


def test_a_list_in_another_encoding_says_in_which_line_and_how_to_save_it(tmp_path):
    (tmp_path / "list.csv").write_bytes(b"identifier,name\nm,M\xfcller\n")
    with pytest.raises(DataFormatError, match=r"list\.csv:2: .* save it as"):
        read_rows(tmp_path / "list.csv")
    with pytest.raises(DataFormatError, match="No such file"):
        read_rows(tmp_path / "none.csv")
