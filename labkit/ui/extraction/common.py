"""What the panels of the extraction lab share: say a p-value, announce a result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from labkit.metrics import Rate
from labkit.ui.html import escape

__all__ = ["announced", "p_value", "share", "within"]

_SMALL = 1e-3


def announced(words: str) -> str:
    """Return a line that a screen reader announces."""
    return f'<div class="lk" role="status"><strong>{escape(words)}</strong></div>'


def p_value(p: float) -> str:
    """Return a p-value as one writes it: small ones as a power of ten."""
    return f"{p:.3f}" if p >= _SMALL else f"{p:.0e}"


def share(rate: Rate) -> str:
    """Return a share with its 95 % interval."""
    return f"{rate.value:.1%} ({rate.low:.1%} to {rate.high:.1%})"


def within(options: Sequence[Any], value: Any, otherwise: Any) -> Any:
    """Return ``value`` if it is among the options of a list, else something that is."""
    return value if value in options else otherwise
