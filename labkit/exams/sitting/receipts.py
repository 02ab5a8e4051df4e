"""What a candidate gets in return: that something was kept, and never what it is worth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from labkit.exams.form import local_time

__all__ = ["AnswerReceipt", "Place", "Receipt", "State", "SubmitReceipt"]


class _Shown:
    """Shows its text in a notebook, not its fields."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self))

    def as_json(self) -> dict[str, Any]:
        """Return everything as plain JSON."""
        return asdict(self)  # type: ignore[call-overload]


@dataclass(frozen=True, repr=False)
class Receipt(_Shown):
    """That a hand-in was kept.

    Attributes
    ----------
    task : str
    number : int
        Version of the hand-in, from 1; the last one counts.
    at : str
        By the clock of this machine.
    fields, missing : tuple of str
        What is handed in now, and what is still open.
    files : mapping of str to str
        File to SHA-256.
    entry : int
        Number of the log entry.
    log_head : str
        Its digest: whoever keeps this receipt can show what the log said.
    late : bool
        Whether the time of the form was over (practice only; an exam does not take it).
    """

    task: str
    number: int
    at: str
    fields: tuple[str, ...]
    missing: tuple[str, ...]
    files: Mapping[str, str] = field(hash=False)
    entry: int
    log_head: str
    late: bool = False

    def __str__(self) -> str:
        lines = [f"{self.task}: handed in, version {self.number} ({', '.join(self.fields)})."]
        if self.missing:
            lines.append(f"  still open: {', '.join(self.missing)}")
        if self.late:
            lines.append("  the time of this sitting is over; an exam would not take it any more")
        lines.append(f"  receipt {self.log_head[:16]}; you can replace it until you submit")
        return "\n".join(lines)


@dataclass(frozen=True, repr=False)
class AnswerReceipt(_Shown):
    """That an answer to an item was kept."""

    item: str
    at: str
    answered: bool
    confidence: str
    entry: int
    log_head: str

    def __str__(self) -> str:
        said = "kept" if self.answered else "taken back"
        sure = f", {self.confidence}" if self.confidence else ""
        return f"{self.item}: {said}{sure}. Receipt {self.log_head[:16]}."


@dataclass(frozen=True, repr=False)
class SubmitReceipt(_Shown):
    """That the sitting is sealed.

    Attributes
    ----------
    session : str
    file : str
        Where ``submission.zip`` lies.
    sha256 : str
        Digest of that file: keep it.
    size : int
    at, log_head : str
    open : tuple of str
        Tasks and items that were left untouched.
    arrival : mapping or None
        The receipt of the examiner's server, signed; None where the file has to be handed over.
    problem : str
        Why it was not sent.
    """

    session: str
    file: str
    sha256: str
    size: int
    at: str
    log_head: str
    open: tuple[str, ...]
    arrival: Mapping[str, Any] | None = field(default=None, hash=False)
    problem: str = ""

    def __str__(self) -> str:
        left = f"\n  left open: {', '.join(self.open)}" if self.open else ""
        return (
            f"Submitted: {self.file} ({self.size:,} bytes){left}\n"
            f"  SHA-256 {self.sha256}\n"
            "  Keep this receipt. It shows what you submitted, whatever happens to the file."
            f"{self._sent()}"
        )

    def _sent(self) -> str:
        if self.problem:
            return (
                f"\n  NOT SENT: {self.problem}.\n"
                "  It is sealed and safe, and nothing of it can change any more. Try again with\n"
                f"  labkit exam submit {Path(self.file).parent}\n"
                "  or give the file to the examiner."
            )
        if self.arrival is None:
            return ""
        entry = self.arrival["entry"]
        about = entry["payload"]
        words = "late: it was due at " + about["due"] if about["late"] else "in time"
        lines = [f"Received by the examiner's server at {about['announced_at']}, {words}."]
        if entry["kind"] == "set_aside":
            lines.append(f"Another file was received before ({about['counts'][:16]}); that one counts.")
        lines.append(f"Its receipt is number {entry['n']}, {entry['digest'][:16]}; it lies in work/receipts.")
        return "".join(f"\n  {line}" for line in lines)


@dataclass(frozen=True, repr=False)
class Place(_Shown):
    """How far one task or item is.

    ``state`` is ``"flagged"``, ``"answered"`` or ``"untouched"``; a flagged one may be answered.
    ``missing`` names fields of a task, or numbers the parts of an answered item that are still open.
    """

    id: str
    kind: str
    title: str
    state: str
    answered: bool
    version: int = 0
    missing: tuple[str, ...] = ()
    confidence: str = ""
    note: str = ""


@dataclass(frozen=True, repr=False)
class State(_Shown):
    """How far the sitting is.

    Attributes
    ----------
    session, candidate, mode : str
    tasks, items : tuple of Place
    seconds_left : int
        Below zero when the time is over.
    deadline : str
    deadline_source : str
        Who says how late it is.
    minutes, extra_minutes : int
    submitted : bool
    added : tuple of str
        Time that was added during the exam, and why.
    certain : bool
        False while the server is silent that has to say how late it is.
    """

    session: str
    candidate: str
    mode: str
    tasks: tuple[Place, ...]
    items: tuple[Place, ...]
    seconds_left: int
    deadline: str
    deadline_source: str
    minutes: int
    extra_minutes: int
    submitted: bool
    added: tuple[str, ...] = ()
    certain: bool = True

    @property
    def over(self) -> bool:
        """Whether the time is over."""
        return self.seconds_left <= 0

    def __str__(self) -> str:
        if self.submitted:
            head = "submitted"
        elif self.over:
            head = f"the time is over since {local_time(self.deadline)}"
        else:
            head = f"{math.ceil(self.seconds_left / 60)} minutes left, until {local_time(self.deadline)}"
        lines = [f"{self.mode} of {self.candidate}: {head}", f"  by {self.deadline_source}"]
        lines += [f"  {each}" for each in self.added]
        width = max((len(place.id) for place in (*self.tasks, *self.items)), default=0)
        for place in (*self.tasks, *self.items):
            version = f", version {place.version}" if place.version else ""
            more = f"; still open: {', '.join(place.missing)}" if place.version and place.missing else ""
            lines.append(f"  {place.id:<{width}}  {place.state:<9}{version}{more}  {place.title}")
        return "\n".join(lines)
