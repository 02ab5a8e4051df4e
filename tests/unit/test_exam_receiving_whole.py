"""A whole sitting in exam mode by command, against a real server, through grading."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
import safetensors.torch

from labkit.cli import main
from labkit.exams.envelope.reading import read_envelope
from labkit.exams.examiner import Examiner
from labkit.exams.grading import grade_for, received_by, session_facts, verify
from labkit.exams.grading.verifying import Arrival
from labkit.exams.issued import read_issued
from labkit.exams.sitting import Sitting, make_sitting
from tests.exam_receivers import PASSWORD, Service, free_port
from tests.exam_submissions import make_graded_exam


@pytest.fixture
def told(capsys):
    def run(*arguments, status=0):
        assert main(["exam", *map(str, arguments)]) == status, capsys.readouterr().err
        return json.loads(capsys.readouterr().out)

    return run


@pytest.fixture
def office(tmp_path, monkeypatch, own_home):
    """An exam whose bots were recorded, and a file with the password of the examiner's keys."""
    exam = make_graded_exam(tmp_path / "exams")
    monkeypatch.setenv("LABKIT_EXAMS", str(exam.parent))
    (tmp_path / "password").write_text(PASSWORD)
    return exam, tmp_path / "examiner", ("--password-file", tmp_path / "password")


def hand_in(folder, place):
    """Solve one task by command."""
    materials = read_issued(folder / "materials" / "T5")
    x_adv = materials.tensors["x"] + materials.facts["epsilon"] * materials.tensors["weights"].sign()
    safetensors.torch.save_file({"x_adv": x_adv}, place / "x.safetensors")
    given = ("--tensors", str(place / "x.safetensors"), "--set", "claimed_gain=1.0", "--set", "why_side=2")
    assert main(["exam", "hand-in", str(folder), "T5", *given]) == 0


def test_prepared_opened_sat_extended_sent_received_graded_and_regraded(office, told, tmp_path, capsys):
    exam, folder, password = office
    port = free_port()
    told("examiner", folder, "--exam", exam, *password, "--json")
    told("receive", folder, "--prepare", "--url", f"http://127.0.0.1:{port}", "--json")
    ada = ("--candidate", "Ada", "--identifier", "a-17", "--examiner", folder, *password, "--json")
    opened = told("open", *ada, "--folder", tmp_path / "ada")
    assert "the server could not be reached since" in opened["deadline_source"]

    service = Service(Examiner(folder, PASSWORD), port).start()
    try:
        state = told("tasks", tmp_path / "ada", "--json")
        assert state["deadline_source"] == "the examiner's server"
        hand_in(tmp_path / "ada", tmp_path)
        capsys.readouterr()
        incident = ("--minutes", "10", "--reason", "fire alarm", "--by", "Gina", "--json")
        told("receive", folder, "--extend", "--all", *incident)
        state = told("tasks", tmp_path / "ada", "--json")
        assert state["added"] == ["10 minutes more: fire alarm"]
        assert state["seconds_left"] > 39 * 60

        receipt = told("submit", tmp_path / "ada", "--json")["receipt"]
        about = receipt["arrival"]["entry"]["payload"]
        assert (about["owner"], about["late"], about["sha256"]) == ("a-17", False, receipt["sha256"])
        kept = json.loads((tmp_path / "ada/work/receipts/arrival.json").read_text())
        assert kept == receipt["arrival"]
        assert told("submit", tmp_path / "ada", "--json")["receipt"] == receipt
    finally:
        assert "stopped after 2 entries" in service.stop()

    graded = told("grade", "--received", folder, *password, "--json")
    (row,) = graded["submissions"]
    assert (row["status"], row["reasons"]) == ("graded", [])
    sheet = json.loads((folder / "graded/sheets" / f"{opened['session']}.json").read_text())
    solved = next(task for task in sheet["tasks"] if task["slot"] == "T5")
    assert solved["earned"] == pytest.approx(solved["points"])
    arrival = {"at": about["announced_at"], "by": "the examiner's server", "added_minutes": 10}
    assert sheet["arrival"] == arrival
    assert sheet["flags"] == []
    page = (folder / "graded/feedback" / f"{opened['session']}.html").read_text()
    assert (
        f"Arrived {about['announced_at']}, by the examiner&#x27;s server, with 10 minutes that were" in page
    )
    assert main(["exam", "regrade", str(folder / "graded/packs" / opened["session"])]) == 0
    assert "the same, line by line" in capsys.readouterr().out
    # The same file, brought by hand as well, is known by its digest.
    again = told("grade", tmp_path / "ada/submission.zip", "--examiner", folder, *password, "--json")
    assert again["submissions"][0]["reasons"] == []


def test_what_could_not_be_sent_is_sealed_said_and_sent_again(office, told, tmp_path, capsys):
    exam, folder, _ = office
    service = Service.make(tmp_path, exam)
    bo = ("--candidate", "Bo", "--examiner", folder, "--json")
    told("open", *bo, "--folder", tmp_path / "bo")
    hand_in(tmp_path / "bo", tmp_path)
    capsys.readouterr()
    sealed = told("submit", tmp_path / "bo", "--offline", "--json")["receipt"]
    assert (sealed["arrival"], sealed["problem"]) == (None, "")
    assert main(["exam", "submit", str(tmp_path / "bo")]) == 1
    said = capsys.readouterr().out
    assert "NOT SENT: nobody listens at its address" in said
    assert f"labkit exam submit {tmp_path / 'bo'}" in said
    service.start()
    assert main(["exam", "submit", str(tmp_path / "bo")]) == 0
    assert "Received by the examiner's server at" in capsys.readouterr().out
    # A sealed file that somebody touched is not sent in its place.
    told("open", *bo, "--folder", tmp_path / "eve")
    told("submit", tmp_path / "eve", "--offline", "--json")
    (tmp_path / "eve/submission.zip").write_bytes(b"better")
    assert (
        "altered after it was sealed"
        in told("submit", tmp_path / "eve", "--json", status=1)["receipt"]["problem"]
    )
    service.kill()


def verified(examiner, submission):
    """Return what the grader finds before it measures anything."""
    session = examiner.session(submission.path.parent.name)
    envelope = read_envelope(submission.path.read_bytes())
    return verify(envelope, session_facts(examiner, session), Arrival(**submission.arrival))


def test_late_by_the_server_is_late_unless_time_was_added_for_an_incident(office, told, tmp_path):
    """What is late, and whose it is, comes from the arrivals, whatever the candidate's clock said."""
    exam, folder, _ = office
    service = Service.make(tmp_path, exam).start()
    now = datetime.now(UTC)
    sessions = [service.open(name, name, now=now - timedelta(minutes=35)) for name in ("late", "alarm")]
    for session in sessions:
        name = session.form.candidate
        make_sitting(service.examiner, session, tmp_path / name).desk.clock.close()
        receipt = Sitting(tmp_path / name, lambda: now - timedelta(minutes=20)).submit()
        assert "late: it was due at" in str(receipt)
    alarm = sessions[1].form.session
    given = ("--extend", alarm, "--minutes", "10", "--reason", "fire alarm", "--by", "Gina", "--json")
    told("receive", folder, *given)
    service.kill()
    rows = told("receive", folder, "--list", "--json")["sittings"]
    assert {row["owner"]: row["late"] for row in rows} == {"late": True, "alarm": False}
    assert [each.added_minutes for each in received_by(service.examiner)] == [0, 10]
    late, in_time = map(partial(verified, service.examiner), received_by(service.examiner))
    assert "deadline: it came at" in late.reasons[0]
    assert (late.counts, in_time.counts, in_time.reasons) == (False, True, ())
    assert in_time.arrival["by"] == "the examiner's server"
    # Whoever graded before the time was added is told that it needs another folder.
    graded = grade_for(service.examiner, received_by(service.examiner), workers=1)
    assert [row["unused"] for row in graded.rows] == [[], []]
    told("receive", folder, "--extend", sessions[0].form.session, *given[2:])
    row, _ = grade_for(service.examiner, received_by(service.examiner), workers=1).rows
    assert "time of 10 minutes that was added was not used" in row["unused"][0]
