"""Run answer cells again for the tasks that ask for it, and say on the sheet what came of it.

It begins after everything is graded and kept: it may be refused, left out or interrupted, and no
point depends on it.  What is still to be done is done when the same submissions are graded again.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError, LabkitError
from labkit.exams.form import said_time

if TYPE_CHECKING:
    from labkit.exams.examiner import Examiner, Session
    from labkit.exams.grading.folder import GradingFolder
    from labkit.exams.reproduction import Reproduced

__all__ = ["OUTSTANDING", "STATES", "reproduce_rows", "reproduction_line", "to_reproduce"]

STATES = {
    "none": "no task of this form asks for it, or nothing was handed in for one",
    "waiting": "not run yet",
    "done": "run again in the sandbox",
    "left out": "not run, and somebody is content with that",
    "refused": "not run, because there is no sandbox here that keeps its word",
}
"""What can be said of the reproduction on a sheet."""

OUTSTANDING = ("waiting", "refused")
"""States in which an exam is not ready for the gradebook."""

# Materials are made in this process, and a victim that is trained twice at once is trained in vain.
_MAKING = threading.Lock()


def to_reproduce(slots: Sequence[str]) -> dict[str, Any]:
    """Return what a sheet says before anything is run; ``slots`` are the tasks that ask for it."""
    return {"asked": list(slots), "state": "waiting" if slots else "none", "why": "", "flags": []}


def reproduction_line(told: Mapping[str, Any]) -> str:
    """Return in one line what a sheet says of its reproduction."""
    if told["state"] == "done":
        said = "; ".join(told["flags"]) or "does again what was handed in"
    else:
        said = f"{told['state']}, {told['why']}" if told["why"] else told["state"]
    return f"{', '.join(told['asked'])}, run again: {said}"


def reproduce_rows(
    examiner: Examiner,
    folder: GradingFolder,
    rows: Sequence[dict[str, Any]],
    *,
    leave_out: bool = False,
    workers: int | None = None,
) -> None:
    """Run again what the sheets of graded rows still wait for, and write it on them.

    Without a sandbox that passes its self-test nothing is run.  A practice sitting then says "not
    reproduced here"; an exam is refused, until it is tried where there is one or left out by choice.

    Parameters
    ----------
    examiner : Examiner
    folder : GradingFolder
    rows : sequence of dict
        As :meth:`GradingFolder.grade` returned them; ``reproduction`` of each is brought up to date.
    leave_out : bool
        Run nothing, and say so on the sheets.
    workers : int, optional
        How many at once; as many as there are cores by default.
    """
    asking = {row["session"]: row for row in rows if row["status"] == "graded" and _asks(row)}
    if not asking:
        return
    problem = "" if leave_out else _problem()

    def told(row: Mapping[str, Any]) -> dict[str, Any]:
        practice = examiner.session(row["session"]).form.mode != "exam"
        if leave_out:
            return _not_run("left out", "not reproduced here" if practice else "by whoever graded it")
        if problem:
            return _not_run("left out" if practice else "refused", f"not reproduced here: {problem}")
        return _run(examiner, folder, row)

    def settle(row: Mapping[str, Any]) -> dict[str, Any]:
        return folder.keep_reproduced(row["sha256"], told(row))

    # The work is done by processes inside the sandbox; threads wait for them.
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        kept = dict(zip(asking, pool.map(settle, asking.values()), strict=True))
    for row in rows:
        if row["session"] in kept and row["status"] == "graded":
            row["reproduction"] = kept[row["session"]]


def _asks(row: Mapping[str, Any]) -> bool:
    return row["reproduction"]["state"] not in ("none", "done")


def _problem() -> str:
    """Return why nothing can be run here; empty when it can."""
    from labkit.exams.reproduction.sandbox import SandboxError, insist

    try:
        insist()
    except SandboxError as error:
        return str(error)
    return ""


def _not_run(state: str, why: str) -> dict[str, Any]:
    return {"state": state, "why": why}


def _run(examiner: Examiner, folder: GradingFolder, row: Mapping[str, Any]) -> dict[str, Any]:
    """Run one notebook again; return what is new on the sheet."""
    try:
        found = _reproduced(examiner, folder, row)
    except LabkitError as error:
        # Such as a pool that is gone: the result stands, and this waits.
        return _not_run("waiting", str(error))
    folder.keep_output(row["session"], found)
    return {"state": "done", "why": "", "flags": list(found.flags)}


def _reproduced(examiner: Examiner, folder: GradingFolder, row: Mapping[str, Any]) -> Reproduced:
    from labkit.exams.envelope.reading import read_envelope
    from labkit.exams.notebook import issued_notebook
    from labkit.exams.reproduction import claims_of, reproduce

    session, asked = examiner.session(row["session"]), row["reproduction"]["asked"]
    try:
        envelope = read_envelope((folder.root / "submissions" / f"{row['sha256']}.zip").read_bytes())
    except DataFormatError as error:
        raise LabkitError(f"the submission cannot be opened any more: {error}") from None
    claims = {slot: claims_of(examiner.task(slot), envelope.hand_ins[slot].values) for slot in asked}
    tasks = [examiner.task(slot) for slot in session.form.slots]
    issued = issued_notebook(examiner.blueprint, tasks, session.form.mode)
    with _sitting(examiner, session, asked) as sitting:
        return reproduce(issued, envelope.notebook, claims=claims, sitting=sitting)


@contextmanager
def _sitting(examiner: Examiner, session: Session, asked: Sequence[str]) -> Iterator[Path]:
    """Make a sitting with the same materials, which is over later and worth nothing to anybody."""
    from labkit.exams.sitting.making import make_sitting

    form = replace(
        session.form,
        mode="rehearsal",
        deadline=said_time(datetime.now(UTC) + timedelta(days=1)),
        tasks=tuple(task for task in session.form.tasks if task.slot in asked),
        items=(),
        key_id=examiner.keys.key_id,
    )
    signed = replace(session, form=form, signature=examiner.keys.sign("form", form.as_json()))
    with tempfile.TemporaryDirectory() as place:
        with _MAKING:
            make_sitting(examiner, signed, Path(place) / "sitting")
        # The user without rights inside has to be able to read it.
        for path in [Path(place), *Path(place).rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
        yield Path(place) / "sitting"
