"""The evidence pack in the browser: to read, to print, to take away."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from tornado import web

from labkit.core.paths import data_dir
from labkit.course.learner import folder_name
from labkit.evidence import EvidencePack
from labkit.server.base import Page
from labkit.server.headers import PRINT_POLICY

__all__ = ["EvidenceArchive", "EvidencePage", "archive", "own_pack"]


def own_pack(learner: str) -> EvidencePack:
    """Return the pack of a learner."""
    return EvidencePack(data_dir() / "evidence" / folder_name(learner))


def archive(pack: EvidencePack) -> bytes:
    """Return the pack as a ZIP file: ``pack.html``, the entries, and what was handed in."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("evidence/pack.html", pack.html())
        for kind in ("entries", "files"):
            for path in sorted((pack.path / kind).rglob("*")):
                if path.is_file() and not path.is_symlink():
                    packed.write(path, Path("evidence", path.relative_to(pack.path)).as_posix())
    return buffer.getvalue()


class EvidencePage(Page):
    """``/evidence``: the pack as one printable page."""

    @web.authenticated
    def get(self) -> None:
        """Show the pack, or say that it is empty."""
        pack = own_pack(self.learner)
        if not pack.entries():
            self.refuse(404, "Your evidence pack is empty. Finish a lab and add its evidence at the end.")
            return
        self.set_header("Content-Security-Policy", PRINT_POLICY)
        self.set_header("Content-Type", "text/html; charset=utf-8")
        self.set_header("Cache-Control", "no-store")
        self.finish(pack.html())


class EvidenceArchive(Page):
    """``/evidence/evidence.zip``: everything in the pack, to take away."""

    @web.authenticated
    def get(self) -> None:
        """Send the archive, or say that there is nothing in it."""
        pack = own_pack(self.learner)
        if not pack.entries():
            self.refuse(404, "Your evidence pack is empty. Finish a lab and add its evidence at the end.")
            return
        self.set_header("Content-Type", "application/zip")
        self.set_header("Content-Disposition", 'attachment; filename="evidence.zip"')
        self.set_header("Cache-Control", "no-store")
        self.finish(archive(pack))
