"""Freeze what a decision rests on, in one file that is the same whenever it is made."""

from __future__ import annotations

import importlib.metadata
import io
import json
import platform
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

import labkit
from labkit.core.errors import DataFormatError
from labkit.evidence.entry import canonical, digest_of
from labkit.exams.records import models
from labkit.exams.records.events import events_of

__all__ = ["freeze", "read_bytes"]

_VERSIONS = ("torch", "numpy", "safetensors", "sqlalchemy")
_SAME_TIME = (1980, 1, 1, 0, 0, 0)
_MANIFEST = "manifest.json"


def freeze(
    session: Session,
    decision: models.Decision,
    sheet: models.ScoreSheet,
    envelope: bytes,
    pack: bytes | None,
) -> bytes:
    """Return the evidence of a decision, as a zip.

    It holds the envelope, the sheet, the decision, what happened to the sitting, the versions of what
    is installed, and ``pack.json`` of the grading folder where there is one.
    """
    members = {
        "submission.zip": envelope,
        "sheet.json": sheet.content.encode(),
        "decision.json": _json(_decision(decision)),
        "history.json": _json(events_of(session, decision.session)),
        "versions.json": _json(_versions(sheet.grader)),
    }
    if pack is not None:
        members["pack.json"] = pack
    return _zip(members)


def _decision(decision: models.Decision) -> dict[str, Any]:
    names = ("session", "sheet", "passed", "decided_by", "decided_at")
    return {name: getattr(decision, name) for name in names}


def _versions(grader: str) -> dict[str, str]:
    found = {"graded with labkit": grader, "labkit": labkit.__version__, "python": platform.python_version()}
    return found | {name: importlib.metadata.version(name) for name in _VERSIONS}


def _zip(members: Mapping[str, bytes]) -> bytes:
    """Return the members and their digests as a zip that is the same whenever it is made."""
    digests = {name: digest_of(content) for name, content in sorted(members.items())}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in [(_MANIFEST, _json({"version": 1, "files": digests})), *sorted(members.items())]:
            archive.writestr(zipfile.ZipInfo(name, _SAME_TIME), content)
    return packed.getvalue()


def _json(content: Any) -> bytes:
    # Canonical first: what JSON cannot hold is refused here.
    return json.dumps(json.loads(canonical(content)), indent=1, ensure_ascii=False).encode() + b"\n"


def read_bytes(path: Path) -> bytes:
    """Return what is in a file.

    Raises
    ------
    DataFormatError
        When it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataFormatError(f"{path}: cannot be read: {error.strerror or error}") from None
