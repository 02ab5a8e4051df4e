"""How a learner left the dials of a panel, so that the page comes back as it was.

These are events like all others, in an append-only log of their own beside the progress log:
there are many of them, they are of no use to anybody but the page, and whoever reads progress
need not go through them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from labkit.core.errors import LabkitError
from labkit.course.progress import ProgressLog

if TYPE_CHECKING:
    from labkit.course.session import Session

__all__ = ["LARGEST_STATE", "PanelStates"]

LARGEST_STATE = 64_000  # bytes of JSON; dials are far smaller, a diagram of one's own is not
_KIND = "state"


class PanelStates:
    """The last state of every panel of one learner, in one lab and scenario, since the last reset.

    A disk that refuses loses nothing but the position of some dials, so nothing here raises.

    Parameters
    ----------
    session : Session
        Whose panels they are.
    """

    def __init__(self, session: Session) -> None:
        self._learner, self._lab, self._scenario = session.learner, session.lab.id, session.scenario.id
        self._resets = session.progress().resets
        self._log = ProgressLog(session.log_path.with_name("panels.sqlite"))
        self._known = self._read()

    def latest(self, panel: str) -> Mapping[str, Any]:
        """Return what was kept last for a panel; empty when there is nothing."""
        return self._known.get(panel, {})

    def keep(self, panel: str, values: Mapping[str, Any]) -> bool:
        """Keep how a panel is now, and say whether that was possible.

        Parameters
        ----------
        panel : str
        values : mapping of str to values as JSON holds them
        """
        payload = {
            "panel": panel,
            "scenario": self._scenario,
            "resets": self._resets,
            "values": dict(values),
        }
        try:
            if len(json.dumps(payload, allow_nan=False)) > LARGEST_STATE:
                return False
            self._log.append(self._learner, self._lab, _KIND, payload)
        except (LabkitError, TypeError, ValueError):
            return False
        self._known[panel] = dict(values)
        return True

    def _read(self) -> dict[str, Mapping[str, Any]]:
        try:
            events = self._log.events(
                learner=self._learner, lab=self._lab, kind=_KIND, newest_by=("panel", "scenario")
            )
        except LabkitError:
            return {}
        return {
            event.payload["panel"]: event.payload["values"]
            for event in events
            if event.payload.get("scenario") == self._scenario and event.payload.get("resets") == self._resets
        }
