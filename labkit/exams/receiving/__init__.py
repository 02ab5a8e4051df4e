"""Receive submissions during an exam: a clock that can be believed, and a receipt that proves an arrival."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.exams.receiving.arrivals import Arrivals, Extension, Line
    from labkit.exams.receiving.client import Answer, Client
    from labkit.exams.receiving.folder import Receiving, Registered
    from labkit.exams.receiving.grading import Received, received

_MODULES = {
    "arrivals": ("Arrivals", "Extension", "Line"),
    "client": ("Answer", "Client"),
    "folder": ("Receiving", "Registered"),
    "grading": ("Received", "received"),
}

__all__ = [
    "Answer",
    "Arrivals",
    "Client",
    "Extension",
    "Line",
    "Received",
    "Receiving",
    "Registered",
    "received",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
)
