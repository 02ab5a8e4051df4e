"""Progress survives what machines and people do to it: kills, crowds, full and read-only disks."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labkit.course import ProgressLog

APPEND_FOREVER = """
import sys
from pathlib import Path
from labkit.course import ProgressLog

log = ProgressLog(Path(sys.argv[1]))
number = 0
while True:
    log.append(sys.argv[2], "L02", "checked", {"number": number})
    print(number, flush=True)
    number += 1
"""

APPEND_SOME = """
import sys
from pathlib import Path
from labkit.course import ProgressLog

log = ProgressLog(Path(sys.argv[1]))
for number in range(int(sys.argv[3])):
    log.append(sys.argv[2], "L02", "checked", {"number": number})
"""


def start(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


@pytest.mark.parametrize("milliseconds", [3, 30, 120, 250])
def test_a_killed_process_loses_no_event_whose_append_returned(tmp_path, milliseconds):
    path = tmp_path / "progress.sqlite"
    process = start(APPEND_FOREVER, path, "ada")
    first = process.stdout.readline()
    time.sleep(milliseconds / 1000)
    process.send_signal(signal.SIGKILL)
    reported = [first, *process.communicate()[0].splitlines()]

    kept = [event.payload["number"] for event in ProgressLog(path).events()]

    assert process.returncode == -signal.SIGKILL
    returned = [int(line) for line in reported if line.strip()]
    assert kept[: len(returned)] == returned
    assert kept == list(range(len(kept)))


def test_many_processes_start_and_append_at_once(tmp_path):
    path = tmp_path / "new" / "progress.sqlite"
    processes = [start(APPEND_SOME, path, f"learner-{name}", 25) for name in range(6)]
    for process in processes:
        finish(process)

    log = ProgressLog(path)

    assert log.notice is None
    for name in range(6):
        numbers = [event.payload["number"] for event in log.events(learner=f"learner-{name}")]
        assert numbers == list(range(25))


def test_a_crowd_with_kills_in_it_corrupts_nothing(tmp_path):
    path = tmp_path / "progress.sqlite"
    doomed = [start(APPEND_FOREVER, path, f"doomed-{name}") for name in range(3)]
    steady = [start(APPEND_SOME, path, f"steady-{name}", 25) for name in range(2)]
    for process in doomed:
        process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.communicate()
    for process in steady:
        finish(process)

    log = ProgressLog(path)

    assert log.notice is None
    assert not list(tmp_path.glob("*.damaged-*"))
    for name in range(2):
        assert len(log.events(learner=f"steady-{name}")) == 25


def test_many_processes_that_find_the_file_damaged_set_it_aside_once(tmp_path):
    path = tmp_path / "progress.sqlite"
    path.write_bytes(b"no database at all" * 1000)
    processes = [start(APPEND_SOME, path, f"learner-{name}", 10) for name in range(4)]
    for process in processes:
        finish(process)

    assert len(list(tmp_path.glob("*.damaged-*"))) == 1
    assert len(ProgressLog(path).events()) == 40


READ_ONLY = """
import os, sys
from pathlib import Path
from labkit.core import StorageError
from labkit.course import ProgressLog
import labkit.course.store

if os.geteuid() == 0:
    os.setuid(65534)
log = ProgressLog(Path(sys.argv[1]))
try:
    log.append("ada", "L02", "reset")
except StorageError as error:
    assert "LABKIT_HOME" in str(error), error
else:
    raise SystemExit("a read-only folder was written to")
print(len(log.events()))
"""


def test_a_read_only_disk_is_a_clear_error_and_its_progress_is_still_shown(tmp_path):
    folder = tmp_path / "read-only"
    path = folder / "progress.sqlite"
    ProgressLog(path).append("ada", "L02", "checked")
    path.chmod(0o444)
    folder.chmod(0o555)
    # The temporary folder itself belongs to its user only.
    above = [each for each in folder.parents if each.owner() == folder.owner() and each.parent != each]
    modes = {each: each.stat().st_mode for each in above if "pytest" in each.name or each == tmp_path}
    try:
        for each in modes:
            each.chmod(0o755)
        assert finish(start(READ_ONLY, path)).strip() == "1"
    finally:
        for each, mode in modes.items():
            each.chmod(mode)
        folder.chmod(0o755)


FULL = """
import resource, signal, sys
from pathlib import Path
from labkit.core import StorageError
from labkit.course import ProgressLog, Session, read_lab

log = ProgressLog(Path(sys.argv[1]))
session = Session(read_lab(Path(sys.argv[2])), learner="ada", seed=1, log=log)
before = len(log.events())
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
try:
    log.append("ada", "L02", "checked", {"padding": "x" * 5000})
except StorageError as error:
    assert "Free some space" in str(error), error
else:
    raise SystemExit("a full disk was written to")
feedback = session.check("near", guess=0.5)
assert feedback.passed
assert "in memory" in session.storage_warning, session.storage_warning
assert session.progress().passed == {"near"}
assert len(log.events()) == before
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
session.hint("near")
assert session.storage_warning is None, session.storage_warning
print([event.kind for event in log.events()])
"""


def test_a_full_disk_is_a_clear_warning_and_nothing_is_lost_when_there_is_room_again(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parent.parent / "unit")
    from labfolder import make_lab

    folder = make_lab(tmp_path / "labs")

    printed = finish(start(FULL, tmp_path / "progress.sqlite", folder))

    assert printed.strip() == "['opened', 'checked', 'hinted']"
