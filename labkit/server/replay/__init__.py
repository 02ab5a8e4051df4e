"""Dashboards recorded once for nobody, and given to each participant in a forked kernel."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.server.replay.neutral import NeutralSession, NotNeutralError
    from labkit.server.replay.prepare import Adoptable, prepare
    from labkit.server.replay.record import Record
    from labkit.server.replay.recording import Recording
    from labkit.server.replay.shelf import RecordedPage, Shelf

_MODULES = {
    "Adoptable": "prepare",
    "NeutralSession": "neutral",
    "NotNeutralError": "neutral",
    "Record": "record",
    "RecordedPage": "shelf",
    "Recording": "recording",
    "Shelf": "shelf",
    "prepare": "prepare",
}

__all__ = [
    "Adoptable",
    "NeutralSession",
    "NotNeutralError",
    "Record",
    "RecordedPage",
    "Recording",
    "Shelf",
    "prepare",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for name, module in _MODULES.items()}
)
