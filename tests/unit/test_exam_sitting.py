"""A sitting keeps everything, says so, and never says what it is worth."""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import torch

from labkit.core.errors import IntegrityError, InvalidInputError, StorageError, UnknownNameError
from labkit.exams.chain import broken_links
from labkit.exams.envelope.reading import read_envelope, read_submission_bytes
from labkit.exams.examiner import Candidate, Examiner
from labkit.exams.sitting import Sitting, make_sitting, open_sitting
from labkit.exams.sitting.answering import check_answer
from tests.exam_example import make_exam

START = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
ROOT = Path(__file__).resolve().parents[2]


class Clock:
    """A clock that a test sets."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now


@pytest.fixture(scope="module")
def issued(tmp_path_factory):
    """One exam sitting as it is issued, to be copied."""
    base = tmp_path_factory.mktemp("issued")
    exam = make_exam(base / "exams")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_EXAMS", str(exam.parent))
        examiner = Examiner.create(base / "examiner", None, exam=exam)
        for mode in ("exam", "practice"):
            session = examiner.open_session(Candidate("Ada", "a-17", 15), mode, now=START)
            make_sitting(examiner, session, base / mode)
    return base


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def sitting(issued, tmp_path, monkeypatch, clock):
    monkeypatch.setenv("LABKIT_EXAMS", str(issued / "exams"))
    shutil.copytree(issued / "exam", tmp_path / "sitting")
    return Sitting(tmp_path / "sitting", clock)


def solve(sitting, slot="T5"):
    materials = sitting.materials(slot)
    step = materials.facts["epsilon"] * materials.tensors["weights"].sign()
    return materials.tensors["x"] + step


def test_a_sitting_needs_no_folder_of_the_exam_and_holds_nothing_that_earns(
    sitting, monkeypatch, tmp_path, clock
):
    monkeypatch.setenv("LABKIT_EXAMS", str(tmp_path / "nothing"))
    again = Sitting(sitting.folder, clock)
    task = again.task("T5")
    assert [option.text for option in task.justifications[0].options][1] == "Along their signs."
    assert again.hand_in("T5", x_adv=solve(again), why_side=2).missing == ("claimed_gain",)
    asks = (sitting.folder / "materials/T5/asks.json").read_text()
    for word in ("credit", "zero_at", "full_at", "tolerance", "limit", "The product shrinks"):
        assert word not in asks


def test_a_new_sitting_is_untouched_and_says_how_much_time_there_is(sitting):
    state = sitting.state()
    assert [(place.id, place.state) for place in state.tasks] == [("T1", "untouched"), ("T5", "untouched")]
    assert state.seconds_left == (30 + 15) * 60
    assert "signed form" in state.deadline_source
    assert "45 minutes left" in str(sitting.state())
    assert sitting.brief("T5").startswith("# T5")


def test_a_hand_in_gets_a_receipt_and_no_score(sitting):
    receipt = sitting.hand_in("T5", x_adv=solve(sitting), claimed_gain=1.0)
    assert (receipt.number, receipt.fields, receipt.missing) == (1, ("x_adv", "claimed_gain"), ("why_side",))
    shown = str(receipt)
    assert "still open: why_side" in shown
    assert not any(word in shown for word in ("score", "points", "gain ="))
    assert json.loads((sitting.folder / "work/receipts/0002-T5.json").read_text())["number"] == 1
    assert sitting.state().tasks[1].state == "answered"


def test_fields_are_replaced_one_by_one_and_every_version_is_kept(sitting):
    sitting.hand_in("T5", x_adv=solve(sitting), claimed_gain=0.5)
    receipt = sitting.hand_in("T5", claimed_gain=1.0, why_side=2)
    assert (receipt.number, receipt.missing) == (2, ())
    kept = sitting.folder / "work/handed/T5"
    assert json.loads((kept / "0001/hand_in.json").read_text()) == {"claimed_gain": 0.5}
    assert json.loads((kept / "0002/hand_in.json").read_text()) == {"claimed_gain": 1.0, "why_side": 2}
    assert (kept / "0002/tensors.safetensors").read_bytes() == (
        kept / "0001/tensors.safetensors"
    ).read_bytes()
    assert sitting.hand_in("T5", why_side=None).missing == ("why_side",)


def test_what_is_wrong_is_refused_at_once_and_nothing_changes(sitting):
    sitting.hand_in("T5", x_adv=solve(sitting))
    with pytest.raises(InvalidInputError, match=r"within 0\.1") as error:
        sitting.hand_in("T5", x_adv=solve(sitting) * 0 + 1, claimed_gain=2)
    assert "from 0 to 1" in str(error.value)
    with pytest.raises(InvalidInputError, match="does not ask for 'foo'"):
        sitting.hand_in("T5", foo=None)
    with pytest.raises(UnknownNameError, match="T1, T5"):
        sitting.hand_in("T8", x=1)
    assert sitting.state().tasks[1].version == 1
    assert sitting.desk.entries()[-1]["kind"] == "refused"


def test_arrays_and_modules_are_taken_for_what_they_are(sitting):
    assert sitting.hand_in("T5", x_adv=solve(sitting).numpy()).fields == ("x_adv",)


def test_a_sitting_is_taken_up_again_where_it_was_left(sitting, clock):
    sitting.hand_in("T5", x_adv=solve(sitting))
    sitting.flag("T1")
    sitting.note("look at the sign", "T5")
    clock.now += timedelta(minutes=7)
    again = Sitting(sitting.folder, clock)
    state = again.state()
    assert [(place.id, place.state) for place in state.tasks] == [("T1", "flagged"), ("T5", "answered")]
    assert state.seconds_left == 38 * 60
    assert again.notes() == {"T5": "look at the sign"}
    again.flag("T1", False)
    assert again.state().tasks[0].state == "untouched"


def test_what_a_crash_left_between_two_files_is_mended(sitting, clock):
    sitting.hand_in("T5", x_adv=solve(sitting))
    log = sitting.folder / "work/log.jsonl"
    whole = log.read_bytes()
    # The version lies there, its log entry was cut off in the middle of a line.
    log.write_bytes(whole[:-30])
    again = Sitting(sitting.folder, clock)
    assert again.desk.entries()[-1]["kind"] == "mended"
    assert broken_links(again.desk.entries(), again.form.sha256) == []
    assert again.state().tasks[1].version == 1


def test_a_killed_process_loses_nothing_that_was_acknowledged(sitting):
    code = (
        "import os, sys\n"
        "from datetime import datetime, UTC\n"
        "from pathlib import Path\n"
        "from labkit.exams.sitting import Sitting\n"
        "s = Sitting(Path(sys.argv[1]), lambda: datetime(2026, 11, 30, 9, 1, tzinfo=UTC))\n"
        "s.hand_in('T5', claimed_gain=0.25)\n"
        "print('kept', flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        [sys.executable, "-c", code, str(sitting.folder)], env=env, capture_output=True, text=True, timeout=60
    )
    assert ended.stdout == "kept\n", ended.stderr
    assert sitting.hand_in("T5", why_side=1).fields == ("claimed_gain", "why_side")


def test_two_tabs_lose_no_answer(sitting, clock):
    tabs = [Sitting(sitting.folder, clock) for _ in range(2)]
    threads = [
        threading.Thread(
            target=lambda tab=tab, slot=slot: [tab.hand_in(slot, claimed_gain=n / 10) for n in range(10)]
        )
        for tab, slot in zip(tabs, ("T1", "T5"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = sitting.desk.entries()
    assert sum(each["kind"] == "handed_in" for each in entries) == 20
    assert broken_links(entries, sitting.form.sha256) == []
    assert {place.version for place in sitting.state().tasks} == {10}


def test_a_full_disk_gives_a_clear_message_and_keeps_what_was_there(sitting, monkeypatch):
    sitting.hand_in("T5", claimed_gain=0.5)
    before = sitting.desk.log_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, "No space left on device")

    for where in ("labkit.exams.sitting.desk.os.fsync", "pathlib.Path.write_bytes"):
        with monkeypatch.context() as patch:
            patch.setattr(where, full)
            with pytest.raises(StorageError, match="No space left on device") as error:
                sitting.hand_in("T5", claimed_gain=0.75)
            assert "Free some space" in str(error.value)
        assert sitting.desk.log_bytes() == before
    assert sitting.state().tasks[1].version == 1
    assert sitting.hand_in("T5", why_side=1).fields == ("claimed_gain", "why_side")
    kept = json.loads((sitting.folder / "work/handed/T5/0002/hand_in.json").read_text())
    assert kept == {"claimed_gain": 0.5, "why_side": 1}


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on the size of files")
def test_a_log_line_that_does_not_fit_leaves_no_half_of_itself(sitting):
    """The system itself refuses to write on, in the middle of a line."""
    import resource

    sitting.hand_in("T5", claimed_gain=0.5)
    before = sitting.desk.log_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 40, limits[1]))
    try:
        with pytest.raises(StorageError, match="Free some space"):
            sitting.hand_in("T5", claimed_gain=0.75)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (sitting.folder / "work/log.jsonl").read_bytes() == before
    assert sitting.state().tasks[1].version == 1
    assert sitting.hand_in("T5", why_side=1).number == 2


def test_a_long_log_is_continued_where_it_ends(sitting, monkeypatch):
    monkeypatch.setattr("labkit.exams.sitting.desk._TAIL", 100)
    for number in range(5):
        sitting.hand_in("T5", claimed_gain=number / 10)
    entries = sitting.desk.entries()
    assert [each["n"] for each in entries] == list(range(1, len(entries) + 1))
    assert broken_links(entries, sitting.form.sha256) == []


def test_an_exam_takes_nothing_after_its_deadline_but_can_be_submitted(sitting, clock):
    sitting.hand_in("T5", claimed_gain=0.5)
    clock.now += timedelta(minutes=46)
    with pytest.raises(InvalidInputError, match=r"exam\.submit"):
        sitting.hand_in("T5", claimed_gain=0.6)
    assert sitting.state().over
    assert sitting.submit().open == ("T1",)


def test_practice_goes_on_after_its_time_and_says_so(issued, tmp_path, monkeypatch, clock):
    monkeypatch.setenv("LABKIT_EXAMS", str(issued / "exams"))
    shutil.copytree(issued / "practice", tmp_path / "practice")
    sitting = Sitting(tmp_path / "practice", clock)
    clock.now += timedelta(minutes=46)
    assert "is over" in str(sitting.hand_in("T5", claimed_gain=0.5))


def test_a_submission_is_sealed_once_and_the_grading_side_opens_it(sitting):
    x_adv = solve(sitting)
    sitting.hand_in("T5", claimed_gain=0.5)
    sitting.hand_in("T5", x_adv=x_adv, claimed_gain=1.0, why_side=2)
    receipt = sitting.submit()
    path = Path(receipt.file)
    envelope = read_envelope(read_submission_bytes(path))
    assert envelope.sha256 == receipt.sha256
    assert envelope.refused == {}
    assert envelope.manifest["nonce"] == sitting.form.nonce
    assert envelope.form_sha256 == sitting.form.sha256 == envelope.manifest["form_sha256"]
    assert broken_links(envelope.log, envelope.form_sha256) == []
    assert envelope.log[-1]["digest"] == envelope.manifest["log_head"] == receipt.log_head
    assert envelope.hand_ins["T5"].values == {"claimed_gain": 1.0, "why_side": 2}
    assert torch.equal(envelope.hand_ins["T5"].tensors()["x_adv"], x_adv)
    assert envelope.notebook == (sitting.folder / "exam.ipynb").read_bytes()
    assert sitting.submit() == receipt == Sitting(sitting.folder).submit()
    with pytest.raises(InvalidInputError, match="submitted"):
        sitting.hand_in("T5", claimed_gain=0.1)
    with zipfile.ZipFile(path) as archive:
        assert not any("note" in name or "desk" in name for name in archive.namelist())


def test_answers_follow_from_the_log_whatever_became_of_their_file(sitting, clock):
    view = {"id": "d1-a", "revision": 1, **VIEWS["single"], "question": "?", "domain": "D1"}
    (sitting.folder / "items.json").write_text(json.dumps([{**view, "id": "d1-a"}]))
    sitting.answer("d1-a", 1, "know")
    sitting.answer("d1-a", 2)
    (sitting.folder / "work/answers.json").write_text("{half")
    again = Sitting(sitting.folder, clock)
    assert again.answers() == {"d1-a": {"answer": [2], "confidence": "know"}}
    (sitting.folder / "work/answers.json").unlink()
    envelope = read_envelope(read_submission_bytes(Path(sitting.submit().file)))
    assert envelope.answers == {"d1-a": {"answer": [2], "confidence": "know"}}


def test_a_disk_that_is_full_at_the_end_leaves_the_sitting_open(sitting, monkeypatch):
    sitting.hand_in("T5", claimed_gain=0.5)
    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.write_bytes", lambda *_: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(StorageError):
            sitting.submit()
    assert not sitting.submitted
    assert sitting.submit().size > 0
    assert [each["kind"] for each in sitting.desk.entries()].count("submitted") == 1


def test_a_form_that_was_altered_is_not_opened(sitting):
    path = sitting.folder / "form.json"
    path.write_text(path.read_text().replace('"extra_minutes":15', '"extra_minutes":95'))
    with pytest.raises(IntegrityError, match="altered"):
        Sitting(sitting.folder)


def test_a_folder_without_a_sitting_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(IntegrityError, match="labkit exam open"):
        open_sitting()


def test_a_sitting_is_found_from_inside_and_by_the_environment(sitting, monkeypatch):
    monkeypatch.chdir(sitting.folder / "work")
    assert open_sitting().folder == sitting.folder
    monkeypatch.chdir("/")
    monkeypatch.setenv("LABKIT_SITTING", str(sitting.folder))
    assert open_sitting().desk.entries()[-1]["kind"] == "resumed"


def test_a_hand_in_costs_the_processor_well_under_a_second(sitting):
    sitting.hand_in("T5", claimed_gain=0.5)
    began = time.process_time()
    for _ in range(5):
        sitting.hand_in("T5", x_adv=solve(sitting), claimed_gain=1.0)
    assert (time.process_time() - began) / 5 < 0.5


VIEWS = {
    kind: {"id": kind, "kind": kind, **more}
    for kind, more in {
        "single": {"parts": [{"several": False, "options": [{"position": n} for n in range(4)]}]},
        "multiple": {"parts": [{"several": True, "options": [{"position": n} for n in range(4)]}]},
        "scenario": {
            "parts": [{"several": s, "options": [{"position": n} for n in range(3)]} for s in (False, True)]
        },
        "matching": {"lefts": ["a", "b"], "rights": [{"position": n} for n in range(3)]},
        "ordering": {"steps": [{"position": n} for n in range(3)]},
        "numeric": {"unit": "s"},
    }.items()
}


@pytest.mark.parametrize(
    ("kind", "answer", "kept"),
    [
        ("single", 2, [2]),
        ("single", [3], [3]),
        ("multiple", [0, 2], [0, 2]),
        ("scenario", [[1], None], [[1], None]),
        ("scenario", [[1], [0, 2]], [[1], [0, 2]]),
        ("matching", [2, None], [2, None]),
        ("ordering", (2, 0, 1), [2, 0, 1]),
        ("numeric", 0.25, [0.25]),
        ("numeric", None, None),
    ],
)
def test_an_answer_is_kept_in_the_form_that_is_marked(kind, answer, kept):
    assert check_answer(VIEWS[kind], answer) == kept


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("single", [1, 2]),
        ("single", [4]),
        ("single", True),
        ("multiple", [1, 1]),
        ("multiple", "12"),
        ("scenario", [[1]]),
        ("scenario", [[0, 1], [0]]),
        ("matching", [0]),
        ("matching", [0, 3]),
        ("ordering", [0, 1]),
        ("ordering", [0, 1, 1]),
        ("numeric", [float("nan")]),
        ("numeric", [1, 2]),
    ],
)
def test_what_is_no_answer_to_an_item_is_refused(kind, answer):
    with pytest.raises(InvalidInputError, match=f"item {kind}: expected"):
        check_answer(VIEWS[kind], answer)
