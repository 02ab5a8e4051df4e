"""Floor 7: widgets, figures and cards; the only floor that knows ipywidgets and matplotlib."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui import evasion, inversion, membership, plots, poisoning, strips
    from labkit.ui.opening import open_lab
    from labkit.ui.session import LabSession
    from labkit.ui.theme import style

__all__ = [
    "LabSession",
    "evasion",
    "inversion",
    "membership",
    "open_lab",
    "plots",
    "poisoning",
    "strips",
    "style",
]

__getattr__, __dir__ = lazy_exports(
    __name__,
    {
        "LabSession": "labkit.ui.session",
        "evasion": "labkit.ui.evasion",
        "inversion": "labkit.ui.inversion",
        "membership": "labkit.ui.membership",
        "open_lab": "labkit.ui.opening",
        "plots": "labkit.ui.plots",
        "poisoning": "labkit.ui.poisoning",
        "strips": "labkit.ui.strips",
        "style": "labkit.ui.theme",
    },
)
