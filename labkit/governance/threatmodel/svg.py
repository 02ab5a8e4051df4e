"""The frame and the style of every picture of the studio."""

from __future__ import annotations

from html import escape

__all__ = ["PAD", "STYLE", "svg"]

PAD = 16
STYLE = (
    "<style>.e{fill:#ffffff;stroke:#33404d;stroke-width:1.6}.z{fill:#f3f6fa;stroke:#6a7887;"
    "stroke-width:1.4;stroke-dasharray:7 5}.f{fill:none;stroke:#33404d;stroke-width:1.4}"
    ".x{stroke:#a04b00;stroke-width:1.8}.n{fill:#33404d}.m{fill:#8a3f00}.on{stroke:#1657b8;stroke-width:3.4}"
    "text{font-family:system-ui,'DejaVu Sans',sans-serif;font-size:13px;fill:#16202b;text-anchor:middle}"
    ".h{font-size:12px;fill:#3c4a58;text-anchor:start}.l{font-size:11px;fill:#ffffff;font-weight:700}"
    ".a{fill:#6b3fa0;stroke:#ffffff;stroke-width:1}.t{font-size:11px}.b{font-weight:700}</style>"
)


def svg(width: float, height: float, title: str, words: str, parts: list[str]) -> str:
    """Return a picture with its title, and ``words`` for whoever does not see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img" '
        f'width="{width:g}" aria-label="{escape(title, quote=True)}">'
        f"<title>{escape(title)}</title><desc>{escape(words)}</desc>"
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>{"".join(parts)}</svg>'
    )
