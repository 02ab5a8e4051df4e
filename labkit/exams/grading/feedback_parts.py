"""Tables, lists and looks of the page with a result."""

from __future__ import annotations

import functools
import html
from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["STYLE", "as_list", "as_share", "as_table", "escape"]

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1b1b }
body { max-width: 48rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: break-word }
h1, h2, h3 { line-height: 1.2 } h2 { margin-top: 2.2rem; border-bottom: 1px solid #767676 }
table { border-collapse: collapse; width: 100%; margin: .6rem 0 }
caption { text-align: left; font-weight: 600 }
th, td { border: 1px solid #767676; padding: .3rem .5rem; text-align: left; vertical-align: top }
td.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
pre { border: 1px solid #767676; padding: .5rem; white-space: pre-wrap }
.bar { min-width: 6rem; height: .8rem; border: 1px solid #1b1b1b; background: #fff }
.bar span { display: block; height: 100%;
background: #1b4f72; print-color-adjust: exact; -webkit-print-color-adjust: exact }
.note { border-left: .3rem solid #1b4f72; padding-left: .8rem }
@media print {
body { margin: 0; max-width: none; font-size: 11pt }
h2, h3, tr, li, pre { break-inside: avoid } h2, h3, caption { break-after: avoid } }
"""


# Most of what a page says stands on the pages of the whole cohort.
escape = functools.lru_cache(8192)(html.escape)


def as_table(caption: str, heads: Iterable[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table with its caption; the first cell of a row names the row."""
    head = "".join(f"<th scope='col'>{escape(text)}</th>" if text else "<td></td>" for text in heads)
    body = "".join(
        f"<tr><th scope='row'>{escape(str(row[0]))}</th>"
        + "".join(f"<td>{escape(str(cell))}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    return f"<table><caption>{escape(caption)}</caption><tr>{head}</tr>{body}</table>"


def as_list(texts: Iterable[Any], kind: str = "ul") -> str:
    """Return a list; ``kind`` is ``ul``, or ``ol`` for one in order."""
    return f"<{kind}>" + "".join(f"<li>{escape(str(text))}</li>" for text in texts) + f"</{kind}>"


def as_share(value: float) -> str:
    """Return a share in percent; number and sign stay in one line."""
    return f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
