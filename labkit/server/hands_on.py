"""``/hands-on/<lab>``: the participant's own copy of a lab's notebook."""

from __future__ import annotations

import shutil
from datetime import datetime
from pathlib import Path

from jupyter_server.utils import url_path_join
from tornado import web

from labkit.core.errors import LabkitError, StorageError
from labkit.course import Lab
from labkit.server.base import Page

__all__ = ["HandsOn", "copy_of"]


class HandsOn(Page):
    """Opens the participant's copy in JupyterLab; made on first use and never overwritten."""

    @web.authenticated
    def get(self, name: str) -> None:
        """Open the copy, whatever the participant has done to it."""
        self.refuse_other_sites()
        self._open(name, fresh=False)

    @web.authenticated
    def post(self, name: str) -> None:
        """Begin with a fresh copy; the old one is kept under its date."""
        self._open(name, fresh=True)

    def _open(self, name: str, *, fresh: bool) -> None:
        lab = self.lab_or_404(name)
        if self.settings.get("labkit_room") is not None:
            raise web.HTTPError(
                403,
                "In a class on one machine nobody writes code of their own: it would run under the account "
                "that serves the class. Do the lab on its page, or hands-on on a machine of your own.",
            )
        copy_of(lab, Path(self.contents_manager.root_dir), fresh=fresh)
        self.redirect(url_path_join(self.base_url, "lab", "tree", lab.folder.name, "lab.ipynb"), status=303)


def copy_of(lab: Lab, workspace: Path, *, fresh: bool = False) -> Path:
    """Return the participant's copy of a lab's notebook.

    Parameters
    ----------
    lab : Lab
    workspace : Path
        Folder of the participant's notebooks.
    fresh : bool
        Whether to begin anew; a copy that is there is then renamed to ``lab DATE TIME.ipynb``.

    Raises
    ------
    StorageError
        When the disk is full, read-only or not the participant's.
    """
    source, mine = lab.folder / "lab.ipynb", workspace / lab.folder.name / "lab.ipynb"
    if not source.is_file():
        raise LabkitError(f"the notebook of {lab.id} is not built; run: labkit build {lab.id}")
    try:
        mine.parent.mkdir(parents=True, exist_ok=True)
        if fresh and mine.exists():
            mine.rename(_free(mine.with_name(f"lab {datetime.now():%Y-%m-%d %H.%M.%S}.ipynb")))
        if not mine.exists():
            partial = mine.with_suffix(".partial")
            shutil.copyfile(source, partial)
            partial.replace(mine)
    except OSError as error:
        raise StorageError(
            f"cannot keep your copy of {lab.id} in {mine.parent}: {error.strerror}. Free some space, or set "
            "LABKIT_HOME to a folder you can write to."
        ) from error
    return mine


def _free(path: Path) -> Path:
    """Return ``path``, or the first of its kind with a number that nothing has yet."""
    number, found = 2, path
    while found.exists():
        number, found = number + 1, path.with_name(f"{path.stem} ({number}){path.suffix}")
    return found
