"""A panel that would give an answer away stays closed until something was handed in for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from labkit.ui.controls import column, output
from labkit.ui.html import callout
from labkit.ui.session import LabSession
from labkit.ui.work import excuse

__all__ = ["gated"]


def gated(lab: LabSession, checkpoint: str, build: Callable[[], Any]) -> Any:
    """Return a box that holds ``build()`` once ``checkpoint`` was tried, and says so until then.

    A live demo is nobody's work, so everything is open there.
    """
    box = column()
    is_open: bool | None = None

    def refresh() -> None:
        nonlocal is_open
        session = lab.session
        tried = bool(session.attempts(checkpoint)) or checkpoint in session.progress().passed
        wanted = lab.demo is not None or tried
        if is_open is not wanted:
            is_open = wanted
            box.children = (build() if wanted else output(_closed(lab, checkpoint)),)

    def refresh_safely() -> None:
        # Whoever hands something in must get their feedback, whatever becomes of another panel.
        try:
            refresh()
        except Exception as error:
            box.children = (output(excuse(error)),)

    lab.on_change(refresh_safely)
    refresh()
    return box


def _closed(lab: LabSession, checkpoint: str) -> str:
    title = lab.lab.find_checkpoint(checkpoint).title
    words = (
        f"It names what is wrong with the system, so it opens when you have handed in “{title}” once, "
        "right or wrong. You can look for yourself first."
    )
    return callout("info", words, title="This part is still closed.")
