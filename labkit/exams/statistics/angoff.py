"""Set a cut score with a panel: Angoff's method, modified for items and extended for criteria.

Judges say what a minimally competent candidate would earn on each question; the cut is the
sum of what they say.  After the first round they see each other's ratings, and how hard the
questions were, and rate again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labkit.core.csv_rows import read_rows
from labkit.core.errors import DataFormatError, InvalidInputError
from labkit.exams.statistics.consistency import Classification, TrueScores
from labkit.exams.statistics.items import correlation
from labkit.exams.statistics.reliability import Matrix

__all__ = ["COLUMNS", "Cut", "Panel", "Rating", "cut_of", "panel_of", "read_panel", "trade_off"]

COLUMNS = ("round", "judge", "item", "points", "rating")
"""Columns of a panel's file; ``points`` is what the item or criterion is worth."""

_ROUNDS = (1, 2)
_FEWEST_JUDGES = 3


@dataclass(frozen=True, slots=True)
class Rating:
    """What one judge expects of a minimally competent candidate on one question, in points."""

    round: int
    judge: str
    item: str
    points: float
    rating: float


@dataclass(frozen=True, slots=True)
class Panel:
    """Complete ratings of one round: ``(judges, items)``, in points."""

    round: int
    judges: tuple[str, ...]
    items: tuple[str, ...]
    points: Matrix
    ratings: Matrix


@dataclass(frozen=True, slots=True)
class Cut:
    """The cut of one round.

    Attributes
    ----------
    round, judges, items : int
    cut, share : float
        In points, and as a share of all points.
    error : float
        Standard error of the cut over judges, in points: another panel of as many judges.
    judge_sd : float
        Standard deviation between the judges' own cuts, in points.
    severe, lenient : str
        The judges with the highest and the lowest cut.
    agreement : float
        Mean correlation of a judge's ratings with the others'; NaN where it cannot be told.
    with_difficulty : float
        Correlation of mean ratings with how hard the items were; NaN without such figures.
    doubtful : tuple of str
        Items on which judges differ most: a standard deviation above a quarter of the points.
    """

    round: int
    judges: int
    items: int
    cut: float
    share: float
    error: float
    judge_sd: float
    severe: str
    lenient: str
    agreement: float
    with_difficulty: float
    doubtful: tuple[str, ...]


def read_panel(path: Path) -> list[Rating]:
    """Return the ratings in a panel's CSV file, with the columns of :data:`COLUMNS`.

    ``points`` may be left out: every question is worth one point then, and a rating is the
    share of minimally competent candidates who get it right.

    Raises
    ------
    DataFormatError
        With file and line, when the file cannot be read, a column is missing or unknown, a value
        is no number in its range, or a judge rates an item twice in a round.
    """
    rows = read_rows(path)
    if not rows:
        raise DataFormatError(f"{path}:1: expected columns {', '.join(COLUMNS)}; the file is empty")
    columns = [cell.lower() for cell in rows[0][1]]
    _check_columns(columns, f"{path}:{rows[0][0]}")
    ratings = [
        _rating(dict(zip(columns, _cells(row, columns, f"{path}:{line}"), strict=True)), f"{path}:{line}")
        for line, row in rows[1:]
    ]
    _check_once(ratings, [f"{path}:{line}" for line, _ in rows[1:]])
    if not ratings:
        raise DataFormatError(f"{path}: expected ratings below the columns, got none")
    return ratings


def panel_of(ratings: Sequence[Rating], number: int) -> Panel:
    """Return the ratings of one round as a complete table.

    Raises
    ------
    InvalidInputError
        When there are fewer than three judges, a judge left out an item, or judges were told
        different points for one.
    """
    mine = [each for each in ratings if each.round == number]
    judges, items = sorted({each.judge for each in mine}), list(dict.fromkeys(each.item for each in mine))
    if len(judges) < _FEWEST_JUDGES:
        raise InvalidInputError(
            f"expected {_FEWEST_JUDGES} judges or more in round {number} (six to ten are usual), "
            f"got {len(judges)}"
        )
    table = {(each.judge, each.item): each for each in mine}
    missing = [f"{judge} on {item}" for judge in judges for item in items if (judge, item) not in table]
    if missing:
        more = f" and {len(missing) - 5} more" if len(missing) > 5 else ""
        raise InvalidInputError(
            f"expected a rating of every judge for every item in round {number}; missing: "
            f"{', '.join(missing[:5])}{more}"
        )
    points = [{table[judge, item].points for judge in judges} for item in items]
    for item, told in zip(items, points, strict=True):
        if len(told) > 1:
            raise InvalidInputError(
                f"expected the same points for {item} from every judge, got {sorted(told)}"
            )
    return Panel(
        number,
        tuple(judges),
        tuple(items),
        np.array([told.pop() for told in points], dtype=float),
        np.array([[table[judge, item].rating for item in items] for judge in judges], dtype=float),
    )


def cut_of(panel: Panel, difficulty: Mapping[str, float] | None = None) -> Cut:
    """Return the cut of a round, with what judges differ by.

    Parameters
    ----------
    panel : Panel
    difficulty : mapping of item to float, optional
        Mean credit that candidates earned, from 0 to 1.

    References
    ----------
    Angoff, "Scales, Norms, and Equivalent Scores", 1971; Hambleton & Plake, "Using an Extended
    Angoff Procedure to Set Standards on Complex Performance Assessments", 1995.
    """
    own = panel.ratings.sum(axis=1)
    mean, possible = panel.ratings.mean(axis=0), float(panel.points.sum())
    judges = len(panel.judges)
    spread = panel.ratings.std(axis=0, ddof=1) / panel.points
    shares = mean / panel.points
    known = [column for column, item in enumerate(panel.items) if difficulty and item in difficulty]
    hard = np.array([difficulty[panel.items[column]] for column in known] if difficulty else [], dtype=float)
    return Cut(
        panel.round,
        judges,
        len(panel.items),
        float(own.mean()),
        float(own.mean()) / possible,
        float(own.std(ddof=1)) / math.sqrt(judges),
        float(own.std(ddof=1)),
        panel.judges[int(own.argmax())],
        panel.judges[int(own.argmin())],
        _agreement(panel),
        correlation(shares[known], hard),
        tuple(item for item, sd in zip(panel.items, spread, strict=True) if sd > 0.25),
    )


def trade_off(
    true_scores: TrueScores, cut: float, step: float, steps: Sequence[int] = (-2, -1, 0, 1, 2)
) -> list[tuple[float, Classification]]:
    """Return what moving the cut costs, when ``cut`` is what a candidate should truly reach.

    Parameters
    ----------
    true_scores : TrueScores
        Of the candidates to expect.
    cut, step : float
        Shares of the points: the panel's cut, and one step from it (a standard error).
    steps : sequence of int
        How many steps below and above.

    Returns
    -------
    list of (cut, Classification)
        A higher cut never lets more of those pass who should fail, and never fails fewer of those
        who should pass.
    """
    moved = [min(1.0, max(0.0, cut + number * step)) for number in steps]
    return [(each, true_scores.classify(each, true_cut=cut)) for each in moved]


def _agreement(panel: Panel) -> float:
    shares = panel.ratings / panel.points
    total = shares.sum(axis=0)
    found = [correlation(row, total - row) for row in shares]
    known = [each for each in found if not math.isnan(each)]
    return float(np.mean(known)) if known else math.nan


def _check_columns(columns: list[str], where: str) -> None:
    missing = [name for name in COLUMNS if name not in columns and name != "points"]
    unknown = [name for name in columns if name not in COLUMNS]
    if missing or unknown or len(set(columns)) != len(columns):
        raise DataFormatError(
            f"{where}: expected the columns {', '.join(COLUMNS)}, each once; "
            f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}"
        )


def _cells(row: list[str], columns: list[str], where: str) -> list[str]:
    if len(row) != len(columns):
        raise DataFormatError(f"{where}: expected {len(columns)} values, got {len(row)}")
    return [cell.strip() for cell in row]


def _rating(row: Mapping[str, str], where: str) -> Rating:
    number, points = _number(row, "round", where), _number(row, "points", where) if "points" in row else 1.0
    if number not in _ROUNDS:
        raise DataFormatError(f"{where}: expected round 1 or 2, got {row['round']!r}")
    for name in ("judge", "item"):
        if not row[name]:
            raise DataFormatError(f"{where}: expected a {name}, got nothing")
    if not points > 0:
        raise DataFormatError(f"{where}: expected points above 0, got {row['points']!r}")
    rating = _number(row, "rating", where)
    if not 0 <= rating <= points:
        hint = ": write 0.65 for 65 %" if points == 1 and 1 < rating <= 100 else ""
        raise DataFormatError(f"{where}: expected a rating from 0 to {points:g}, got {row['rating']!r}{hint}")
    return Rating(int(number), row["judge"], row["item"], points, rating)


def _number(row: Mapping[str, str], name: str, where: str) -> float:
    try:
        value = float(row[name])
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        hint = ": write a point, not a comma" if "," in row[name] else ""
        raise DataFormatError(f"{where}: expected {name} as a number, got {row[name]!r}{hint}")
    return value


def _check_once(ratings: Sequence[Rating], places: Sequence[str]) -> None:
    first: dict[tuple[int, str, str], str] = {}
    for rating, where in zip(ratings, places, strict=True):
        key = (rating.round, rating.judge, rating.item)
        if key in first:
            raise DataFormatError(
                f"{where}: {rating.judge} rates {rating.item} twice in round {rating.round}, "
                f"first at {first[key]}"
            )
        first[key] = where
