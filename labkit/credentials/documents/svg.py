"""The certificate as SVG: one page, A4 across, text that stays text, and the badge inside."""

from __future__ import annotations

import re
import textwrap
from html import escape

from labkit.credentials.carriers.svg import baked
from labkit.credentials.documents.facts import Facts
from labkit.credentials.documents.qr import qr_svg

__all__ = ["as_svg"]

_SANS = "font-family=\"'DejaVu Sans', 'Liberation Sans', Arial, sans-serif\""
_INK, _SOFT, _ACCENT = "#1b1f24", "#4a5560", "#0b4f6c"


def as_svg(facts: Facts, badge: str) -> str:
    """Return the certificate as SVG with the badge embedded as Open Badges bakes it.

    Parameters
    ----------
    facts : Facts
    badge : str
        The credential in JSON.
    """
    head = [
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:openbadges="https://purl.imsglobal.org/ob/v3p0" '
        f'viewBox="0 0 297 210" role="img" lang="en" {_SANS}>',
        f"<title>{escape(f'{facts.title}: certificate {facts.number} of {facts.holder}')}</title>",
        f"<desc>{escape(_description(facts))}</desc>",
        f"<openbadges:credential>{baked(badge)}</openbadges:credential>",
        '<rect width="297" height="210" fill="#ffffff"/>',
        f'<rect x="8" y="8" width="281" height="194" fill="none" stroke="{_ACCENT}" stroke-width="1.2"/>',
        f'<rect x="8" y="8" width="6" height="194" fill="{_ACCENT}"/>',
    ]
    return "\n".join([*head, *_left(facts), *_right(facts), "</svg>", ""])


def _description(facts: Facts) -> str:
    return (
        f"{facts.issuer} certifies that {facts.holder} passed {facts.title}, blueprint {facts.version}. "
        f"{facts.mode_words} Valid from {facts.valid_from} until {facts.valid_until}. {facts.disclaimer}"
    )


def _left(facts: Facts) -> list[str]:
    lines = [
        _text(24, 32, 4.6, _SOFT, "Certificate"),
        _text(24, 50, _fitting(facts.title, 10, 175), _ACCENT, facts.title, weight="bold"),
        _text(24, 68, 4.6, _SOFT, "awarded to"),
        _text(24, 83, _fitting(facts.holder, 11, 175), _INK, facts.holder, weight="bold"),
        _text(24, 96, 4.4, _INK, f"by {facts.issuer}"),
        _text(24, 110, 4.4, _INK, f"Valid from {facts.valid_from} until {facts.valid_until}"),
    ]
    score = f"Score {facts.score} %" if facts.score else ""
    lines.append(_text(24, 118, 4.4, _INK, ", ".join(filter(None, [f"Certificate {facts.number}", score]))))
    y = 130.0
    for line in textwrap.wrap(facts.mode_words, 74):
        lines.append(_text(24, y, 4.4, _ACCENT, line, weight="bold"))
        y += 6
    y += 2
    for line in _standards(facts, most=9):
        lines.append(_text(24, y, 2.9, _SOFT, line))
        y += 4.2
    lines += [
        _text(24, 188 + at * 4.2, 2.9, _SOFT, line)
        for at, line in enumerate(textwrap.wrap(f"{facts.renews} {facts.disclaimer}".strip(), 150)[:3])
    ]
    return lines


def _standards(facts: Facts, most: int) -> list[str]:
    """Lines for the standards that fit, each whole, and how many more there are."""
    lines: list[str] = []
    for at, each in enumerate(facts.standards):
        wrapped = textwrap.wrap(each, 118)
        left = len(facts.standards) - at
        if len(lines) + len(wrapped) > most - (left > 1):
            return [*lines, f"and {left} more, which the badge lists"]
        lines += wrapped
    return lines


def _right(facts: Facts) -> list[str]:
    code = re.sub(
        r"<svg ",
        '<svg x="222" y="24" width="58" height="58" ',
        qr_svg(facts.code, "Address and digest"),
        count=1,
    )
    about = ["SHA-256 of the badge", *textwrap.wrap(facts.digest, 32), "", *textwrap.wrap(facts.address, 38)]
    return [code, *(_text(222, 90 + at * 4.2, 2.7, _SOFT, line, mono=True) for at, line in enumerate(about))]


def _fitting(text: str, size: float, width: float) -> float:
    """A size at which a line of about 0.62 em a letter fits."""
    return min(size, width / max(1, len(text)) / 0.62)


def _text(
    x: float, y: float, size: float, color: str, text: str, *, weight: str = "normal", mono: bool = False
) -> str:
    family = " font-family=\"'DejaVu Sans Mono', monospace\"" if mono else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-size="{size:.2f}" fill="{color}" font-weight="{weight}"{family}>'
        f"{escape(text)}</text>"
    )
