"""The pages around the labs, each computed from the catalogue and the log."""

from __future__ import annotations

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.utils import url_path_join
from tornado import web

from labkit.core.errors import LabkitError, StorageError
from labkit.core.paths import data_dir
from labkit.course import (
    DOMAINS,
    Lab,
    LabProgress,
    ProgressLog,
    find_lab,
    fold,
    labs,
    learner_name,
    standards_index,
)
from labkit.course.answers import calibration
from labkit.course.glossary import terms
from labkit.course.learner import folder_name
from labkit.evidence import EvidencePack
from labkit.governance import standards
from labkit.server.charts import attempts_chart

__all__ = ["Page"]

# Our own pages need no inline script or style, so theirs is the strictest policy.
_STRICT = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)


class Page(JupyterHandler):
    """What every page of ours has: its template, and errors in plain words."""

    def show(self, template: str, **values: Any) -> None:
        """Send a page of our own."""
        self.set_header("Content-Security-Policy", _STRICT)
        self.set_header("Cache-Control", "no-store")
        page = self.settings["labkit_templates"].get_template(template)
        self.finish(page.render(xsrf=self.xsrf_token.decode(), path=self.request.path, **values))

    def refuse(self, status: int, message: str) -> None:
        """Say in plain words why there is no such page."""
        self.set_status(status)
        self.show("error.html", status=status, message=message)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer an error without a traceback."""
        error = kwargs.get("exc_info", (None, None, None))[1]
        if isinstance(error, LabkitError):
            message = str(error)
        elif isinstance(error, web.HTTPError) and status_code < 500:
            message = error.log_message or "That page or action is not there."
        else:
            message = (
                "Something went wrong on our side. Your progress is kept. Try again, or run labkit doctor."
            )
        self.refuse(status_code, message)

    def lab_or_404(self, name: str) -> Lab:
        """Return the lab, or answer that there is none."""
        try:
            return find_lab(name)
        except LabkitError as error:
            raise web.HTTPError(404, str(error).replace("%", "%%")) from None

    def progress(self) -> tuple[dict[str, LabProgress], str]:
        """Return the learner's progress by lab, and what to say when it could not be read."""
        try:
            events, trouble = ProgressLog().events(learner=learner_name()), ""
        except StorageError as error:
            events, trouble = [], str(error)
        return {lab.id: fold(lab, events) for lab in labs()}, trouble


class Alive(web.RequestHandler):
    """Answers that the server is up; says nothing else, so it asks for nothing."""

    def get(self) -> None:
        self.finish("labkit")

    # Jupyter Server warns about handlers without a decision on authentication.
    get.__allow_unauthenticated = True  # type: ignore[attr-defined]


class CataloguePage(Page):
    """``/``: every lab as a card, and where to go on."""

    @web.authenticated
    def get(self) -> None:
        progress, trouble = self.progress()
        started = [lab for lab in labs() if progress[lab.id].started and not progress[lab.id].finished]
        latest = max(started, key=lambda lab: progress[lab.id].last or "", default=None)
        self.show(
            "catalogue.html",
            labs=labs(),
            progress=progress,
            domains=DOMAINS,
            latest=latest,
            trouble=trouble,
        )


class ProgressPage(Page):
    """``/progress``: objectives, attempts over time, how well confidence fits."""

    @web.authenticated
    def get(self) -> None:
        progress, trouble = self.progress()
        events = [] if trouble else ProgressLog().events(learner=learner_name())
        charts = {
            (lab.id, checkpoint.id): attempts_chart(
                checkpoint, progress[lab.id].attempts.get(checkpoint.id, ())
            )
            for lab in labs()
            for checkpoint in lab.checkpoints
        }
        self.show(
            "progress.html",
            labs=labs(),
            progress=progress,
            charts=charts,
            calibration=calibration(events),
            trouble=trouble,
            learner=learner_name(),
        )


class ResetAction(Page):
    """``POST /progress/<lab>/reset``: begin a lab again; nothing is erased."""

    @web.authenticated
    def post(self, name: str) -> None:
        lab = self.lab_or_404(name)
        ProgressLog().append(learner_name(), lab.id, "reset", {})
        self.redirect(url_path_join(self.base_url, "progress"), status=303)


class GlossaryPage(Page):
    """``/glossary``: the words of the house."""

    @web.authenticated
    def get(self) -> None:
        self.show("glossary.html", terms=terms())


class StandardsPage(Page):
    """``/standards``: which lab is about which entry of which standard."""

    @web.authenticated
    def get(self) -> None:
        index = standards_index()
        rows = [(standards.lookup(name), index[name]) for name in sorted(index)]
        self.show("standards.html", rows=rows)


class DemoPage(Page):
    """``/demo/<lab>``: the prepared states of a lab, one after the other, for a room."""

    @web.authenticated
    def get(self, name: str) -> None:
        lab = self.lab_or_404(name)
        states = [{"title": each.title, "say": each.say} for each in lab.demo]
        self.show("demo.html", lab=lab, states=states, states_json=json.dumps(states))


class EvidencePage(Page):
    """``/evidence``: the printable evidence pack."""

    @web.authenticated
    def get(self) -> None:
        pack = EvidencePack(data_dir() / "evidence" / folder_name(learner_name()))
        if not pack.entries():
            self.refuse(404, "Your evidence pack is empty. Finish a lab and add its evidence at the end.")
            return
        self.set_header(
            "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
        )
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.finish(pack.write_html().read_text(encoding="utf-8"))


class HandsOn(Page):
    """``/hands-on/<lab>``: the participant's own copy of the notebook, opened in JupyterLab."""

    @web.authenticated
    def get(self, name: str) -> None:
        lab = self.lab_or_404(name)
        copy_of(lab, Path(self.contents_manager.root_dir))
        self.redirect(url_path_join(self.base_url, "lab", "tree", lab.folder.name, "lab.ipynb"))

    @web.authenticated
    def post(self, name: str) -> None:
        """Begin with a fresh copy; the old one is kept under its date."""
        lab = self.lab_or_404(name)
        copy_of(lab, Path(self.contents_manager.root_dir), fresh=True)
        self.redirect(url_path_join(self.base_url, "lab", "tree", lab.folder.name, "lab.ipynb"), status=303)


def copy_of(lab: Lab, workspace: Path, *, fresh: bool = False) -> Path:
    """Return the participant's copy of a lab's notebook, made on first use and never overwritten."""
    source, mine = lab.folder / "lab.ipynb", workspace / lab.folder.name / "lab.ipynb"
    if not source.is_file():
        raise LabkitError(f"the notebook of {lab.id} is not built; run: labkit build {lab.id}")
    try:
        mine.parent.mkdir(parents=True, exist_ok=True)
        if fresh and mine.exists():
            mine.rename(mine.with_name(f"lab {datetime.now():%Y-%m-%d %H.%M.%S}.ipynb"))
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
