"""Plain tables for the terminal, and words of strangers that neither it nor a spreadsheet obeys."""

from __future__ import annotations

import shutil
import textwrap
import unicodedata
from collections.abc import Sequence

__all__ = ["for_spreadsheet", "format_table", "harmless"]

_FORMULA = "=+-@\t\r\n"
_SEPARATORS = ",;|\t\r\n"  # what a spreadsheet of some country takes for the end of a cell
_PASSED_OVER = "\"' "


def format_table(
    headings: Sequence[str], rows: Sequence[Sequence[object]], *, width: int | None = None
) -> str:
    """Return an aligned table; the last column wraps so that a line fits the terminal.

    Parameters
    ----------
    headings : sequence of str
        One for each column.
    rows : sequence of sequences
        Cells, as many as there are headings.
    width : int, optional
        Columns of the terminal; found out by default, at most 100.
    """
    width = min(100, shutil.get_terminal_size((100, 24)).columns) if width is None else width
    cells = [[harmless(str(cell).replace("\n", " ")) for cell in row] for row in [headings, *rows]]
    sizes = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    before = sum(sizes[:-1]) + 2 * (len(sizes) - 1)
    sizes[-1] = min(sizes[-1], max(20, width - before))
    lines = []
    for row in [cells[0], ["-" * size for size in sizes], *cells[1:]]:
        wrapped = textwrap.wrap(row[-1], sizes[-1]) or [""]
        lines.append(
            "  ".join(
                cell.ljust(size) for cell, size in zip([*row[:-1], wrapped[0]], sizes, strict=True)
            ).rstrip()
        )
        lines += [" " * before + more for more in wrapped[1:]]
    return "\n".join(lines)


def harmless(text: str) -> str:
    r"""Return ``text`` without what a terminal obeys.

    Every character that is not printed stands as its escape.  Names of files and words out of a
    document may be a stranger's.  One that begins with ``\x1b`` could clear what was printed and write
    something else in its place; one that turns the direction of writing shows letters in another
    order; half of a surrogate pair ends the program that prints it.

    Parameters
    ----------
    text : str
        Line breaks stay.
    """
    return "".join(
        letter if letter == "\n" or letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )


def for_spreadsheet(text: str) -> str:
    """Return a text with an apostrophe wherever a spreadsheet could see the beginning of a formula.

    Whoever opens such a table would run it (CWE-1236).  That is at its beginning, and behind whatever
    may end a cell elsewhere.  Letters that only look like others (``＝`` for ``=``) count as these: a
    spreadsheet may take them for the same.
    """
    safe, begins = [], True
    for letter in text:
        meant = unicodedata.normalize("NFKC", letter)
        if begins and meant[:1] in _FORMULA:
            safe.append("'")
        safe.append(letter)
        begins = meant[-1:] in _SEPARATORS or (begins and (meant in _PASSED_OVER or meant.isspace()))
    return "".join(safe)
