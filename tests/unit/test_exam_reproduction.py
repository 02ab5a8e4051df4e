"""Which tasks are run again, what a sheet says of it, and what happens where nothing can be run."""

import json
from datetime import timedelta

import pytest

from labkit.cli import main
from labkit.core.errors import DeclarationError
from labkit.exams.examiner import Candidate
from labkit.exams.grading import Submission, feedback_page, grade_for, regrade
from labkit.exams.grading.reproducing import _sitting
from labkit.exams.grading.verifying import Arrival
from labkit.exams.notebook import exam_notebook, notebook_bytes
from labkit.exams.records import add_officer, add_sheets, open_records, read_sheets
from labkit.exams.reproduction import claims_again, claims_of, self_test
from labkit.exams.sitting import Sitting
from labkit.exams.task import find_task, tasks_of
from labkit.exams.task.asking import asks_of, task_of_asks
from tests.exam_submissions import START, Desk, grade, make_graded_exam

PROBLEMS = self_test()
needs_sandbox = pytest.mark.skipif(bool(PROBLEMS), reason="; ".join(PROBLEMS) or "the sandbox holds")


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """An exam of which T1 and T5 are run again, and T8 is not."""
    exam = make_graded_exam(tmp_path_factory.mktemp("exam"))
    for slot in ("T1", "T5"):
        path = exam / "tasks" / slot / "task.toml"
        path.write_text(path.read_text().replace("minutes = 3", "minutes = 3\nreproduce = true"))
    return Desk.make(tmp_path_factory.mktemp("desk"), exam)


@pytest.fixture
def no_sandbox(monkeypatch):
    monkeypatch.setattr("labkit.exams.reproduction.sandbox.self_test", lambda: ("there is a network",))


def submitted(desk, folder, mode="exam", **changed):
    """Write a submission with the solution as its notebook, and return sitting and file."""
    sitting = desk.open(mode=mode)
    hand_ins = {slot: sitting.played(slot) for slot in sitting.session.form.slots}
    hand_ins["T5"] |= changed
    tasks = [desk.examiner.task(slot) for slot in sitting.session.form.slots]
    notebook = notebook_bytes(exam_notebook(desk.examiner.blueprint, tasks, mode, solved=True))
    path = folder / f"{sitting.name}.zip"
    path.write_bytes(sitting.submission(hand_ins, more={"exam.ipynb": notebook}))
    return sitting, path


def test_a_task_says_whether_it_is_run_again(desk, tmp_path):
    exam = desk.examiner.exam
    assert [task.id for task in tasks_of(exam).values() if task.reproduce] == ["T1", "T5"]
    assert task_of_asks(asks_of(find_task("T5", exam)), exam).reproduce
    text = notebook_bytes(exam_notebook(desk.examiner.blueprint, tasks_of(exam).values(), "exam")).decode()
    assert text.count("runs the answer cell of this task again") == 2
    path = make_graded_exam(tmp_path) / "tasks" / "T1" / "task.toml"
    path.write_text(path.read_text().replace("minutes = 3", 'minutes = 3\nreproduce = "yes"'))
    with pytest.raises(DeclarationError, match=r"task\.toml:7: expected 'reproduce' as true or false"):
        find_task("T1", path.parents[2])


def test_the_practitioner_exam_runs_again_what_is_computed():
    assert [task.id for task in tasks_of().values() if task.reproduce] == ["T4", "T5", "T6", "T7"]


def test_claims_are_figures_and_choices_in_an_order_of_their_own():
    task = find_task("T7")
    rows = [
        {"suspect": "B", "verdict": "copy", "evidence": 0.98765, "ordinary": 0.5},
        {"suspect": "A", "verdict": "copy", "evidence": 0.1, "ordinary": 0.5},
    ]
    said = claims_of(task, {"verdicts": rows, "claim": -12.345, "why_line": 2})
    assert said == claims_of(task, {"verdicts": rows[::-1], "claim": -12.349, "why_line": 2})
    assert "claim: -12\n" in said
    assert "evidence" not in said
    assert said != claims_of(task, {"verdicts": rows, "claim": -13.1, "why_line": 2})
    # Whatever somebody wrote into a file becomes one line of a claim, and no error.
    odd = claims_of(task, {"verdicts": ["x"], "claim": "1\nclaim: 2" * 99, "why_line": None, "more": 1})
    assert len(odd.splitlines()) == 3


def test_what_is_run_again_waits_on_the_sheet_and_costs_no_score(desk, tmp_path):
    _, path = submitted(desk, tmp_path)
    sheet = grade(desk, path.read_bytes())["sheet"]
    assert sheet["reproduction"] == {"asked": ["T1", "T5"], "state": "waiting", "why": "", "flags": []}
    late = Arrival(at=(START + timedelta(days=1)).isoformat())
    assert grade(desk, path.read_bytes(), arrival=late)["sheet"]["reproduction"]["state"] == "none"
    assert grade(desk, desk.open().submission({}))["sheet"]["reproduction"]["state"] == "none"


def test_an_exam_without_a_sandbox_is_graded_and_refused_until_somebody_decides(
    desk, tmp_path, no_sandbox, monkeypatch, capsys
):
    sitting, path = submitted(desk, tmp_path)
    monkeypatch.setenv("LABKIT_EXAMINER_PASSWORD", "a long password")
    out = tmp_path / "out"
    command = ["exam", "grade", path, "--examiner", desk.examiner.folder, "--out", out, "--workers", "1"]
    assert main([*map(str, command), "--json"]) == 1
    [row] = json.loads(capsys.readouterr().out)["submissions"]
    assert (row["status"], row["passed"]) == ("graded", True)
    assert row["reproduction"]["state"] == "refused"
    assert "failed its self-test: there is a network" in row["reproduction"]["why"]
    sheet = out / "sheets" / f"{sitting.name}.json"
    assert json.loads(sheet.read_text())["reproduction"] == row["reproduction"]
    assert "run again: refused" in feedback_page(json.loads(sheet.read_text()))

    # The gradebook does not take it before it was run again, or somebody said that it is left out.
    with open_records(str(tmp_path / "records.sqlite")) as records:
        add_officer(records, "gina", "grader")
        [refused] = add_sheets(records, read_sheets([sheet]), desk.examiner.blueprint, by="gina")
        assert refused.outcome == "refused"
        assert "T1, T5 refused" in refused.why
        assert main([*map(str, command), "--no-reproduce"]) == 0
        assert "left out, by whoever graded it" in capsys.readouterr().out
        [added] = add_sheets(records, read_sheets([sheet]), desk.examiner.blueprint, by="gina")
        assert added.outcome == "added"
    # What was run again is no part of the score.
    assert regrade(out / "packs" / sitting.name).differences == ()


def test_practice_without_a_sandbox_goes_on_and_says_so(desk, tmp_path, no_sandbox):
    sitting, path = submitted(desk, tmp_path, "practice")
    graded = grade_for(desk.examiner, [Submission(path)], root=tmp_path / "out", workers=1)
    told = graded.folder.sheet(sitting.name)["reproduction"]
    assert told["state"] == "left out"
    assert told["why"].startswith("not reproduced here: ")
    assert graded.rows[0]["passed"]


def test_the_sitting_that_is_run_again_is_open_and_worth_nothing(desk):
    session = desk.examiner.open_session(Candidate("Ada"), now=START - timedelta(days=3000))
    with _sitting(desk.examiner, session, ["T5"]) as folder:
        assert all(path.stat().st_mode & 0o004 for path in folder.rglob("*"))
        again = Sitting(folder)
        assert (again.form.mode, again.form.slots, again.form.items) == ("rehearsal", ("T5",), ())
        issued, variant = desk.examiner.issue(session, "T5"), desk.examiner.variant(session, "T5")
        from labkit.exams.task import load_code

        values = load_code(desk.examiner.task("T5"), "bots").reference(issued, variant)
        again.hand_in("T5", **values)
        assert claims_again(again, "T5") == claims_of(desk.examiner.task("T5"), values)
    assert not folder.exists()


@needs_sandbox
@pytest.mark.timeout(240)
def test_what_was_handed_in_is_held_against_what_the_cell_hands_in(desk, tmp_path):
    """An honest answer has no flag; a claim that its cell does not come to has one, and loses nothing."""
    sitting, path = submitted(desk, tmp_path, claimed_gain=0.96)
    graded = grade_for(desk.examiner, [Submission(path)], root=tmp_path / "out", workers=1)
    flags = ["T5: run again, it hands in something else than was handed in"]
    done = {"asked": ["T1", "T5"], "state": "done", "why": "", "flags": flags}
    assert graded.rows[0]["reproduction"] == graded.folder.sheet(sitting.name)["reproduction"] == done
    assert graded.rows[0]["passed"]
    kept = json.loads((graded.folder.root / "reproduced" / f"{sitting.name}.json").read_text())
    # The cell that opens the sitting, two of each task, nbval's two comparisons; none of T8.
    assert kept["cells"] == 7
    # It is done: where there is no sandbox any more it stays so.
    again = grade_for(desk.examiner, [Submission(path)], root=tmp_path / "out", reproduce=False)
    assert again.rows[0]["reproduction"] == done
