"""Figures as accessible pictures: every one carries a text alternative, most carry a table."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.ui.plots.curves import Trial, attempts, calibration, robustness_curve, trade_off
    from labkit.ui.plots.maps import confusion, landscape, slice_through

__all__ = [
    "Trial",
    "attempts",
    "calibration",
    "confusion",
    "landscape",
    "robustness_curve",
    "slice_through",
    "trade_off",
]

_CURVES = ("Trial", "attempts", "calibration", "robustness_curve", "trade_off")

__getattr__, __dir__ = lazy_exports(
    __name__,
    {name: f"{__name__}.{'curves' if name in _CURVES else 'maps'}" for name in __all__},
)
