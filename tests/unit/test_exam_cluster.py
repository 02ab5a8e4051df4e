"""Grading on a real cluster: a scheduler and workers in processes of their own, one of them killed."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from labkit.core.errors import LabkitError
from labkit.exams.grading import GradingFolder, Submission, grade_on_cluster, session_facts
from tests.exam_submissions import Desk, make_graded_exam

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform == "win32", reason="processes are killed here as POSIX does it"),
]
pytest.importorskip("distributed", reason="needs the extra 'cluster'")


class Cluster:
    """A scheduler and two workers, as an examiner would start them."""

    def __init__(self, folder):
        self.file = folder / "scheduler.json"
        dask = [sys.executable, "-m", "dask"]
        # What dask says at its end is no warning of ours.
        self.environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        scheduler = [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
        self.processes = [self._start([*scheduler, "--scheduler-file", str(self.file)], folder)]
        worker = [*dask, "worker", "--scheduler-file", str(self.file), "--nthreads", "1", "--no-nanny"]
        worker += ["--no-dashboard", "--host", "127.0.0.1"]
        for number in (1, 2):
            place = folder / f"worker{number}"
            place.mkdir()
            self.processes.append(self._start([*worker, "--local-directory", str(place)], place))
        deadline = time.monotonic() + 60
        while not self.file.is_file():
            assert time.monotonic() < deadline, "the scheduler did not start"
            time.sleep(0.1)
        self.address = json.loads(self.file.read_text())["address"]

    def _start(self, command, folder):
        log = (folder / "log").open("wb")
        with log:
            return subprocess.Popen(command, cwd=folder, env=self.environment, stdout=log, stderr=log)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def cluster(tmp_path):
    made = Cluster(tmp_path)
    yield made
    made.close()


@pytest.mark.filterwarnings("ignore")
def test_every_submission_is_graded_exactly_once_when_a_worker_is_killed(tmp_path, cluster):
    desk = Desk.make(tmp_path, make_graded_exam(tmp_path / "exam"))
    requests, facts, files = {}, [], []
    for number in range(8):
        sitting = desk.open()
        files.append(tmp_path / f"{number}.zip")
        files[-1].write_bytes(sitting.submission())
        facts.append(session_facts(desk.examiner, sitting.session))
        requests[sitting.name] = {
            "path": str(files[-1]),
            "exam": str(desk.exam),
            "sessions": str(desk.sessions),
            "owner": "ada@example.org",
            "at": None,
        }
    seen = []
    for name, result in grade_on_cluster(requests.items(), cluster.address, seconds=60):
        if not seen:
            # Both workers have begun the next one by now.
            cluster.processes[1].send_signal(signal.SIGKILL)
        assert (result["status"], result["session"]) == ("graded", name), result["reasons"]
        assert result["sheet"]["total"]["share"] == pytest.approx(1, abs=1e-6)
        seen.append(name)
    assert sorted(seen) == sorted(requests)
    assert cluster.processes[1].wait(10) == -signal.SIGKILL

    # The folder of an examiner, by the same scheduler: each once, and not again.
    folder = GradingFolder(tmp_path / "out", desk.exam)
    given = [Submission(path) for path in files]
    rows = folder.grade(given, facts, scheduler=cluster.address, seconds=60)
    assert [row["status"] for row in rows] == ["graded"] * 8
    assert len(list((tmp_path / "out" / "sheets").iterdir())) == 8
    assert folder.grade(given, facts, scheduler="tcp://127.0.0.1:9") == rows


def test_a_scheduler_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setattr("labkit.exams.grading.cluster._REACH_SECONDS", 1)
    request = {"path": "/nowhere", "exam": "/nowhere", "sessions": "/nowhere"}
    with pytest.raises(LabkitError, match=r"no scheduler of Dask answers at tcp://127\.0\.0\.1:9"):
        next(grade_on_cluster([("one", request)], "tcp://127.0.0.1:9"))
