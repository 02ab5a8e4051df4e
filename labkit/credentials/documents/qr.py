"""The code on a certificate: the address of the credential and the beginning of its digest."""

from __future__ import annotations

import io

__all__ = ["qr_svg"]


def qr_svg(text: str, title: str) -> str:
    """Return a QR code as SVG, with a title for those who cannot see it."""
    import segno

    out = io.BytesIO()
    code = segno.make(text, error="m", micro=False)
    code.save(
        out, kind="svg", xmldecl=False, svgns=True, title=title, border=4, light="#ffffff", omitsize=True
    )
    return out.getvalue().decode("utf-8").strip()
