"""The governance quiz as a panel: practice that comes back, and a test before and after."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.quizzes.panel import quiz_panel

__all__ = ["quiz_panel"]

__getattr__, __dir__ = lazy_exports(__name__, {"quiz_panel": f"{__name__}.panel"})
