"""Names and states that ipywidgets leaves out, added in the browser.

ipywidgets draws sliders without an accessible name, toggle buttons that show their state by
shade alone, and progress bars that no screen reader knows as such.  This small script puts
right what is on the page and watches for what comes later.  It talks to nobody and reads
nothing but the labels that are on the page.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

__all__ = ["SCRIPT", "show_script"]

SCRIPT = "\n".join(
    (Path(__file__).parent / name).read_text(encoding="utf-8") for name in ("assistive.js", "painter.js")
)
"""The script, and the one that grids to paint on need; running it twice does nothing more."""


def show_script() -> None:
    """Send the script to the front end of this kernel, if there is one."""
    from IPython import display

    from labkit.ui.work import in_kernel

    if in_kernel():
        page: Any = display
        page.display(page.HTML(f"<script>{SCRIPT}</script>"))
