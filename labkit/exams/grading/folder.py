"""Where grading keeps what it did: begin again and nothing is graded twice, and nothing is lost.

::

    submissions/<digest>.zip   as they came
    exams/<digest>/            the exam as it was frozen
    sessions/<session>.json    what was issued to whom
    results/<digest>.json      what came of each submission
    sheets/<session>.json      the one result of each sitting
    feedback/<session>.html
    packs/<session>/           what an appeal needs
    reproduced/<session>.json  what running answer cells again has said
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError
from labkit.core.files import alone, write_whole
from labkit.core.paths import ensure_dir
from labkit.evidence.entry import digest_of
from labkit.exams.envelope.reading import read_submission_bytes
from labkit.exams.grading.cluster import grade_on_cluster
from labkit.exams.grading.feedback import feedback_page
from labkit.exams.grading.freezing import digest_of_exam, freeze_exam
from labkit.exams.grading.packs import with_sheet, write_pack
from labkit.exams.grading.pool import grade_here
from labkit.exams.grading.reproducing import to_reproduce
from labkit.exams.grading.sessions import SessionFacts, write_session
from labkit.exams.grading.verifying import Arrival

if TYPE_CHECKING:
    from labkit.exams.reproduction import Reproduced

__all__ = ["GradingFolder", "Submission"]

_FINAL = ("graded", "refused", "replayed")
_APART = ("sheet", "text", "page")
"""Members of a result that become files of their own: the sheet, the same as text, and as a page."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A file that was brought, and what is known of its arrival.

    Attributes
    ----------
    path : Path
    owner, at, by, added_minutes, session
        As :class:`labkit.exams.grading.verifying.Arrival` has them.
    sha256 : str or None
        What its digest was when it arrived.
    problem : str
        Why it is not graded; empty when it is.
    """

    path: Path
    owner: str | None = None
    at: str | None = None
    by: str | None = None
    added_minutes: int = 0
    sha256: str | None = None
    session: str | None = None
    problem: str = ""

    @property
    def arrival(self) -> dict[str, Any]:
        """What is known of its arrival, as JSON can hold it."""
        return asdict(Arrival(self.owner, self.at, self.by, self.added_minutes, self.session))


class GradingFolder:
    """A folder in which submissions are graded, each once.

    Parameters
    ----------
    root : Path
    exam : Path
        Folder of the exam; it is frozen here, and graded by what was frozen.
    items : Path, optional
        Folder of a private item bank, in place of the exam's own.
    """

    def __init__(self, root: Path, exam: Path, items: Path | None = None) -> None:
        self.root = ensure_dir(root)
        self.exam = freeze_exam(exam, self.root / "exams", items=items)
        self._exam_digest = digest_of_exam(self.exam)

    def grade(
        self,
        submissions: Sequence[Submission],
        sessions: Iterable[SessionFacts],
        *,
        workers: int | None = None,
        seconds: float = 120.0,
        scheduler: str | None = None,
    ) -> list[dict[str, Any]]:
        """Grade what is not graded yet, and return one row for each submission.

        Parameters
        ----------
        submissions : sequence of Submission
        sessions : iterable of SessionFacts
            Every sitting that a submission may belong to.
        workers : int, optional
            Processes on this machine.
        seconds : float
            Most time for one submission.
        scheduler : str, optional
            Address of a Dask scheduler that grades in place of this machine.

        Returns
        -------
        list of dict
            ``file``, ``path``, ``sha256``, ``status`` (graded, void, replayed, refused, failed),
            ``session``, ``candidate``, ``share``, ``passed``, ``reasons``, ``reproduction`` (as on the
            sheet), and ``unused``: what was said of it and came too late, because it was graded before.
        """
        # Two commands in one folder wait for each other.
        with alone(self.root / ".lock"):
            for facts in sessions:
                write_session(self.root / "sessions", facts)
            taken = [self._take(submission) for submission in submissions]
            todo: dict[str, dict[str, Any]] = {}
            for submission, (sha256, problem) in zip(submissions, taken, strict=True):
                if not problem and not self._is_done(sha256, submission):
                    todo.setdefault(sha256, self._request(sha256, submission))
            results = (
                grade_on_cluster(todo.items(), scheduler, seconds=seconds)
                if scheduler
                else grade_here(todo.items(), workers=workers, seconds=seconds)
            )
            order = dict.fromkeys(sha256 for sha256, problem in taken if not problem)
            rows = self._settled(order, todo, results)
            return [
                _brought(submission, sha256, _refused(problem) if problem else rows[sha256])
                for submission, (sha256, problem) in zip(submissions, taken, strict=True)
            ]

    def _settled(
        self,
        order: Iterable[str],
        todo: Mapping[str, Mapping[str, Any]],
        results: Iterable[tuple[str, dict[str, Any]]],
    ) -> dict[str, dict[str, Any]]:
        """Keep each result as it comes, and settle them in the order in which submissions were given.

        So it does not depend on how fast processes are which of two submissions to one sitting counts.
        """
        rows: dict[str, dict[str, Any]] = {}
        early: dict[str, dict[str, Any]] = {}
        left = iter(order)
        following = next(left, None)
        for sha256, result in chain(results, [("", {})]):
            if sha256:
                about = asdict(Arrival.of(todo[sha256]))
                early[sha256] = {**result, "sha256": sha256, "arrival": about}
                if "sheet" in result:
                    early[sha256]["text"] = _json(result["sheet"])
                self._keep(sha256, early[sha256])
            while following is not None and (following in early or following not in todo):
                result = early.pop(following) if following in early else self._result(following)
                rows[following] = _row(self._settle(following, result))
                following = next(left, None)
        return rows

    def knows(self, session: str) -> bool:
        """Return whether the facts of a sitting lie here already."""
        return (self.root / "sessions" / f"{session}.json").is_file()

    def sheet(self, session: str) -> dict[str, Any]:
        """Return the score sheet of a sitting that was graded."""
        return json.loads((self.root / "sheets" / f"{session}.json").read_text(encoding="utf-8"))

    def keep_reproduced(self, sha256: str, news: Mapping[str, Any]) -> dict[str, Any]:
        """Write on the sheet of a submission what came of running it again; the score stays as it is.

        Returns
        -------
        dict
            ``reproduction`` of the sheet as it is now.
        """
        with alone(self.root / ".lock"):
            result = self._result(sha256)
            result["sheet"]["reproduction"] |= news
            self._keep(sha256, result)
            self._publish(result)
        return dict(result["sheet"]["reproduction"])

    def keep_output(self, session: str, found: Reproduced) -> None:
        """Keep what a run said, beside the sheet."""
        self._write(f"reproduced/{session}.json", f"{_json(asdict(found))}\n".encode())

    def _take(self, submission: Submission) -> tuple[str, str]:
        """Keep a copy of what was brought; return its digest, or why it cannot be taken."""
        if submission.problem:
            return "", submission.problem
        try:
            content = read_submission_bytes(submission.path)
        except DataFormatError as error:
            return "", str(error)
        sha256 = digest_of(content)
        if submission.sha256 not in (None, sha256):
            return "", "it was altered after it arrived: its digest is not the one of its receipt"
        place = ensure_dir(self.root / "submissions") / f"{sha256}.zip"
        if not place.is_file():
            write_whole(place, content)
        return sha256, ""

    def _is_done(self, sha256: str, submission: Submission) -> bool:
        """Return whether there is nothing more to do; a name that was mistyped can be corrected."""
        result = self._result(sha256)
        if result.get("status") == "void":
            return asdict(Arrival.of(result["arrival"])) == submission.arrival
        return result.get("status") in _FINAL and not result.get("again")

    def _request(self, sha256: str, submission: Submission) -> dict[str, Any]:
        return {
            "path": str((self.root / "submissions" / f"{sha256}.zip").resolve()),
            "sessions": str((self.root / "sessions").resolve()),
            "exam": str(self.exam.resolve()),
            **submission.arrival,
        }

    def _result(self, sha256: str) -> dict[str, Any]:
        path = self.root / "results" / f"{sha256}.json"
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}

    def _keep(self, sha256: str, result: Mapping[str, Any]) -> None:
        about = {name: value for name, value in result.items() if name not in _APART}
        content = with_sheet(about, _text(result)) if "sheet" in result else f"{_json(about)}\n".encode()
        self._write(f"results/{sha256}.json", content)

    def _settle(self, sha256: str, result: dict[str, Any]) -> dict[str, Any]:
        """Make a result the one of its sitting, unless the sitting has one already; return what it is now."""
        if result.get("status") != "graded":
            return result
        session = result["session"]
        if (self.root / "sheets" / f"{session}.json").is_file():
            first = self.sheet(session)["envelope_sha256"]
            if first == sha256:
                return result
            reason = f"replayed: the session was graded from the submission {first[:12]} already"
            replayed = {**result, "status": "replayed", "reasons": [*result["reasons"], reason]}
            self._keep(sha256, replayed)
            return replayed
        self._publish(result)
        return result

    def _publish(self, result: Mapping[str, Any]) -> None:
        """Write pack, page and sheet of the result of a sitting; the sheet last."""
        session, text = result["session"], _text(result)
        page = result["page"] if "page" in result else feedback_page(result["sheet"])
        write_pack(self.root, self.exam.name, self._exam_digest, result, text)
        self._write(f"feedback/{session}.html", page.encode())
        self._write(f"sheets/{session}.json", f"{text}\n".encode())

    def _write(self, name: str, content: bytes) -> None:
        path = self.root / name
        ensure_dir(path.parent)
        write_whole(path, content)


def _row(result: Mapping[str, Any]) -> dict[str, Any]:
    sheet = result.get("sheet") or {}
    counts = result["status"] == "graded"
    candidate = sheet.get("candidate") or {}
    return {
        "status": result["status"],
        "session": result.get("session"),
        "candidate": candidate.get("identifier") or candidate.get("name"),
        "share": sheet["total"]["share"] if counts else None,
        "passed": sheet["decision"]["passed"] if counts else None,
        "reasons": result["reasons"],
        "reproduction": sheet.get("reproduction", to_reproduce([])) if counts else None,
        "arrival": result.get("arrival") or {},
    }


def _brought(submission: Submission, sha256: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of a file: the same submission may be brought twice, under other names."""
    file = {"file": submission.path.name, "path": str(submission.path), "sha256": sha256}
    return {**file, **row, "unused": _unused(submission, row)}


def _refused(problem: str) -> dict[str, Any]:
    return _row({"status": "refused", "reasons": [problem]})


def _unused(submission: Submission, row: Mapping[str, Any]) -> list[str]:
    """Return what was said of a submission that was graded before without it, and so was not used."""
    said: dict[str, Any] = {"owner": submission.owner, "at": submission.at}
    words = {
        "owner": "--owner {}",
        "at": "--arrived {}",
        "added_minutes": "time of {} minutes that was added",
    }
    if any(reason.startswith("deadline:") for reason in row["reasons"]):
        said["added_minutes"] = submission.added_minutes or None
    before = row["arrival"]
    return [
        f"{words[key].format(value)} was not used: it was graded before with {before.get(key) or 'none'}. "
        "To grade it so, name another folder with --out"
        for key, value in said.items()
        if value is not None and before and value != before.get(key)
    ]


def _text(result: Mapping[str, Any]) -> str:
    return result["text"] if "text" in result else _json(result["sheet"])


def _json(content: Mapping[str, Any]) -> str:
    # Without indentation: what indents in Python's json is twenty times slower than what does not.
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
