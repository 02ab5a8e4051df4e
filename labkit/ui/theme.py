"""The look of every panel, in one style sheet (``style.css`` beside this file).

Colours come from the custom properties of the page (``--lk-text`` and so on), else from
JupyterLab's theme, else from the light values written in the sheet.  In this way one sheet
serves the dashboard in light and dark, and JupyterLab in either theme.
"""

from __future__ import annotations

from pathlib import Path

from labkit.ui.html import Fragment

__all__ = ["STYLE", "style"]

STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
"""The whole style sheet."""


def style() -> Fragment:
    """Return the style sheet as something that a notebook cell can show."""
    return Fragment(f"<style>{STYLE}</style>", "labkit's style sheet")
