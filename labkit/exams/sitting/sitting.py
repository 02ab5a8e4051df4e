"""The candidate's side of an exam: materials, hand-ins, answers, and how far everything is.

Everything is checked when it is handed in, kept at once, and never scored here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import InvalidInputError, StorageError, UnknownNameError
from labkit.core.paths import ensure_dir
from labkit.exams.form import Form, local_time, said_time
from labkit.exams.issued import Issued, load_model, read_issued
from labkit.exams.sitting.answering import CONFIDENCES, check_answer
from labkit.exams.sitting.desk import Desk, lost
from labkit.exams.sitting.keeping import drop_version, keep_version, mend, plain_values, version_values
from labkit.exams.sitting.receipts import AnswerReceipt, Receipt, State, SubmitReceipt
from labkit.exams.sitting.state import state_of
from labkit.exams.task import Task, check_hand_in
from labkit.exams.task.asking import task_of_asks

if TYPE_CHECKING:
    from labkit.exams.sitting.result import Result
    from labkit.models import TorchClassifier

__all__ = ["Sitting"]

_LONGEST_NOTE = 10_000


class Sitting:
    """One sitting, opened; in the exam notebook it is called ``exam``.

    Parameters
    ----------
    folder : Path
    clock : function, optional
        Returns the time of this machine, which counts where no server says how late it is.

    Raises
    ------
    IntegrityError
        When the folder holds no sitting, or its form was altered.
    """

    def __init__(self, folder: Path, clock: Callable[[], datetime] | None = None) -> None:
        self.desk = Desk(folder, clock)
        self._issued: dict[str, Issued] = {}
        self._tasks: dict[str, Task] = {}
        self._views: dict[str, dict[str, Any]] | None = None
        # A sitting on a disk that cannot be written can still be read; submitting mends again.
        with suppress(StorageError):
            mend(self.desk)
        self.desk.tell_damage()

    @property
    def folder(self) -> Path:
        return self.desk.folder

    @property
    def form(self) -> Form:
        """What was issued."""
        return self.desk.form

    @property
    def submitted(self) -> bool:
        """Whether the sitting is sealed; then nothing can be changed."""
        return bool(self.desk.kept("submitted.json"))

    def task(self, slot: str) -> Task:
        """Return what a task asks for, without what it earns and what is right.

        Raises
        ------
        UnknownNameError
            When the form has no such task.
        """
        if slot not in self.form.slots:
            raise UnknownNameError("task of this sitting", slot, self.form.slots)
        if slot not in self._tasks:
            folder = self.folder / "materials" / slot
            try:
                asks = json.loads((folder / "asks.json").read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise lost(folder, error) from None
            self._tasks[slot] = task_of_asks(asks, folder)
        return self._tasks[slot]

    def brief(self, slot: str) -> str:
        """Return what a task asks for in words, as Markdown."""
        return self.task(slot).brief()

    def materials(self, slot: str) -> Issued:
        """Return what was issued for a task."""
        if slot not in self._issued:
            self._issued[slot] = read_issued(self.folder / "materials" / self.task(slot).id)
        return self._issued[slot]

    def model(self, slot: str, name: str = "victim") -> TorchClassifier:
        """Return an issued model, ready to be attacked."""
        return load_model(self.materials(slot), name)

    def items(self) -> dict[str, dict[str, Any]]:
        """Return the items by their id, in the order of the form, as they are shown."""
        if self._views is None:
            path = self.folder / "items.json"
            try:
                views = json.loads(path.read_text(encoding="utf-8"))
                self._views = {view["id"]: view for view in views}
            except (OSError, ValueError, KeyError, TypeError) as error:
                raise lost(path, error) from None
        return self._views

    def hand_in(self, slot: str, /, **fields: Any) -> Receipt:
        """Check fields of a task, keep them, and return a receipt; never a score.

        Fields that were handed in before stay unless they are given again; None takes one back.
        Every version is kept, the last one counts.

        Parameters
        ----------
        slot : str
            Such as ``"T5"``.
        **fields
            What the task asks for.  A model may be given as a module, a victim or a state dict, a
            tensor as an array of NumPy.

        Raises
        ------
        InvalidInputError
            When a field is not as the task asks: nothing is kept, earlier versions stay.
        StorageError
            When the disk is full; earlier versions stay.
        """
        task, issued = self.task(slot), self.materials(slot)
        known = [field.name for field in task.fields]
        withdrawn = [name for name, value in fields.items() if value is None and name in known]
        given = plain_values({name: value for name, value in fields.items() if name not in withdrawn})
        checked = check_hand_in(task, issued.facts, given, issued.tensors)
        with self.desk.locked():
            late = self._insist_open()
            if checked.problems:
                self.desk.append("refused", {"task": slot, "fields": sorted(checked.problems)})
                checked.insist(slot)
            before = version_values(self.desk, task)
            values = {**before, **checked.values}
            values = {name: value for name, value in values.items() if name not in withdrawn}
            made, number, files = self._keep_version(task, values, late)
            receipt = Receipt(
                task=slot,
                number=number,
                at=made["at"],
                fields=tuple(field.name for field in task.fields if field.name in values),
                missing=tuple(field.name for field in task.fields if field.name not in values),
                files=files,
                entry=made["n"],
                log_head=made["digest"],
                late=late,
            )
            self._keep_receipt(f"{made['n']:04d}-{slot}", receipt.as_json())
        return receipt

    def answer(self, item: str, answer: Any, confidence: str | None = None) -> AnswerReceipt:
        """Keep an answer to an item, in place of an earlier one; None takes it back.

        Parameters
        ----------
        item : str
        answer : Any
            Positions, as :func:`labkit.exams.sitting.answering.check_answer` says.
        confidence : str, optional
            ``"guess"``, ``"think"`` or ``"know"``; what was said before stays without it.

        Raises
        ------
        UnknownNameError
            When the form has no such item.
        InvalidInputError
            When it is no answer to that item.
        StorageError
            When the disk is full; earlier answers stay.
        """
        kept = self.checked(item, answer, confidence)
        with self.desk.locked():
            late = self._insist_open()
            answers = self.desk.kept("answers.json")
            sure = confidence or answers.get(item, {}).get("confidence", "")
            payload = {"item": item, "answer": kept, "confidence": sure, "late": late}
            made = self.desk.append("answered", payload)
            if kept is None:
                answers.pop(item, None)
            else:
                answers[item] = {"answer": kept, "confidence": sure}
            self.desk.keep("answers.json", answers)
        return AnswerReceipt(item, made["at"], kept is not None, sure, made["n"], made["digest"])

    def checked(self, item: str, answer: Any, confidence: str | None = None) -> Any:
        """Return an answer as :meth:`answer` would keep it, and keep nothing; it raises as that does."""
        if item not in self.items():
            raise UnknownNameError("item of this sitting", item, self.items())
        kept = check_answer(self.items()[item], answer)
        if confidence not in (None, *CONFIDENCES):
            raise InvalidInputError(f"expected a confidence of {', '.join(CONFIDENCES)}; got {confidence!r}")
        return kept

    def answers(self) -> dict[str, dict[str, Any]]:
        """Return the answers that count, by item."""
        return self.desk.kept("answers.json")

    def flag(self, place: str, flagged: bool = True) -> None:
        """Mark a task or an item to come back to, or take the mark away."""
        self._insist_place(place)
        with self.desk.locked():
            kept = self.desk.kept("desk.json")
            flags = {*kept.get("flags", []), place} if flagged else {*kept.get("flags", [])} - {place}
            self.desk.append("flagged", {"place": place, "flagged": bool(flagged)})
            self.desk.keep("desk.json", {**kept, "flags": sorted(flags)})

    def note(self, text: str, place: str = "") -> None:
        """Keep a note of one's own, for a task, an item or the whole; it is not handed in.

        Raises
        ------
        InvalidInputError
            When it is longer than 10,000 characters.
        """
        if place:
            self._insist_place(place)
        if not isinstance(text, str) or len(text) > _LONGEST_NOTE:
            raise InvalidInputError(f"expected a note of at most {_LONGEST_NOTE:,} characters")
        with self.desk.locked():
            kept = self.desk.kept("desk.json")
            self.desk.append("noted", {"place": place, "length": len(text)})
            notes = {**kept.get("notes", {}), place: text}
            self.desk.keep("desk.json", {**kept, "notes": notes})

    def notes(self) -> dict[str, str]:
        """Return the notes by the task or item that they are for; the empty text is the whole."""
        return dict(self.desk.kept("desk.json").get("notes", {}))

    def state(self, *, ask: bool = False) -> State:
        """Return how far every task and item is, and how much time is left.

        Parameters
        ----------
        ask : bool
            Ask the examiner's server now, in place of going by what it said a moment ago.
        """
        if ask:
            self.desk.clock.refresh()
        return state_of(self)

    def submit(self, *, send: bool = True) -> SubmitReceipt:
        """Seal the sitting, send it where the form names a server, and return the receipt.

        After sealing nothing can be changed.  Called again it returns the same receipt, and sends
        the same file again when it was not received yet.

        Parameters
        ----------
        send : bool
            False only seals.

        Raises
        ------
        StorageError
            When the disk is full; the sitting stays open and can be submitted again.
        """
        from labkit.exams.sitting.sending import sent
        from labkit.exams.sitting.submitting import submit

        return sent(self, submit(self), send=send)

    def result(self) -> Result:
        """Return the result of a practice sitting that was submitted; see :func:`result_of`."""
        from labkit.exams.sitting.result import result_of

        return result_of(self)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text(str(self.state()))

    def _keep_version(
        self, task: Task, values: Mapping[str, Any], late: bool
    ) -> tuple[dict[str, Any], int, dict[str, str]]:
        """Write a version and log it, both or none; hold the lock."""
        number, files = keep_version(self.desk, task, values)
        payload = {"task": task.id, "number": number, "fields": sorted(values), "files": files, "late": late}
        try:
            return self.desk.append("handed_in", payload), number, files
        except StorageError:
            drop_version(self.desk, task.id, number)
            raise

    def _insist_open(self) -> bool:
        """Return whether it is late; hold the lock.

        Raises
        ------
        InvalidInputError
            When the sitting is sealed, or its time is over and it is no practice.
        """
        if self.submitted:
            raise InvalidInputError("this sitting was submitted: nothing can be changed any more")
        time = self.desk.clock.read()
        late = time.now > time.deadline
        if late and self.form.mode == "exam":
            raise InvalidInputError(
                f"the time of this sitting was over at {local_time(said_time(time.deadline))}. "
                "What you handed in before counts: submit it now with exam.submit()"
            )
        return late

    def _insist_place(self, place: str) -> None:
        known = [*self.form.slots, *self.items()]
        if place not in known:
            raise UnknownNameError("task or item of this sitting", place, known)

    def _keep_receipt(self, name: str, receipt: Mapping[str, Any]) -> None:
        ensure_dir(self.desk.work / "receipts")
        self.desk.keep(f"receipts/{name}.json", receipt)
