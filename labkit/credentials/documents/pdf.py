"""The certificate as PDF/A-3b and PDF/UA-1, with the badge attached, set by typst (extra ``documents``)."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError, EngineNotInstalledError
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

    Letters that the typesetter brings no font for, Chinese ones among them, are set with the fonts of this
    machine.

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
    DataFormatError
        When no font has the letters of a name.
    """
    check_pdf()

    # Text goes in as data: whatever a name holds, it is never read as markup.
    data = {
        **facts.as_json(),
        "badge": badge,
        "qr": qr_svg(facts.code, "QR code"),
        "made": [at.year, at.month, at.day],
    }
    try:
        return _compiled(data, at, ignore_system_fonts=True)
    except DataFormatError:
        return _compiled(data, at, ignore_system_fonts=False)


def _compiled(data: Mapping[str, Any], at: datetime, *, ignore_system_fonts: bool) -> bytes:
    import typst

    try:
        made: bytes = typst.compile(
            _TEMPLATE.read_bytes(),
            format="pdf",
            sys_inputs={"data": json.dumps(data, ensure_ascii=False)},
            pdf_standards=["a-3b", "ua-1"],
            ignore_system_fonts=ignore_system_fonts,
            timestamp=int(at.timestamp()),
        )
    except typst.TypstError as error:
        raise DataFormatError(
            f"the certificate cannot be set as PDF: {error}. Where it is about letters, install a font that "
            "has them, such as Noto"
        ) from None
    return made
