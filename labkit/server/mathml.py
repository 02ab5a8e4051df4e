"""Formulas without a script: TeX in the prose becomes MathML, which browsers draw and read aloud."""

from __future__ import annotations

import re

from latex2mathml.converter import convert

__all__ = ["with_mathml"]

# Code spans and blocks come first, so that a dollar sign in code stays one.
_PARTS = re.compile(
    r"(?P<code>```.*?```|`[^`]*`)|\$\$(?P<block>.+?)\$\$|(?<![\\$])\$(?P<inline>[^$\n]+?)\$(?!\d)", re.DOTALL
)


def with_mathml(markdown: str) -> str:
    """Return ``markdown`` with every formula between dollar signs as MathML."""

    def drawn(match: re.Match[str]) -> str:
        if match["code"]:
            return match["code"]
        block = match["block"] is not None
        formula = (match["block"] or match["inline"]).strip()
        return convert(formula, display="block" if block else "inline").replace("\n", "")

    return _PARTS.sub(drawn, markdown)
