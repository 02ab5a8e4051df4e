"""The frozen pack of a sitting, and grading it again: an appeal must come to the same score."""

from __future__ import annotations

import json
import re
import tempfile
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

__all__ = ["Regraded", "read_pack", "regrade", "with_sheet", "write_pack"]

_EVIDENCE = re.compile(r"pack\.json|submission\.zip")
"""Members of the evidence of an appeal that grading it again needs."""


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


def write_pack(root: Path, exam: str, exam_digest: str, result: Mapping[str, Any], text: str) -> Path:
    """Freeze a result with all that it came from, and return the folder.

    Parameters
    ----------
    root : Path
        The grading folder.
    exam, exam_digest : str
        Name of the frozen exam below ``root/exams``, and its digest.
    result : mapping
    text : str
        Its sheet in JSON.
    """
    session = result["session"]
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
        "score_sha256": digest_of(score_of(result["sheet"])),
    }
    write_whole(folder / "pack.json", with_sheet(pack, text))
    return folder


def with_sheet(about: Mapping[str, Any], text: str) -> bytes:
    """Return a file of JSON with a sheet that is text already: it is long, and stands in three files."""
    before = json.dumps({**about, "sheet": None}, ensure_ascii=False, allow_nan=False)
    return f"{before.removesuffix('null}')}{text}}}\n".encode()


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
        what = error.strerror if isinstance(error, OSError) else error
        raise DataFormatError(
            f"{folder} is no frozen pack: {what}. Expected packs/SESSION of a grading folder, or the "
            "evidence of an appeal"
        ) from None
    if (submission, sheet) != asked:
        raise IntegrityError(f"{folder}: the submission or the score sheet was altered after it was frozen")
    return pack


def regrade(folder: Path, *, exam: Path | None = None, seconds: float = 120.0) -> Regraded:
    """Grade a frozen pack again, in a new process, from what was frozen.

    Parameters
    ----------
    folder : Path
        ``packs/<session>`` of a grading folder, a copy of it, or the evidence of an appeal as it was
        frozen.
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
    if folder.is_file():
        with tempfile.TemporaryDirectory() as place:
            return regrade(_unpacked(folder, Path(place) / folder.stem), exam=exam, seconds=seconds)
    pack = read_pack(folder)
    exam = exam or folder.resolve().parent.parent / "exams" / pack["exam"]
    if not exam.is_dir() or digest_of_exam(exam) != pack["exam_digest"]:
        raise IntegrityError(
            f"{exam} is not the exam that {folder.name} was graded by: name exams/{pack['exam']} of the "
            "grading folder with --exam"
        )
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


def _unpacked(file: Path, folder: Path) -> Path:
    """Write the two members of the evidence of an appeal that grading needs into ``folder``."""
    from labkit.exams.envelope.archive import Limits, members_of
    from labkit.exams.envelope.reading import read_submission_bytes

    refused: dict[str, str] = {}
    members = members_of(read_submission_bytes(file), Limits(), refused, _EVIDENCE)
    ensure_dir(folder)
    for name in ("pack.json", "submission.zip"):
        if name not in members:
            raise DataFormatError(
                f"{file} is no evidence of an appeal: {refused.get(name, f'it has no {name}')}"
            )
        write_whole(folder / name, members[name])
    return folder


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """Return which parts of a sheet came out otherwise.

    What a newer program says beside what the sheet said then is no difference.
    """
    found = []
    for kind, name in (("tasks", "slot"), ("items", "id")):
        now = {entry[name]: entry for entry in after[kind]}
        for entry in before[kind]:
            other = now.get(entry[name], {})
            if others := [key for key, value in entry.items() if other.get(key) != value]:
                values = [f"{_worth(each):.6g}" if each else "nothing" for each in (entry, other)]
                words, said = f"{values[0]} before, {values[1]} now", f"other {', '.join(others)}"
                found.append(f"{entry[name]}: {words if values[0] != values[1] else said}")
    kept = before.keys() - {"tasks", "items", *ABOUT}
    found += [f"{name} differs" for name in sorted(kept) if before[name] != after.get(name)]
    return found


def _worth(entry: Mapping[str, Any]) -> float:
    return entry["earned"] if "earned" in entry else entry["points"] * entry["credit"]
