"""``/exam``: the practice exam and the rehearsal, and the sittings that were begun."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from pathlib import Path
from typing import Any

from jupyter_server.utils import url_path_join
from tornado import web

from labkit.core.errors import LabkitError
from labkit.exams.blueprint import exam_folder, read_blueprint
from labkit.server.base import Page
from labkit.server.headers import PRINT_POLICY

__all__ = ["ExamPage", "ExamResult", "OpenExam"]

_FOLDER = "exams"  # in the participant's notebooks, where JupyterLab finds it
_MODES = ("practice", "rehearsal")


class _OfExam(Page):
    """What the addresses of the exam have in common."""

    @property
    def workspace(self) -> Path:
        """Folder of the sittings, among the participant's notebooks."""
        return Path(self.contents_manager.root_dir) / _FOLDER

    def insist_on_own_machine(self) -> None:
        """Refuse whatever is asked for in a class on one machine, whose participants share a workspace."""
        if self.settings.get("labkit_room") is not None:
            raise web.HTTPError(
                403,
                "In a class on one machine there is no exam: it runs code of one's own. Take it on a machine "
                "of your own, or on JupyterHub.",
            )


class ExamPage(_OfExam):
    """What the exam is, what can be begun, and what was begun."""

    @web.authenticated
    def get(self) -> None:
        """Show the page."""
        self.insist_on_own_machine()
        blueprint = read_blueprint(exam_folder())
        self.show("exam.html", blueprint=blueprint, sittings=_sittings(self.workspace))


class OpenExam(_OfExam):
    """``POST /exam/<mode>``: make a sitting and open its notebook."""

    @web.authenticated
    def get(self, _mode: str) -> None:
        """Lead somebody who typed the address, or came back to it, to the page with the buttons."""
        self.insist_on_own_machine()
        self.redirect(url_path_join(self.base_url, "exam"), status=303)

    @web.authenticated
    async def post(self, mode: str) -> None:
        """Make the sitting in a process of its own: it builds models, which the server must not hold."""
        self.insist_on_own_machine()
        if mode not in _MODES:
            self.refuse(404, "There is no such exam here.")
            return
        folder = self.workspace / f"{mode}-{secrets.token_hex(3)}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        made = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "labkit.cli", "exam", "open", f"--{mode}", "--folder", str(folder)),
            env={**os.environ, "LABKIT_LEARNER": self.learner},
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        _, said = await made.communicate()
        if made.returncode != 0:
            words = said.decode(errors="replace").strip().splitlines()
            self.refuse(
                500, f"The sitting could not be made: {words[-1] if words else 'no reason was given'}"
            )
            return
        self.redirect(
            url_path_join(self.base_url, "lab", "tree", _FOLDER, folder.name, "exam.ipynb"), status=303
        )


class ExamResult(_OfExam):
    """``/exam/result/<sitting>``: the page with everything that was measured, and why."""

    @web.authenticated
    def get(self, name: str) -> None:
        """Show the page that lies in the folder of a sitting."""
        self.insist_on_own_machine()
        page = self.workspace / name / "result.html"
        if not page.is_file() or page.is_symlink():
            self.refuse(404, "This sitting has no result yet. Submit it on its desk first.")
            return
        self.set_header("Content-Security-Policy", PRINT_POLICY)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(page.read_bytes())


def _sittings(workspace: Path) -> list[dict[str, Any]]:
    """Return what was begun, the newest first; folders that are no sitting are passed over."""
    found = []
    for form in workspace.glob("*/form.json"):
        try:
            about = json.loads(form.read_text(encoding="utf-8"))
            found.append(
                {
                    "name": form.parent.name,
                    "mode": str(about["mode"]),
                    "opened": str(about["opened_at"])[:16].replace("T", " "),
                    "submitted": (form.parent / "submission.zip").is_file(),
                    "result": (form.parent / "result.html").is_file(),
                }
            )
        except (OSError, ValueError, KeyError, TypeError, LabkitError):
            continue
    return sorted(found, key=lambda each: each["opened"], reverse=True)
