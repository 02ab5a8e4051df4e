"""Grading with several processes: one that dies, hangs or wants too much, and a command that is killed."""

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit.exams.grading import GradingFolder, Submission, session_facts
from labkit.exams.grading.process import GradingProcess
from labkit.exams.grading.sessions import SessionFacts
from labkit.exams.grading.starting import Nursery
from tests.exam_submissions import Desk, make_graded_exam

pytestmark = [
    pytest.mark.timeout(300),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked on Linux"),
]

_TIME = re.compile(rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d[+]00:00")

HONEST, DIES, HANGS, TAKES_ALL = 0, 1, 2, 5


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    return Desk.make(folder, make_graded_exam(folder))


@pytest.fixture(scope="module")
def brought(desk, tmp_path_factory):
    """Submissions whose T8 does each of these things to the process that measures it, and one more."""
    folder = tmp_path_factory.mktemp("inbox")
    files, facts = [], []
    for number, fuse in enumerate((HANGS, HONEST, DIES, HONEST, TAKES_ALL, HONEST)):
        sitting = desk.open()
        hand_ins = {slot: sitting.played(slot) for slot in sitting.session.form.slots}
        hand_ins["T8"]["fuse"] = fuse
        files.append(folder / f"{number}.zip")
        files[-1].write_bytes(sitting.submission(hand_ins))
        facts.append(session_facts(desk.examiner, sitting.session))
        if number == 1:  # a second one to the same sitting: whichever was given first counts
            files.append(folder / "again.zip")
            files[-1].write_bytes(sitting.submission({}, answers={}, submitted=90))
    return [Submission(path) for path in files], facts


def written(root):
    """Return what lies in a grading folder by its name, with every time left out."""
    files = [path for path in root.rglob("*") if path.is_file() and path.name != ".lock"]
    for path in files:
        assert path.suffix != ".json" or json.loads(path.read_bytes())
    return {str(path.relative_to(root)): _TIME.sub(b"", path.read_bytes()) for path in files}


def outcome(folder, row):
    task = next(each for each in folder.sheet(row["session"])["tasks"] if each["slot"] == "T8")
    return sum(line["earned"] for line in task["lines"]), " ".join(task["refused"])


def test_what_a_submission_does_to_its_process_costs_itself_alone_with_any_number_of_processes(
    desk, brought, tmp_path, monkeypatch
):
    monkeypatch.setenv("LABKIT_GRADER_MEMORY", str(4 << 30))
    given, facts = brought
    folders, before = {}, descendants(os.getpid())
    for workers in (1, 2):
        folder = folders[workers] = GradingFolder(tmp_path / str(workers), desk.exam)
        rows = folder.grade(given, facts, workers=workers, seconds=4)
        assert [row["status"] for row in rows] == ["graded"] * 2 + ["replayed"] + ["graded"] * 4
        hung, honest, _, died, *_, refused, last = rows
        for row in (honest, rows[4], last):
            assert row["share"] == pytest.approx(1, abs=1e-6)
        for row, reason in ((hung, "longer than 4 s"), (died, "ended with status 7"), (refused, "memory")):
            earned, said = outcome(folder, row)
            assert earned < 10
            assert reason in said
            assert 0 < row["share"] < 1
    assert written(folders[1].root) == written(folders[2].root)
    assert set(descendants(os.getpid())) <= set(before)


# -- The command is killed ---------------------------------------------------------------------

_COMMAND = """
import json, sys
from pathlib import Path
from labkit.exams.grading import GradingFolder, SessionFacts, Submission

told = json.loads(sys.stdin.read())
folder = GradingFolder(Path(told["root"]), Path(told["exam"]))
given = [Submission(Path(path)) for path in told["files"]]
folder.grade(given, [SessionFacts.from_json(each) for each in told["facts"]], workers=2, seconds=100)
"""


def test_a_command_that_is_killed_leaves_nothing_half_and_no_process(desk, brought, tmp_path):
    given, facts = brought
    root = tmp_path / "out"
    told = {
        "root": str(root),
        "exam": str(desk.exam),
        "files": [str(each.path) for each in given],
        "facts": [each.as_json() for each in facts],
    }
    assert SessionFacts.from_json(json.loads(json.dumps(told["facts"][0]))) == facts[0]
    command = subprocess.Popen([sys.executable, "-c", _COMMAND], stdin=subprocess.PIPE)
    command.stdin.write(json.dumps(told).encode())
    command.stdin.close()
    try:
        # The first hangs its process; the other one goes on, and is forked anew where a submission ends it:
        # the nursery and two that it forked, but for moments.
        until(lambda: len(list(root.glob("results/*.json"))) >= 2 and len(descendants(command.pid)) == 3)
        started = descendants(command.pid)
    finally:
        command.kill()
        command.wait()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in started))
    before = {path.name: path.read_bytes() for path in (root / "results").glob("*.json")}
    assert all(json.loads(content)["status"] for content in before.values())

    rows = GradingFolder(root, desk.exam).grade(given, facts, workers=2, seconds=4)
    assert [row["status"] for row in rows] == ["graded"] * 2 + ["replayed"] + ["graded"] * 4
    after = {name: (root / "results" / name).read_bytes() for name in before}
    kept = [name for name in before if json.loads(after[name])["status"] == "graded"]
    assert kept
    assert all(after[name] == before[name] for name in kept)
    assert len(list((root / "packs").iterdir())) == len(list((root / "sheets").glob("*.json"))) == 6


# -- The nursery -------------------------------------------------------------------------------


def test_processes_are_forked_anew_and_started_anew_where_the_nursery_has_died(desk):
    def request(fuse):
        sitting = desk.open()
        hand_ins = {slot: sitting.played(slot) for slot in sitting.session.form.slots}
        hand_ins["T8"]["fuse"] = fuse
        return {"sessions": str(desk.sessions), "exam": str(desk.exam)}, sitting.submission(hand_ins)

    before = descendants(os.getpid())  # a browser, where other tests were run first
    nursery = Nursery(str(desk.exam))
    process = GradingProcess(20, nursery)
    try:
        assert process.grade(*request(DIES))["status"] == "graded"
        (first,) = set(children(os.getpid())) - set(before)
        (child,) = children(first)
        assert Path(f"/proc/{child}/cwd").resolve().name.startswith("labkit-grader-")
        told = Path(f"/proc/{child}/environ").read_bytes()
        assert b"LABKIT_KEEP=no" in told
        assert b"PASSWORD" not in told

        os.kill(first, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{child}").exists())
        result = process.grade(*request(HONEST))
        assert result["sheet"]["total"]["share"] == pytest.approx(1, abs=1e-6)
    finally:
        process.close()
        nursery.close()
    assert set(descendants(os.getpid())) <= set(before)


def until(holds, seconds=120.0):
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def children(pid):
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def descendants(pid):
    """Return what a process started, and what that started; one that ends meanwhile has started nothing."""
    found = []
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for each in (task / "children").read_text().split():
                found += [int(each), *descendants(int(each))]
    return found
