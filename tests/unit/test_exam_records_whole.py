"""From a sealed submission to a credential's award and back: grader, gradebook and credentials together."""

import json
import zipfile

import pytest

from labkit.cli import main
from labkit.credentials.award import read_award
from labkit.exams.examiner import Candidate
from labkit.exams.grading import GradingFolder, Submission, regrade, session_facts
from tests.exam_submissions import Desk, make_graded_exam


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Return the folder of a grader who graded one that can and one that cannot, and the exam."""
    folder = tmp_path_factory.mktemp("graded")
    exam = make_graded_exam(folder)
    desk = Desk.make(folder, exam)
    submissions, facts = [], []
    for who, hand_ins in (("ada", None), ("bob", {})):
        sitting = desk.open(Candidate(who.title(), f"{who}@example.org"))
        path = folder / f"{who}.zip"
        path.write_bytes(sitting.submission(hand_ins))
        submissions.append(Submission(path, f"{who}@example.org"))
        facts.append(session_facts(desk.examiner, sitting.session))
    grading = GradingFolder(folder / "out", desk.exam)
    rows = grading.grade(submissions, facts, workers=1, seconds=60)
    assert [row["passed"] for row in rows] == [True, False]
    return grading, exam, rows


def test_a_result_goes_all_the_way(graded, tmp_path, monkeypatch, capsys):
    grading, exam, rows = graded
    monkeypatch.setenv("LABKIT_RECORDS", str(tmp_path / "records.sqlite"))

    def run(*words, status=0):
        assert main(["exam", "release", *map(str, words), "--json"]) == status
        return json.loads(capsys.readouterr().out)

    for who, role in (("gina", "grader"), ("rolf", "releaser"), ("anna", "appeals")):
        run("people", "--add", who, "--role", role)
    for outcome in ("added", "known"):
        added = run("add", grading.root, "--by", "gina", "--blueprint", exam)
        assert {each["outcome"] for each in added} == {outcome}
    run("approve", "--all", "--by", "rolf", "--awards", tmp_path / "awards")

    # What leaves is what the credentials take, bound to the form that was signed and to the sheet.
    [path] = (tmp_path / "awards").iterdir()
    award = read_award(path.read_bytes(), "proctored")
    assert path.stem == rows[0]["session"]
    assert (award.name, award.identifier) == ("Ada", "ada@example.org")
    facts = json.loads((grading.root / "sessions" / path.name).read_text())
    assert award.form_commitment.startswith("form-sha256:")
    assert award.share == pytest.approx(grading.sheet(path.stem)["total"]["share"])
    assert facts["session"] == path.stem

    # What an appeal froze can be graded again far from where it was graded, and gives the same score.
    name = rows[1]["session"]
    words = (
        "appeal",
        name,
        "--reason",
        "All of it",
        "--by",
        "anna",
        "--graded",
        grading.root,
        "--out",
        tmp_path,
    )
    ticket = run(*words)
    with zipfile.ZipFile(ticket["evidence"]) as evidence:
        evidence.extractall(tmp_path / "unpacked")
    found = regrade(tmp_path / "unpacked", exam=grading.exam, seconds=60)
    assert (found.session, found.differences) == (name, ())
    run("answer", ticket["id"], "review", "--why", "Grading it again", "--by", "anna")
    run("answer", ticket["id"], "rejected", "--why", "The same score, line by line", "--by", "anna")
    assert run("verify")["broken_at"] is None


def test_real_sheets_have_statistics(graded, capsys):
    grading, exam, rows = graded
    words = ["exam", "itemstats", str(grading.root / "sheets"), "--blueprint", str(exam)]
    assert main([*words, "--submissions", str(grading.root / "submissions"), "--similar", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["summary"]["candidates"] == len(rows)
    assert found["summary"]["passed"]["value"] == 0.5
    assert {"T8"} <= {each["name"] for each in found["questions"]}
