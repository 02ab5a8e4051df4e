"""Draw loan applications from their causal structure, and write them as a data set."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from labkit.core.errors import InvalidInputError, UnknownNameError
from labkit.core.files import write_whole
from labkit.data.loans.structure import FEATURES, GRAPH, OUTCOME, UNIFORM, Town, evaluate

__all__ = ["SIZES", "applications", "write"]

SIZES = {"train": 4000, "test": 1000}
_FIRST_STREAM = {"train": 0, "test": 1}


def applications(
    n: int,
    *,
    seed: int = 0,
    split: str = "train",
    do: Mapping[str, float] | None = None,
    town: Town | None = None,
) -> dict[str, NDArray[np.floating[Any]]]:
    """Return ``n`` applications and what became of them.

    Parameters
    ----------
    n : int
        How many; the first ones are the same for every ``n``.
    seed : int
    split : str
        ``"train"`` or ``"test"``: other people.
    do : mapping of str to float, optional
        Values that are set from outside.  The noise stays, so row ``i`` with and without
        ``do`` is the same applicant in two worlds.
    town : Town, optional
        How strongly the group shows in income and district; by default as in the bundled data
        set.  The noise stays here, too.

    Returns
    -------
    dict of str to array of shape ``(n,)``
        A column for each name of ``GRAPH``: currencies a month or in total, years, counts,
        and 0 or 1 for ``group``, ``district`` (which part of the town) and ``repaid``.
    """
    if n < 1:
        raise InvalidInputError(f"expected one application or more, got {n}")
    if split not in SIZES:
        raise UnknownNameError("split", split, SIZES)
    for name in do or {}:
        if name not in GRAPH:
            raise UnknownNameError("value of an application", name, GRAPH)
    noise = {}
    for position, name in enumerate(GRAPH):
        # A stream for each column, so that the first rows do not depend on how many are drawn.
        stream = np.random.default_rng([seed, _FIRST_STREAM[split], position])
        noise[name] = stream.random(n) if name in UNIFORM else stream.standard_normal(n)
    return evaluate(noise, do or {}, town)


def write(folder: Path, *, seed: int = 0) -> Path:
    """Write both splits as ``loans.csv`` into ``folder`` and return the file."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["split", *FEATURES, OUTCOME])
    for split, n in SIZES.items():
        columns = applications(n, seed=seed, split=split)
        for row in zip(*(columns[name] for name in (*FEATURES, OUTCOME)), strict=True):
            table.writerow([split, *(f"{value:.0f}" for value in row)])
    path = folder / "loans.csv"
    write_whole(path, text.getvalue().encode())
    return path
