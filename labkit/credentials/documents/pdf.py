"""The certificate as PDF/A-3b and PDF/UA-1, with the badge attached, set by typst (extra ``documents``)."""

from __future__ import annotations

import importlib.util
import json
from datetime import datetime
from pathlib import Path

from labkit.core.errors import EngineNotInstalledError
from labkit.credentials.documents.facts import Facts
from labkit.credentials.documents.qr import qr_svg

__all__ = ["as_pdf", "check_pdf"]

_TEMPLATE = Path(__file__).parent / "certificate.typ"


def check_pdf() -> None:
    """Raise EngineNotInstalledError where certificates cannot be made as PDF."""
    if importlib.util.find_spec("typst") is None:
        raise EngineNotInstalledError("typst", "documents")


def as_pdf(facts: Facts, badge: str, at: datetime) -> bytes:
    """Return the certificate as PDF; the same facts and moment give the same bytes.

    Parameters
    ----------
    facts : Facts
    badge : str
        The credential in JSON, attached byte for byte.
    at : datetime
        What the file says it was made at.

    Raises
    ------
    EngineNotInstalledError
        When the extra ``documents`` is not installed.
    """
    check_pdf()
    import typst

    # Text goes in as data: whatever a name holds, it is never read as markup.
    data = {
        **facts.as_json(),
        "badge": badge,
        "qr": qr_svg(facts.code, "QR code"),
        "made": [at.year, at.month, at.day],
    }
    made: bytes = typst.compile(
        _TEMPLATE.read_bytes(),
        format="pdf",
        sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
        pdf_standards=["a-3b", "ua-1"],
        ignore_system_fonts=True,
        timestamp=int(at.timestamp()),
    )
    return made
