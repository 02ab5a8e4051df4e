"""Grade one submission: from the bytes of a stranger to a score sheet, or the reason for none."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import labkit
from labkit.core.errors import DataFormatError
from labkit.evidence.entry import canonical, digest_of
from labkit.exams.blueprint import Blueprint, read_blueprint
from labkit.exams.envelope.reading import Envelope, read_envelope
from labkit.exams.grading.deciding import decide
from labkit.exams.grading.feedback import feedback_page
from labkit.exams.grading.marking import bank_of, mark_items
from labkit.exams.grading.measuring import asks_for_reproduction, mark_slot, task_of
from labkit.exams.grading.reproducing import to_reproduce
from labkit.exams.grading.sessions import SessionFacts
from labkit.exams.grading.verifying import Arrival, Verified, verify

__all__ = ["ABOUT", "grade_submission", "read_ahead", "score_of", "sheet_of"]

Result = dict[str, Any]

_UNTIMED = (
    "nobody says when it arrived: the form of this sitting names the examiner's server, which did not "
    "receive this file. Who decides for it says when it came (--arrived)"
)

ABOUT = ("graded_at", "grader", "reproduction")
"""Members of a sheet that say when, by which program, and what else was looked at; not how much."""


def grade_submission(
    content: bytes,
    find: Callable[[Any], SessionFacts],
    exam: Path,
    *,
    arrival: Arrival | None = None,
    unmeasured: Mapping[str, str] | None = None,
    begin: Callable[[str], None] = lambda slot: None,
) -> Result:
    """Grade a submission.

    Parameters
    ----------
    content : bytes
        The zip.
    find : callable
        Name of a session to what its examiner knows of it; raises DataFormatError for none.
    exam : Path
        Folder of the exam as it was frozen: blueprint, tasks, items.
    arrival : Arrival, optional
        Who brought it, and when.
    unmeasured : mapping of str to str, optional
        Tasks not to measure, because they ended the process that tried, and the reason.
    begin : callable
        Told the slot before it is measured, so that somebody else knows where a process ended.

    Returns
    -------
    dict
        ``status`` is ``"graded"`` with a ``sheet``; ``"void"`` when it is not this session's
        submission: a sheet of zeros, which never becomes anybody's result; or ``"refused"``.
        ``session``, ``sha256`` and ``reasons`` always.  What is graded has also its ``page`` for the
        candidate: made here, it is made by as many processes as grade.
    """
    sha256 = digest_of(content)
    refused: Result = {"status": "refused", "session": None, "sha256": sha256}
    try:
        envelope = read_envelope(content)
    except DataFormatError as error:
        return {**refused, "reasons": [str(error)]}
    try:
        facts = find(envelope.manifest.get("session"))
    except DataFormatError as error:
        # The register may know it another day.
        return {**refused, "reasons": [str(error)], "again": True}
    if facts.form.get("receiver") and facts.form.get("mode") == "exam" and (arrival or Arrival()).at is None:
        # The candidate's clock does not count for it, and another day somebody says when it came.
        return {**refused, "reasons": [_UNTIMED], "again": True}
    verified = verify(envelope, facts, arrival)
    sheet = sheet_of(envelope, facts, verified, exam, unmeasured=unmeasured or {}, begin=begin)
    page = {"page": feedback_page(sheet)} if verified.belongs else {}
    return {
        "status": "graded" if verified.belongs else "void",
        "session": facts.session,
        "sha256": sha256,
        "reasons": [*verified.reasons, *_altered(envelope)],
        "sheet": sheet,
        **page,
    }


def sheet_of(
    envelope: Envelope,
    facts: SessionFacts,
    verified: Verified,
    exam: Path,
    *,
    unmeasured: Mapping[str, str],
    begin: Callable[[str], None] = lambda slot: None,
) -> dict[str, Any]:
    """Return the score sheet of a submission; what does not count is zero, and says why."""
    blueprint, form = _blueprint(exam), facts.form
    tasks = []
    for issued in facts.tasks:
        known = _refusals(envelope, issued.slot)
        stopped = unmeasured.get(issued.slot)
        known += [stopped] if stopped else [] if verified.counts else ["the submission does not count"]
        measure = verified.counts and not stopped
        if measure:
            begin(issued.slot)
        handed_in = envelope.hand_ins.get(issued.slot)
        tasks.append(mark_slot(exam, issued, handed_in, tuple(known), measure=measure))
    items = mark_items(exam, form, envelope.answers, blueprint.item_worth(), count=verified.counts)
    decided = decide(blueprint, tasks, items, verified=all(verified.checks.values()))
    flags = [*verified.notes, *(flag for task in tasks for flag in task["flags"])]
    flags += _altered(envelope)
    return {
        "version": 1,
        "session": facts.session,
        "candidate": {"name": form.get("candidate"), "identifier": facts.owner},
        "exam": form.get("exam"),
        "blueprint": form.get("blueprint"),
        "mode": form.get("mode"),
        "grader": labkit.__version__,
        "envelope_sha256": envelope.sha256,
        "graded_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "verified": verified.as_json(),
        "arrival": dict(verified.arrival),
        "tasks": tasks,
        "items": items,
        **decided,
        "reproduction": to_reproduce(_again(exam, tasks) if verified.counts else []),
        "domain_titles": {domain.id: domain.title for domain in blueprint.domains},
        "flags": flags,
    }


def score_of(sheet: Mapping[str, Any]) -> bytes:
    """Return what a sheet says about points in canonical JSON: everything but :data:`ABOUT`."""
    return canonical({name: value for name, value in sheet.items() if name not in ABOUT})


def _again(exam: Path, tasks: list[dict[str, Any]]) -> list[str]:
    """Return the slots whose answer cells are to be run again: something was handed in for them."""
    return [task["slot"] for task in tasks if task["handed_in"] and asks_for_reproduction(exam, task["slot"])]


def read_ahead(exam: Path) -> None:
    """Read what every submission to an exam needs: blueprint, items, tasks and their code."""
    from labkit.exams.task import load_code

    for slot in _blueprint(exam).available:
        load_code(task_of(exam, slot.slot))
    if (exam / "items").is_dir():
        bank_of(exam)


def _altered(envelope: Envelope) -> list[str]:
    """Return what of a submission was not taken, and why."""
    return [f"{name[:80]}: {reason}" for name, reason in envelope.refused.items()]


def _refusals(envelope: Envelope, slot: str) -> list[str]:
    start = f"hand_ins/{slot}/"
    return [reason for name, reason in envelope.refused.items() if name.startswith(start)]


@functools.lru_cache(4)
def _blueprint(exam: Path) -> Blueprint:
    return read_blueprint(exam)
