"""``/labkit/kernel/<id>``: how the kernel of a page is, for the page itself."""

from __future__ import annotations

from typing import Any

from jupyter_server.auth.decorator import allow_unauthenticated

from labkit.server.base import Page

__all__ = ["KernelReport"]


class KernelReport(Page):
    """Answers whoever's page it is; to everybody else no such kernel is there."""

    @allow_unauthenticated
    def get(self, kernel: str) -> None:
        """Say whether it runs, what to warn of, or why it ended."""
        self.set_header("Cache-Control", "no-store")
        self.finish(self._state(kernel))

    def _state(self, kernel: str) -> dict[str, Any]:
        if self.current_user is None:
            return {"state": "unknown"}
        keeper = self.settings["labkit_keeper"]
        kept, ending = keeper.known(kernel), keeper.ending(kernel)
        if kept is not None and kept.owner == self.learner:
            return {"state": "running", "warning": kept.warning}
        if ending is not None and ending[0] == self.learner:
            return {"state": "ended", "reason": ending[1], "text": keeper.text(ending[1])}
        return {"state": "gone"}
