"""An event log: each entry holds the digest of the one before it.

A chain shows that nothing was taken out or changed in between; it does not show that its owner
did not write it anew.  What the log of a sitting says is a hint, never a proof; the arrivals of a
receiving service are signed as well (:mod:`labkit.exams.receiving.arrivals`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from labkit.core.errors import InvalidInputError
from labkit.evidence.entry import canonical, digest_of

__all__ = ["ARRIVALS", "KINDS", "broken_links", "entry", "head_of"]

KINDS = (
    "opened",
    "resumed",
    "handed_in",
    "refused",
    "answered",
    "flagged",
    "noted",
    "mended",
    "submitted",
)
"""What a sitting writes down."""

ARRIVALS = ("received", "set_aside", "extended")
"""What a receiving service writes down."""

_MEMBERS = ("n", "at", "kind", "payload", "previous")


def entry(n: int, at: str, kind: str, payload: Mapping[str, Any], previous: str) -> dict[str, Any]:
    """Return entry number ``n`` (from 1), with its digest.

    Parameters
    ----------
    n : int
    at : str
        Time by the clock of the machine that writes, UTC in ISO 8601.
    kind : str
        One of :data:`KINDS`, or of :data:`ARRIVALS`.
    payload : mapping
        Plain JSON.
    previous : str
        Digest of the entry before; for the first the start of the chain, which is the SHA-256 of
        ``form.json`` for a sitting.
    """
    made = {"n": n, "at": at, "kind": kind, "payload": dict(payload), "previous": previous}
    return {**made, "digest": digest_of(canonical(made))}


def head_of(entries: Iterable[Mapping[str, Any]], start: str) -> str:
    """Return the digest that the next entry has to name."""
    head = start
    for each in entries:
        head = str(each["digest"])
    return head


def broken_links(entries: Iterable[Mapping[str, Any]], start: str, first: int = 1) -> list[str]:
    """Return where a chain is broken: an entry altered, left out, moved, or of another form.

    Nothing about the entries is taken for granted.  A part of a chain is held to the digest before
    it (``start``) and to the number that it begins with (``first``).
    """
    found = []
    previous = start
    for number, each in enumerate(entries, start=first):
        if {*_MEMBERS, "digest"} != set(each):
            found.append(f"entry {number} has other members than an entry has")
        elif each["n"] != number:
            found.append(f"entry {number} says that it is entry {each['n']!r:.20}")
        elif each["previous"] != previous:
            found.append(f"entry {number} does not follow the one before it")
        elif each["digest"] != _digest(each):
            found.append(f"entry {number} was altered")
        previous = str(each.get("digest"))
    return found


def _digest(each: Mapping[str, Any]) -> str:
    try:
        return digest_of(canonical({name: each[name] for name in _MEMBERS}))
    except (InvalidInputError, RecursionError):
        return ""
