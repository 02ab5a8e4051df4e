"""The state that a panel starts from: prepared for a live demo, else as it was left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.ui.session import LabSession

__all__ = ["PreparedState"]


class PreparedState(Mapping[str, Any]):
    """What a live demo asks of one panel; outside a demo, how its participant left it."""

    def __init__(self, lab: LabSession, panel: str) -> None:
        self._lab, self._panel = lab, panel

    def _now(self) -> Mapping[str, Any]:
        demo = self._lab.demo
        if demo is None:
            return self._lab.memory.state(self._panel)
        return demo.state if demo.panel == self._panel else {}

    def __getitem__(self, key: str) -> Any:
        return self._now()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())
