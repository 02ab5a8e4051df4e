"""What a browser is told it may do with an answer of ours."""

from __future__ import annotations

__all__ = ["JUPYTER_POLICY", "PAGE_POLICY", "PRINT_POLICY"]

# JupyterLab and Voilà compile code of their own and style inline; nothing may come from elsewhere
# or go elsewhere.
JUPYTER_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)

# Our own pages need no inline script or style, so theirs is the strictest policy.
PAGE_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; "
    "form-action 'self'; frame-ancestors 'self'"
)

# The evidence pack carries its own style, so that it can be kept as one file; it runs nothing.
PRINT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)
