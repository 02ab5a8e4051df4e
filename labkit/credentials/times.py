"""Moments in credentials: UTC, whole seconds, in the one form that every reader of dates accepts."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from labkit.core.errors import DataFormatError

__all__ = ["later", "moment", "written"]

_FORM = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")


def moment(text: str) -> datetime:
    """Return the moment that an ``xsd:dateTimeStamp`` names.

    Raises
    ------
    DataFormatError
        When it is none, or has no zone.
    """
    try:
        if not _FORM.fullmatch(text):
            raise ValueError
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise DataFormatError(f"expected a moment such as 2026-11-29T18:00:00Z, got {text!r}") from None


def written(at: datetime) -> str:
    """Return a moment as text, in UTC and whole seconds."""
    return at.astimezone(UTC).replace(microsecond=0).strftime("%Y-%m-%dT%H:%M:%SZ")


def later(at: datetime, *, months: int = 0, days: int = 0) -> datetime:
    """Return the same day some months on, or the last of that month when it has no such day."""
    year, month = divmod(at.year * 12 + at.month - 1 + months, 12)
    for day in range(at.day, 27, -1):
        try:
            return at.replace(year=year, month=month + 1, day=day) + timedelta(days=days)
        except ValueError:
            continue
    return at.replace(year=year, month=month + 1) + timedelta(days=days)
