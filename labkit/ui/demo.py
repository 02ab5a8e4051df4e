"""The prepared states of a live demo, as panels read them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labkit.ui.session import LabSession

__all__ = ["PreparedState"]


class PreparedState(Mapping[str, Any]):
    """What a live demo asks of one panel."""

    def __init__(self, lab: LabSession, panel: str) -> None:
        self._lab, self._panel = lab, panel

    def _now(self) -> Mapping[str, Any]:
        demo = self._lab.demo
        return demo.state if demo is not None and demo.panel == self._panel else {}

    def __getitem__(self, key: str) -> Any:
        return self._now()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())
