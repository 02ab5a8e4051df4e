"""The frozen pack of a sitting, and grading it again: an appeal must come to the same score."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError, IntegrityError
from labkit.core.files import write_whole
from labkit.core.paths import ensure_dir
from labkit.evidence.entry import digest_of
from labkit.exams.grading.freezing import digest_of_exam
from labkit.exams.grading.process import GradingProcess
from labkit.exams.grading.sessions import SessionFacts, write_session
from labkit.exams.grading.sheet import ABOUT, score_of

__all__ = ["Regraded", "read_pack", "regrade", "write_pack"]


@dataclass(frozen=True, slots=True)
class Regraded:
    """What came of grading a pack again.

    Attributes
    ----------
    session : str
    before, after : float
        Share of all points.
    differences : tuple of str
        Parts of the sheet that are not the same, with both values; empty when the score stands.
    """

    session: str
    before: float
    after: float
    differences: tuple[str, ...]


def write_pack(root: Path, exam: str, exam_digest: str, result: Mapping[str, Any]) -> Path:
    """Freeze a result with all that it came from, and return the folder.

    Parameters
    ----------
    root : Path
        The grading folder.
    exam, exam_digest : str
        Name of the frozen exam below ``root/exams``, and its digest.
    result : mapping
    """
    session, sheet = result["session"], result["sheet"]
    folder = ensure_dir(root / "packs" / session)
    content = (root / "submissions" / f"{result['sha256']}.zip").read_bytes()
    write_whole(folder / "submission.zip", content)
    pack = {
        "version": 1,
        "facts": json.loads((root / "sessions" / f"{session}.json").read_text(encoding="utf-8")),
        "arrival": result["arrival"],
        "exam": exam,
        "exam_digest": exam_digest,
        "submission_sha256": digest_of(content),
        "sheet": sheet,
        "score_sha256": digest_of(score_of(sheet)),
    }
    write_whole(folder / "pack.json", json.dumps(pack, ensure_ascii=False).encode() + b"\n")
    return folder


def read_pack(folder: Path) -> dict[str, Any]:
    """Return ``pack.json`` of a frozen pack, after its own digests were checked.

    Raises
    ------
    DataFormatError
        When it is no pack.
    IntegrityError
        When the submission or the sheet is not the one that was frozen.
    """
    try:
        pack = json.loads((folder / "pack.json").read_text(encoding="utf-8"))
        submission = digest_of((folder / "submission.zip").read_bytes())
        sheet = digest_of(score_of(pack["sheet"]))
        asked = pack["submission_sha256"], pack["score_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataFormatError(f"{folder} is no frozen pack: {error}") from None
    if (submission, sheet) != asked:
        raise IntegrityError(f"{folder}: the submission or the score sheet was altered after it was frozen")
    return pack


def regrade(folder: Path, *, exam: Path | None = None, seconds: float = 120.0) -> Regraded:
    """Grade a frozen pack again, in a new process, from what was frozen.

    Parameters
    ----------
    folder : Path
        ``packs/<session>`` of a grading folder, or a copy of it.
    exam : Path, optional
        The frozen exam; by default the one beside the packs.
    seconds : float

    Raises
    ------
    DataFormatError
        When there is no such pack.
    IntegrityError
        When pack or exam are not those that were frozen.
    """
    pack = read_pack(folder)
    exam = exam or folder.resolve().parent.parent / "exams" / pack["exam"]
    if not exam.is_dir() or digest_of_exam(exam) != pack["exam_digest"]:
        raise IntegrityError(f"{exam} is not the exam that {folder.name} was graded by")
    sessions = folder / "sessions"
    write_session(sessions, SessionFacts.from_json(pack["facts"]))
    process = GradingProcess(seconds)
    try:
        request = {"sessions": str(sessions.resolve()), "exam": str(exam.resolve()), **pack["arrival"]}
        result = process.grade(request, (folder / "submission.zip").read_bytes())
    finally:
        process.close()
    before, after = pack["sheet"], result.get("sheet")
    if after is None:
        return Regraded(pack["facts"]["session"], before["total"]["share"], 0.0, tuple(result["reasons"]))
    differences = () if score_of(before) == score_of(after) else tuple(_differences(before, after))
    return Regraded(pack["facts"]["session"], before["total"]["share"], after["total"]["share"], differences)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    found = []
    for kind, name in (("tasks", "slot"), ("items", "id")):
        now = {entry[name]: entry for entry in after[kind]}
        for entry in before[kind]:
            if (other := now.get(entry[name])) != entry:
                values = [f"{_worth(each):.6g}" if each else "nothing" for each in (entry, other)]
                found.append(f"{entry[name]}: {values[0]} before, {values[1]} now")
    others = (before.keys() | after.keys()) - {"tasks", "items", *ABOUT}
    found += [f"{name} differs" for name in sorted(others) if before.get(name) != after.get(name)]
    return found


def _worth(entry: Mapping[str, Any]) -> float:
    return entry["earned"] if "earned" in entry else entry["points"] * entry["credit"]
