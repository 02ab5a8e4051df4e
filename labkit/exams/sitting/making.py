"""Make the folder of a sitting from what an examiner registered."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError, StorageError
from labkit.core.files import write_whole
from labkit.core.paths import data_dir, ensure_dir
from labkit.exams.issued import write_issued
from labkit.exams.sitting.sitting import Sitting
from labkit.exams.task.asking import asks_of

if TYPE_CHECKING:
    from labkit.exams.examiner import Examiner, Session

__all__ = ["default_folder", "find_folder", "insist_empty", "item_views", "make_sitting", "open_sitting"]

Progress = Callable[[int, int, str], None]


def make_sitting(
    examiner: Examiner, session: Session, folder: Path | None = None, progress: Progress | None = None
) -> Sitting:
    """Write everything that a candidate gets, and open it.

    Parameters
    ----------
    examiner : Examiner
    session : Session
        Opened by :meth:`Examiner.open_session`.
    folder : Path, optional
        A folder that is not there yet.
    progress : function, optional
        Called with what is done, how much there is, and a sentence.

    Raises
    ------
    InvalidInputError
        When the folder is there already and holds something.
    StorageError
        When it cannot be written; nothing is left behind.
    """
    target = default_folder(session) if folder is None else folder
    insist_empty(target)
    ensure_dir(target.parent)
    partial = target.with_name(f".{target.name}.partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        _write(examiner, session, ensure_dir(partial), progress)
        if target.is_dir():
            target.rmdir()
        partial.replace(target)
    except OSError as error:
        raise StorageError(f"cannot make the sitting in {target}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    sitting = Sitting(target)
    with sitting.desk.locked():
        sitting.desk.append("opened", {"mode": session.form.mode})
    return sitting


def insist_empty(folder: Path) -> None:
    """Refuse a folder that a sitting cannot be made in.

    Raises
    ------
    InvalidInputError
        When it is a file, or holds something.
    """
    if folder.exists() and not folder.is_dir():
        raise InvalidInputError(f"{folder} is a file; name a folder that is not there yet")
    if folder.is_dir() and any(folder.iterdir()):
        raise InvalidInputError(f"{folder} holds something already; name another folder")


def open_sitting(folder: Path | str | None = None) -> Sitting:
    """Open a sitting, or take it up again where it was left.

    Parameters
    ----------
    folder : Path or str, optional
        By default the folder in ``LABKIT_SITTING``, the current folder or one above it.

    Raises
    ------
    IntegrityError
        When the folder holds no sitting, or its form was altered.
    """
    sitting = Sitting(find_folder() if folder is None else Path(folder).expanduser())
    with sitting.desk.locked():
        if not sitting.submitted:
            sitting.desk.append("resumed", {})
    return sitting


def find_folder() -> Path:
    """Return the folder of the sitting that one stands in."""
    if named := os.environ.get("LABKIT_SITTING"):
        return Path(named).expanduser()
    here = Path.cwd()
    return next((each for each in (here, *here.parents) if (each / "form.json").is_file()), here)


def default_folder(session: Session) -> Path:
    """Return where a sitting lies unless another folder is named.

    One's own practice lies where JupyterLab shows it; an examiner hands a folder over.
    """
    base = data_dir() / ("exam-sittings" if session.form.mode == "exam" else "hands-on/exams")
    return base / f"{session.form.mode}-{session.form.session}"


def _write(examiner: Examiner, session: Session, folder: Path, progress: Progress | None) -> None:
    form = session.form
    write_whole(folder / "form.json", form.as_bytes())
    write_whole(folder / "form.sig.json", json.dumps(dict(session.signature), indent=1).encode() + b"\n")
    for number, slot in enumerate(form.slots):
        task = examiner.task(slot)
        if progress is not None:
            progress(number, len(form.slots), f"making {slot}, {task.title}")
        materials = folder / "materials" / slot
        write_issued(materials, examiner.issue(session, slot))
        write_whole(materials / "brief.md", task.brief().encode())
        asks = json.dumps(asks_of(task), indent=1, ensure_ascii=False)
        write_whole(materials / "asks.json", asks.encode() + b"\n")
    views = json.dumps(item_views(examiner, session), indent=1, ensure_ascii=False)
    write_whole(folder / "items.json", views.encode() + b"\n")
    write_whole(folder / "exam.ipynb", _notebook(examiner, session))


def item_views(examiner: Examiner, session: Session) -> list[dict[str, Any]]:
    """Return the items of a session as they are shown, in the order of its form."""
    if not session.form.items:
        return []
    from labkit.exams.bank import public_view, read_bank

    bank = read_bank(examiner.items_folder())
    return [
        public_view(bank.find(item.id, item.revision), item.variant, item.order)
        for item in session.form.items
    ]


def _notebook(examiner: Examiner, session: Session) -> bytes:
    from labkit.exams.notebook import issued_notebook

    tasks = [examiner.task(slot) for slot in session.form.slots]
    return issued_notebook(examiner.blueprint, tasks, session.form.mode)
