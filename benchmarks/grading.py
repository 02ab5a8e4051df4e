"""What it costs to grade a submission, beside nbgrader and otter-grader on an equivalent exam.

Ours opens the envelope, verifies it, measures four artefacts again in a process of its own, marks,
decides, writes sheet, feedback and a pack for appeals.  The peers run the candidate's notebook and
its hidden tests.  All take turns, starts included, and medians over the turns are compared.
``cpu_s_each`` counts the processor time of a grader and all its processes: it holds where the clock
does not, on a machine that others use.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.grading_exam import make_exam, make_submissions
from benchmarks.grading_peers import Nbgrader, Otter, PeerError, environment
from labkit.exams.grading import GradingFolder, SessionFacts, Submission

__all__ = ["TITLE", "run"]

TITLE = "submissions graded from their artefacts, and notebooks graded by running them"

Row = dict[str, Any]
Work = Callable[[int], int]


def run(submissions: int = 400, of_peers: int = 4, turns: int = 3) -> list[Row]:
    """Grade with ours on one process and on all cores, with nbgrader, and with otter-grader.

    Parameters
    ----------
    submissions : int
        Graded by ours in each turn.
    of_peers : int
        Graded by each peer in each turn: they take a thousand times as long.
    turns : int

    Returns
    -------
    list of dict
        ``grader``, ``workers``, ``submissions`` in a turn, ``s_each`` and ``cpu_s_each`` (seconds of
        the clock and of processors for one), ``per_minute``, ``per_minute_per_core``, and
        ``fewer_s`` and ``fewer_cpu_s``: how many times fewer than the faster peer.  A peer that is
        left out has a ``reason``.
    """
    with tempfile.TemporaryDirectory(prefix="labkit-benchmark-") as folder:
        place = Path(folder)
        exam = make_exam(place / "exam")
        (place / "submissions").mkdir()
        files, facts = make_submissions(exam, place / "submissions", submissions)
        cores = os.cpu_count() or 1
        work: dict[tuple[str, int], tuple[int, Work]] = {}
        for workers in sorted({1, cores}):
            work["ours", workers] = (submissions, _ours(place, exam, files, facts, workers))
        left_out = _add_peers(place, of_peers, turns, work)
        taken: dict[tuple[str, int], list[tuple[float, float]]] = {key: [] for key in work}
        failures = dict.fromkeys(work, 0)
        for turn in range(turns):
            for key, (count, grade) in work.items():
                started, used = time.perf_counter(), _processor_time()
                full = grade(turn)
                taken[key].append((time.perf_counter() - started, _processor_time() - used))
                failures[key] += count - full
    return [*_rows(work, taken, failures), *left_out]


def _rows(
    work: dict[tuple[str, int], tuple[int, Work]],
    taken: dict[tuple[str, int], list[tuple[float, float]]],
    failures: dict[tuple[str, int], int],
) -> list[Row]:
    rows: list[Row] = []
    for (name, workers), (count, _) in work.items():
        seconds, used = (statistics.median(turn[i] for turn in taken[name, workers]) / count for i in (0, 1))
        rows.append(
            {
                "grader": name,
                "workers": workers,
                "submissions": count,
                "s_each": seconds,
                "cpu_s_each": used,
                "per_minute": 60 / seconds,
                "per_minute_per_core": 60 / seconds / workers,
                "failures": failures[name, workers],
            }
        )
    peers = [row for row in rows if row["grader"] != "ours"]
    for row in rows:
        if peers and row["grader"] == "ours":
            row["fewer_s"] = min(peer["s_each"] for peer in peers) / row["s_each"]
            row["fewer_cpu_s"] = min(peer["cpu_s_each"] for peer in peers) / row["cpu_s_each"]
    return rows


def _ours(place: Path, exam: Path, files: list[Path], facts: list[SessionFacts], workers: int) -> Work:
    def grade(turn: int) -> int:
        folder = GradingFolder(place / f"graded-{workers}-{turn}", exam)
        rows = folder.grade([Submission(path) for path in files], facts, workers=workers)
        # Every hand-in is the reference; there are no items, so the tasks are all there is.
        return sum(row["status"] == "graded" and row["share"] > 1 - 1e-6 for row in rows)

    return grade


def _add_peers(
    place: Path, count: int, turns: int, work: dict[tuple[str, int], tuple[int, Work]]
) -> list[Row]:
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

        work[kind.name, 1] = (count, grade)
    return left_out


def _processor_time() -> float:
    """Return seconds of processors that this process and its ended children have used."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, kinds))
