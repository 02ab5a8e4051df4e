"""A CSV table: a heading, one column of labels, and numbers in all others."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import DataFormatError, InvalidInputError, UnknownNameError
from labkit.data.formats.found import Found, Options, Samples, check_room, named_classes, number_labels

__all__ = ["holds", "read"]

_USUAL_LABELS = ("label", "class", "target", "y")
_HIGHEST = 1e38  # beyond this a float32 is infinite

Floats = NDArray[np.float64]


def holds(source: Path) -> bool:
    """Whether a file has the ending of a table."""
    return source.is_file() and source.suffix.lower() in {".csv", ".tsv"}


def read(source: Path, options: Options) -> Found:
    """Read a table: features to be scaled, or pixels when ``options.shape`` says so.

    Pixels are 0 to 255, or 0 to 1.  Columns are told apart by commas, semicolons or tabs.

    Raises
    ------
    DataFormatError
        Naming line and column of a cell that is empty, no number, NaN or infinite.
    UnknownNameError
        When there is no such label column.
    """
    if not source.is_file():
        raise DataFormatError(f"{source}: expected a CSV file, got a folder.")
    try:
        with source.open(encoding="utf-8-sig", newline="") as stream:
            first = stream.readline()
            stream.seek(0)
            rows = csv.reader(stream, delimiter=max(",;\t", key=first.count))
            names, labels, values = _table(source, rows, options)
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{source}: expected text in UTF-8, and it is not: {error}.") from error
    except csv.Error as error:
        raise DataFormatError(f"{source}: cannot be read as CSV: {error}.") from error
    classes = named_classes(labels, source)
    y = number_labels(labels, classes)
    if options.shape is None:
        return Found(classes, Samples(values.astype(np.float32), y), to_scale=True)
    return Found(classes, Samples(_as_pixels(source, values, names, options.shape), y))


def _table(source: Path, rows: Iterator[list[str]], options: Options) -> tuple[list[str], list[str], Floats]:
    heading = [name.strip() for name in next(rows, [])]
    label = _label_column(source, heading, options.label_column)
    names = [name for place, name in enumerate(heading) if place != label]
    if not names:
        raise DataFormatError(f"{source}: expected columns of numbers beside {heading[label]!r}, got none.")
    labels: list[str] = []
    values: list[Floats] = []
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(heading):
            raise DataFormatError(f"{source}:{line}: expected {len(heading)} cells, got {len(row)}.")
        labels.append(row.pop(label).strip())
        if not labels[-1]:
            raise DataFormatError(f"{source}:{line}: the label in {heading[label]!r} is empty.")
        values.append(_numbers(source, line, names, row))
        check_room(len(values) * len(names), source)
    if not values:
        raise DataFormatError(f"{source}: expected rows of samples below the heading, got none.")
    return names, labels, np.stack(values)


def _label_column(source: Path, heading: list[str], wanted: str | None) -> int:
    if len(set(heading)) != len(heading):
        raise DataFormatError(
            f"{source}:1: expected a heading of distinct names, got {', '.join(heading[:20])}."
        )
    if wanted is not None:
        if wanted not in heading:
            raise UnknownNameError(f"column (in {source})", wanted, heading)
        return heading.index(wanted)
    for name in _USUAL_LABELS:
        if name in heading:
            return heading.index(name)
    raise DataFormatError(
        f"{source}:1: expected a column called {', '.join(_USUAL_LABELS)}; got {', '.join(heading[:20])}. "
        "Say which one holds the labels: --label-column NAME, or label_column=."
    )


def _numbers(source: Path, line: int, names: list[str], cells: list[str]) -> Floats:
    try:
        numbers = np.array(cells, dtype=np.float64)
    except ValueError:
        numbers = np.array([_number(cell) for cell in cells])
    usable = np.abs(numbers) < _HIGHEST  # False for NaN too
    if not usable.all():
        column = int(np.argmin(usable))
        raise DataFormatError(
            f"{source}:{line}: expected a finite number in {names[column]!r}, got {cells[column]!r}. "
            "Fill the gap, or leave out the row or the column."
        )
    return numbers


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("nan")


def _as_pixels(source: Path, values: Floats, names: list[str], shape: tuple[int, ...]) -> NDArray[np.float32]:
    if prod(shape) != len(names):
        raise InvalidInputError(
            f"{source}: expected {prod(shape)} columns of pixels for the shape {shape}, got {len(names)}"
        )
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > 255:
        raise DataFormatError(
            f"{source}: expected pixels from 0 to 255, or 0 to 1; got {low:g} to {high:g}. "
            "For columns that are no pixels leave the shape away."
        )
    return (values / (255 if high > 1 else 1)).astype(np.float32).reshape(-1, *shape)
