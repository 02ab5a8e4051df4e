"""Write the documents of a credential beside its badge."""

from __future__ import annotations

from pathlib import Path

from labkit.core.files import write_whole
from labkit.credentials.documents.facts import facts_of
from labkit.credentials.documents.html import as_html
from labkit.credentials.documents.pdf import as_pdf
from labkit.credentials.documents.svg import as_svg
from labkit.credentials.encoding import strict_json
from labkit.credentials.times import moment

__all__ = ["write_documents"]


def write_documents(folder: Path, *, pdf: bool) -> None:
    """Write ``certificate.html`` and ``certificate.svg``, and ``certificate.pdf`` where asked.

    Raises
    ------
    EngineNotInstalledError
        When a PDF is asked for and the extra ``documents`` is not installed.
    StorageError
        When the disk is full or read-only.
    """
    badge = (folder / "badge.json").read_text(encoding="utf-8")
    document = strict_json(badge, "the badge")
    facts = facts_of(document)
    write_whole(folder / "certificate.html", as_html(facts, badge).encode())
    write_whole(folder / "certificate.svg", as_svg(facts, badge).encode())
    if pdf:
        write_whole(folder / "certificate.pdf", as_pdf(facts, badge, moment(document["proof"]["created"])))
