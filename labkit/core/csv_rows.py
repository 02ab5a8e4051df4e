"""Read a small CSV file that somebody saved from a spreadsheet, wherever that speaks comma or semicolon."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from labkit.core.errors import DataFormatError

__all__ = ["read_rows"]


def read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Return the rows that hold something, each with its line; cells without spaces around them.

    Parameters
    ----------
    path : Path
        UTF-8, with or without a mark at its beginning.  A semicolon in the first line means that
        semicolons separate.

    Raises
    ------
    DataFormatError
        When it cannot be read, or is no CSV.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataFormatError(f"{path}: expected a readable CSV file: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DataFormatError(
            f'{path}:{line}: expected CSV in UTF-8, got a letter in another encoding: save it as "CSV UTF-8"'
        ) from None
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except csv.Error as error:
        raise DataFormatError(f"{path}:{reader.line_num}: not valid CSV: {error}") from None
    return [(line, row) for line, row in rows if any(row)]
