"""What it costs to grade a submission, beside nbgrader and otter-grader on an equivalent exam.

Ours opens the envelope, verifies it, measures four artefacts again in a process of its own, marks,
decides, writes sheet, feedback and a pack for appeals.  The peers run the candidate's notebook and
its hidden tests.  All take turns, starts included, and medians over the turns are compared.
``cpu_s_each`` counts the processor time of a grader and all its processes: it holds where the clock
does not, on a machine that others use.

What more processes bring is seen on the practice exam.  ``times_one`` is how many times as fast as one
process it is; ``one_more_s`` and ``times_one_more`` say the same of each submission beyond the first
part, so without the start.  Two processes that only count show what the machine itself gives.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.grading_exam import make_exam, make_submissions
from benchmarks.grading_peers import Nbgrader, Otter, PeerError, environment
from labkit.exams.blueprint import exam_folder
from labkit.exams.grading import GradingFolder, SessionFacts, Submission

__all__ = ["TITLE", "run"]

TITLE = "submissions graded from their artefacts, and notebooks graded by running them"

Row = dict[str, Any]
Work = Callable[[int], int]
Taken = tuple[float, float]
"""Seconds of the clock, and of processors."""

PRACTICE, PLAIN = "ours, practice exam", "counting, for comparison"
_COUNTED = 80_000_000


class Entry(NamedTuple):
    """One row: who grades, with how many processes, how much."""

    grader: str
    workers: int
    submissions: int


def run(
    submissions: int = 400,
    of_peers: int = 4,
    of_practice: tuple[int, int] = (240, 720),
    turns: int = 3,
) -> list[Row]:
    """Grade with ours on one process and on all cores, with nbgrader, and with otter-grader.

    Parameters
    ----------
    submissions : int
        Graded by ours in each turn.
    of_peers : int
        Graded by each peer in each turn: they take a thousand times as long.
    of_practice : pair of int
        Sittings of the practice exam, played by its lazy bots: a part, and all, in each turn.
    turns : int

    Returns
    -------
    list of dict
        ``grader``, ``workers``, ``submissions`` in a turn, ``s_each`` and ``cpu_s_each`` (seconds of
        the clock and of processors for one), ``per_minute``, ``per_minute_per_core``, ``times_one``,
        ``one_more_s`` and ``times_one_more``, and ``fewer_s`` and ``fewer_cpu_s``: how many times fewer
        than the faster peer.  A peer that is left out has a ``reason``.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-benchmark-") as folder:
        place = Path(folder)
        work, left_out = _prepared(place, submissions, of_peers, of_practice, turns)
        taken, failures, stopped = _take_turns(work, turns)
    for entry, reason in stopped.items():
        del taken[entry]
        left_out.append({"grader": entry.grader, "reason": f"left out: {reason}"})
    return [*_rows(taken, failures), *left_out]


def _prepared(
    place: Path, submissions: int, of_peers: int, of_practice: tuple[int, int], turns: int
) -> tuple[dict[Entry, Work], list[Row]]:
    """Make exams and submissions, and return what is to be done in each turn."""
    work: dict[Entry, Work] = {}
    processes = sorted({1, os.cpu_count() or 1})
    exam = make_exam(place / "exam")
    for name, source, counts, bot in (
        ("ours", exam, (submissions,), "reference"),
        (PRACTICE, exam_folder(), of_practice, "lazy"),
    ):
        files, facts = make_submissions(source, place / f"submissions-{bot}", max(counts), bot)
        for count in counts:
            for workers in processes:
                work[Entry(name, workers, count)] = _ours(place, source, files[:count], facts, workers)
    for workers in processes:
        work[Entry(PLAIN, workers, workers)] = _count(workers)
    return work, _add_peers(place, of_peers, turns, work)


def _take_turns(
    work: dict[Entry, Work], turns: int
) -> tuple[dict[Entry, list[Taken]], dict[Entry, int], dict[Entry, str]]:
    taken: dict[Entry, list[Taken]] = {entry: [] for entry in work}
    failures = dict.fromkeys(work, 0)
    stopped: dict[Entry, str] = {}
    for turn in range(turns):
        for entry, grade in work.items():
            if entry in stopped:
                continue
            started, used = time.perf_counter(), _processor_time()
            try:
                full = grade(turn)
            except PeerError as error:
                stopped[entry] = str(error)[:200]
                continue
            taken[entry].append((time.perf_counter() - started, _processor_time() - used))
            failures[entry] += entry.submissions - full
    return taken, failures, stopped


def _rows(taken: dict[Entry, list[Taken]], failures: dict[Entry, int]) -> list[Row]:
    spent = {
        entry: tuple(statistics.median(turn[i] for turn in turns) for i in (0, 1))
        for entry, turns in taken.items()
    }
    rows = [_row(entry, spent, failures[entry]) for entry in spent]
    peers = [row for row in rows if row["grader"] not in ("ours", PRACTICE, PLAIN)]
    for row in rows:
        if peers and row["grader"] == "ours":
            row["fewer_s"] = min(peer["s_each"] for peer in peers) / row["s_each"]
            row["fewer_cpu_s"] = min(peer["cpu_s_each"] for peer in peers) / row["cpu_s_each"]
    return rows


def _row(entry: Entry, spent: dict[Entry, tuple[float, ...]], failures: int) -> Row:
    seconds, used = (each / entry.submissions for each in spent[entry])
    row: Row = {
        **entry._asdict(),
        "s_each": seconds,
        "cpu_s_each": used,
        "per_minute": 60 / seconds,
        "per_minute_per_core": 60 / seconds / entry.workers,
        "failures": failures,
    }
    if entry.workers > 1:
        # Who counts does as much with each process more; who grades has the same submissions.
        alone = entry._replace(workers=1, submissions=1 if entry.grader == PLAIN else entry.submissions)
        row["times_one"] = spent[alone][0] / alone.submissions / seconds
    parts = [e for e in spent if e[:2] == entry[:2] and e.submissions < entry.submissions]
    if parts:
        row["one_more_s"] = _one_more(spent, parts[0], entry)
        first = _one_more(spent, parts[0]._replace(workers=1), entry._replace(workers=1))
        if entry.workers > 1:
            row["times_one_more"] = first / row["one_more_s"]
    return row


def _one_more(spent: dict[Entry, tuple[float, ...]], part: Entry, whole: Entry) -> float:
    """Return the seconds for each submission beyond a part of them."""
    return (spent[whole][0] - spent[part][0]) / (whole.submissions - part.submissions)


def _count(workers: int) -> Work:
    """Return work without memory, files or waiting: as many processes that count as there are workers."""
    command = [sys.executable, "-S", "-c", f"for _ in range({_COUNTED}): pass"]

    def count(turn: int) -> int:
        started = [subprocess.Popen(command) for _ in range(workers)]
        return sum(each.wait() == 0 for each in started)

    return count


def _ours(place: Path, exam: Path, files: list[Path], facts: list[SessionFacts], workers: int) -> Work:
    def grade(turn: int) -> int:
        folder = GradingFolder(place / f"graded-{exam.name}-{len(files)}-{workers}-{turn}", exam)
        rows = folder.grade([Submission(path) for path in files], facts, workers=workers)
        # Where there are no items every hand-in is the reference: the tasks are all there is.
        least = 0.0 if (exam / "items").is_dir() else 1 - 1e-6
        return sum(row["status"] == "graded" and row["share"] >= least for row in rows)

    return grade


def _add_peers(place: Path, count: int, turns: int, work: dict[Entry, Work]) -> list[Row]:
    """Add the peers that can be had, and return rows with the reason for the others."""
    left_out: list[Row] = []
    for kind in (Nbgrader, Otter):
        try:
            peer = kind(environment(), place / kind.__name__)
            for turn in range(turns):
                peer.submit(turn, count)
        except (PeerError, OSError, StopIteration) as error:
            left_out.append({"grader": kind.name, "reason": f"left out: {str(error)[:200]}"})
            continue

        def grade(turn: int, peer: Nbgrader | Otter = peer) -> int:
            return peer.grade(turn, count)

        work[Entry(kind.name, 1, count)] = grade
    return left_out


def _processor_time() -> float:
    """Return seconds of processors that this process and its ended children have used."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))
