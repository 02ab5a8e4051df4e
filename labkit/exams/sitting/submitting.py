"""Seal a sitting."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from labkit.core.files import write_whole
from labkit.evidence.entry import canonical, digest_of
from labkit.exams.envelope.writing import seal
from labkit.exams.sitting.keeping import HAND_IN, TENSORS, last_version, mend
from labkit.exams.sitting.receipts import SubmitReceipt
from labkit.exams.sitting.state import is_over, open_places

if TYPE_CHECKING:
    from labkit.exams.sitting.sitting import Sitting

__all__ = ["submit"]

_LARGEST_NOTEBOOK = 8 << 20


def submit(sitting: Sitting) -> SubmitReceipt:
    """Write ``submission.zip`` and its receipt; see :meth:`Sitting.submit`."""
    desk = sitting.desk
    with desk.locked():
        if earlier := desk.kept("submitted.json"):
            return SubmitReceipt(**{**earlier, "open": tuple(earlier["open"])})
        # Whatever happened to answers.json: what the log says was answered is what is submitted.
        mend(desk)
        entries = desk.entries()
        last = entries[-1] if entries and entries[-1]["kind"] == "submitted" else None
        made = last or desk.append("submitted", {"late": is_over(sitting)})
        content = seal(
            _files(sitting),
            {
                "session": sitting.form.session,
                "nonce": sitting.form.nonce,
                "form_sha256": digest_of(desk.form_bytes),
                "log_head": made["digest"],
                "submitted_at": made["at"],
            },
        )
        path = sitting.folder / "submission.zip"
        write_whole(path, content, lasting=True)
        receipt = SubmitReceipt(
            session=sitting.form.session,
            file=str(path),
            sha256=digest_of(content),
            size=len(content),
            at=made["at"],
            log_head=made["digest"],
            open=open_places(sitting),
        )
        # This file closes the sitting; until it is there submitting can be tried again.
        desk.keep("submitted.json", receipt.as_json())
    return receipt


def _files(sitting: Sitting) -> dict[str, bytes]:
    desk = sitting.desk
    files = {
        "form.json": desk.form_bytes,
        "form.sig.json": desk.signature_bytes,
        "log.jsonl": desk.log_bytes(),
        "answers.json": canonical(sitting.answers()),
    }
    for slot in sitting.form.slots:
        if (folder := last_version(desk, slot)) is not None:
            for name in (HAND_IN, TENSORS):
                if (folder / name).is_file():
                    files[f"hand_ins/{slot}/{name}"] = (folder / name).read_bytes()
    notebook = _notebook(sitting.folder)
    return files if notebook is None else {**files, "exam.ipynb": notebook}


def _notebook(folder: Path) -> bytes | None:
    path = folder / "exam.ipynb"
    if not path.is_file() or path.stat().st_size > _LARGEST_NOTEBOOK:
        return None
    return path.read_bytes()
