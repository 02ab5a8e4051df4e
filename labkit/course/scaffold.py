"""Make a new lab from the template: a small real lab that already passes its contract."""

from __future__ import annotations

import json
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from labkit.core.errors import InvalidInputError, LabkitError, StorageError
from labkit.course.builder import build
from labkit.course.catalogue import labs
from labkit.course.declaration import read_lab
from labkit.course.recording import record

__all__ = ["new_lab"]

_TEMPLATE = Path(__file__).parent / "template"
_ID = re.compile(r"[A-Z][A-Z0-9]{1,7}")
_SUFFIX = ".template"
_TITLE_LENGTH = 60


def new_lab(
    id: str,
    *,
    root: Path,
    title: str = "",
    seeds: int = 5,
    progress: Callable[[str], None] | None = None,
) -> Path:
    """Make ``root/<id>-<words of the title>``, record its reference runs, and build its notebooks.

    Everything is made in a folder beside it and moved into place at the end, so that a
    failure leaves nothing behind.

    Parameters
    ----------
    id : str
        Capital letters and digits, such as ``L19``.
    root : Path
        The folder of the labs.
    title : str
        By default made from the id.
    seeds : int
        How many variants the bots play.
    progress : function, optional
        Called with a sentence at each stage.

    Returns
    -------
    Path
        The folder of the new lab.

    Raises
    ------
    InvalidInputError
        When the id or the title cannot be used, or is taken.
    StorageError
        When ``root`` cannot be written.
    """
    tell = progress or (lambda _message: None)
    title = " ".join((title or f"New lab {id}").split())
    folder = root / f"{_checked_id(id)}-{_slug(title)}"
    _check_free(folder, id)
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".new-", dir=root) as beside:
            made = Path(beside) / folder.name
            made.mkdir()
            for source in sorted(_TEMPLATE.glob(f"*{_SUFFIX}")):
                text = _filled(source.read_text(encoding="utf-8"), id, title)
                (made / source.name.removesuffix(_SUFFIX)).write_text(text, encoding="utf-8")
            tell("playing the reference runs")
            record(read_lab(made, references=False), seeds=range(seeds))
            build(read_lab(made), progress=tell)
            for cache in made.glob("__pycache__"):
                shutil.rmtree(cache)
            made.rename(folder)
    except LabkitError:
        raise
    except OSError as error:
        raise StorageError(f"cannot make {folder}: {error.strerror}; nothing was left behind") from error
    return folder


def _checked_id(id: str) -> str:
    if not _ID.fullmatch(id):
        hint = f" Did you mean {id.upper()!r}?" if _ID.fullmatch(id.upper()) else ""
        raise InvalidInputError(
            "expected an id of 2 to 8 capital letters and digits, a letter first, such as L19; "
            f"got {id!r}.{hint}"
        )
    return id


def _slug(title: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
    if not slug or len(title) > _TITLE_LENGTH or not title.isprintable():
        raise InvalidInputError(
            f"expected a title of at most {_TITLE_LENGTH} characters with letters or digits "
            f"from a to z in it, for the name of the folder; got {title!r}"
        )
    return slug


def _check_free(folder: Path, id: str) -> None:
    known = labs(folder.parent) if folder.parent.is_dir() else []
    slug = folder.name.partition("-")[2]
    for lab in known:
        if lab.id == id or lab.slug == slug:
            raise InvalidInputError(
                f"there is a lab {lab.folder.name} in {folder.parent} already; choose another id and title"
            )
    if folder.exists():
        raise InvalidInputError(f"{folder} exists already; move it away, or choose another id or title")


def _filled(text: str, id: str, title: str) -> str:
    # A JSON text is a TOML text as well, quotation marks and all.
    values = {"@ID@": id, "@TITLE@": json.dumps(title, ensure_ascii=False), "@HEADING@": title}
    for mark, value in values.items():
        text = text.replace(mark, value)
    return text
