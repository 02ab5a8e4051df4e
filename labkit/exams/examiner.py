"""The examiner's folder: keys, a private pool, and what was issued to whom.

::

    keys.json               sealed under a password (practice: unsealed, on one's own machine)
    examiner.json           which exam, and where the pool lies
    pool/                   optional, laid out as exams/<exam>: tasks/T5/variants.toml, items/*.toml
    receiving/              optional, what a service that receives submissions needs
    sessions/<session>.json one for each sitting: form, signature, variants, state

None of it is ever copied into a sitting but form and signature.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from labkit import __version__
from labkit.core.errors import IntegrityError, InvalidInputError, UnknownNameError
from labkit.core.files import alone, write_whole
from labkit.core.paths import data_dir, ensure_dir
from labkit.exams.blueprint import Blueprint, exam_folder, read_blueprint
from labkit.exams.drawing import commitment, draw_items, draw_variant
from labkit.exams.form import MODES, Form, FormItem, FormTask, said_time
from labkit.exams.issued import Issued
from labkit.exams.receiving.folder import Receiving
from labkit.exams.session import Candidate, Session
from labkit.exams.settings import settings_of
from labkit.exams.signing import Keys, create_keys, load_keys
from labkit.exams.task import Reference, Task, Variant, find_task, read_reference, read_variants, tasks_of

__all__ = ["Candidate", "Examiner", "Session", "practice_examiner"]


class Examiner:
    """One examiner's folder, opened.

    Parameters
    ----------
    folder : Path
        Made by :meth:`create`.
    password : str, optional
        What its keys are sealed with.
    exam : Path, optional
        Folder of the exam, in place of the one that was named when the examiner was made.

    Raises
    ------
    IntegrityError
        When the folder is no examiner's.
    InvalidInputError
        When the password is missing or wrong.
    """

    def __init__(self, folder: Path, password: str | None = None, *, exam: Path | None = None) -> None:
        self.folder = folder
        try:
            about = json.loads((folder / "examiner.json").read_text(encoding="utf-8"))
            named = Path(about["folder"]) if "folder" in about else exam_folder(about["exam"])
            self.exam = named if exam is None else exam
            self.pool = None if about.get("pool") is None else folder / about["pool"]
            self._most_used: int | None = about.get("most_used")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"{folder} is no folder of an examiner: {error}. Make one with: labkit exam examiner {folder}"
            ) from None
        self._keys = load_keys(folder / "keys.json", password)
        self.blueprint: Blueprint = read_blueprint(self.exam)

    @classmethod
    def create(
        cls,
        folder: Path,
        password: str | None,
        *,
        pool: Path | None = None,
        exam: Path | None = None,
        keys: Keys | None = None,
        most_used: int | None = None,
    ) -> Examiner:
        """Make keys and an empty register, and return the examiner.

        Parameters
        ----------
        folder : Path
            Readable by this user only, and not below a folder that is served.
        password : str or None
            None leaves the keys unsealed: for practice only.
        pool : Path, optional
            Folder of a private pool; the public one is drawn from without it.
        exam : Path, optional
            Folder of the exam; the one that ships with labkit by default.
        keys : Keys, optional
            Keys to use, in place of new ones.
        most_used : int, optional
            Items that were issued so often are drawn only where there are no others.

        Raises
        ------
        StorageError
            When there are keys already, or the folder cannot be written.
        """
        about: dict[str, Any] = {"version": 1, "exam": "practitioner", "most_used": most_used}
        if exam is not None:
            about["folder"] = str(exam.resolve())
        if pool is not None:
            if not (pool / "tasks").is_dir() and not (pool / "items").is_dir():
                raise InvalidInputError(
                    f"expected a private pool with tasks/ or items/ in {pool}: there is neither"
                )
            about["pool"] = str(pool.resolve())
        ensure_dir(folder / "sessions")
        create_keys(folder / "keys.json", password, keys)
        write_whole(folder / "examiner.json", json.dumps(about, indent=1).encode() + b"\n")
        return cls(folder, password)

    @property
    def keys(self) -> Keys:
        return self._keys

    def open_session(
        self,
        candidate: Candidate,
        mode: str = "exam",
        *,
        now: datetime | None = None,
        session: str | None = None,
    ) -> Session:
        """Draw, sign and register a form; its time runs from ``now``.

        Parameters
        ----------
        candidate : Candidate
        mode : str
            ``practice``, ``rehearsal`` or ``exam``.
        now : datetime, optional
            When it begins; by default now.
        session : str, optional
            A name for a draw that has to be the same again (builders, tests); by default one that
            nobody can foresee.

        Raises
        ------
        InvalidInputError
            For an unknown mode, a name that says nothing, or a pool without reviewed variants.
        """
        if mode not in MODES:
            raise InvalidInputError(f"expected one of {', '.join(MODES)}; got {mode!r:.60}")
        name = candidate.checked_name()
        self._insist_on_pool()
        start = datetime.now(UTC) if now is None else now
        if session is None:
            session = f"{start.astimezone(UTC):%Y%m%d}-{secrets.token_hex(8)}"
        elif not session.replace("-", "").isalnum():
            raise InvalidInputError(f"expected a session of letters, digits and hyphens, got {session!r}")
        chosen = settings_of(self.blueprint, tasks_of(self.exam), mode)
        variants = {slot: self._draw(session, slot) for slot in chosen.slots}
        receiving = Receiving.of(self.folder)
        form = Form(
            exam=self.blueprint.id,
            blueprint=self.blueprint.version,
            session=session,
            candidate=name,
            mode=mode,
            opened_at=said_time(start),
            deadline=said_time(start + timedelta(minutes=chosen.minutes + candidate.extra_minutes)),
            minutes=chosen.minutes,
            extra_minutes=candidate.extra_minutes,
            nonce=secrets.token_hex(16),
            tasks=tuple(
                FormTask(slot, commitment(self._keys.master, session, slot, variant.id))
                for slot, variant in variants.items()
            ),
            items=self._items(session, chosen.blueprint, mode),
            grader=__version__,
            key_id=self._keys.key_id,
            receiver=None if receiving is None else receiving.receiver,
        )
        made = Session(
            form,
            self._keys.sign("form", form.as_json()),
            {slot: variant.id for slot, variant in variants.items()},
            more={"identifier": candidate.identifier},
        )
        if receiving is not None:
            receiving.register(form, candidate.identifier)
        self.keep(made)
        return made

    def issue(self, session: Session, slot: str) -> Issued:
        """Return the materials of one task of a session."""
        from labkit.exams.task.playing import issue

        return issue(self.task(slot), self.variant(session, slot))

    def task(self, slot: str) -> Task:
        """Return the declaration of a task."""
        return find_task(slot, self.exam)

    def variant(self, session: Session, slot: str) -> Variant:
        """Return which variant a session got for a task.

        Raises
        ------
        UnknownNameError
            When the session has no such task, or the pool has lost the variant.
        """
        if slot not in session.variants:
            raise UnknownNameError("task of this sitting", slot, session.variants)
        known = {variant.id: variant for variant in read_variants(self.pool_of(slot))}
        if session.variants[slot] not in known:
            raise UnknownNameError(f"variant of {slot}", session.variants[slot], known)
        return known[session.variants[slot]]

    def reference(self, session: Session, slot: str) -> Reference:
        """Return what the bots measured on the variant of a session."""
        return read_reference(self.pool_of(slot)).get(session.variants[slot], {})

    def is_public(self, slot: str) -> bool:
        """Return whether the variants of ``slot`` come from the public pool."""
        return self.pool_of(slot) == self.exam / "tasks" / slot

    @property
    def has_public_items(self) -> bool:
        """Whether the items come from the public pool."""
        return self.items_folder() == self.exam / "items"

    def pool_of(self, slot: str) -> Path:
        """Return the folder that the variants of ``slot`` come from: the private pool, or the task's own."""
        own = None if self.pool is None else self.pool / "tasks" / slot
        return own if own is not None and (own / "variants.toml").is_file() else self.exam / "tasks" / slot

    def items_folder(self) -> Path:
        """Return the folder that the items come from."""
        own = None if self.pool is None else self.pool / "items"
        return own if own is not None and own.is_dir() else self.exam / "items"

    def session(self, session: str) -> Session:
        """Return one session of the register.

        Raises
        ------
        UnknownNameError
            When this examiner never opened it.
        IntegrityError
            When its file is damaged.
        """
        path = self.folder / "sessions" / f"{session}.json"
        if not session.replace("-", "").isalnum() or not path.is_file():
            raise UnknownNameError("session of this examiner", session, ())
        try:
            return Session.from_json(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise IntegrityError(f"{path} is damaged: {error!r:.120}") from None

    def sessions(self) -> Iterator[Session]:
        """Yield every session, in the order of their names."""
        for path in sorted((self.folder / "sessions").glob("*.json")):
            yield self.session(path.stem)

    def forget(self, session: Session) -> None:
        """Take a session out of the register whose sitting could not be made: nobody ever saw its form."""
        if (receiving := Receiving.of(self.folder)) is not None:
            receiving.forget(session.form.session)
        (self.folder / "sessions" / f"{session.form.session}.json").unlink(missing_ok=True)

    def keep(self, session: Session) -> None:
        """Write a session to the register, whole."""
        path = ensure_dir(self.folder / "sessions") / f"{session.form.session}.json"
        text = json.dumps(session.as_json(), indent=1, ensure_ascii=False, sort_keys=True)
        write_whole(path, text.encode() + b"\n")

    @contextmanager
    def exclusively(self, session: str) -> Iterator[Session]:
        """Hold a session while it is read and written again, against a second process."""
        with alone(self.folder / "sessions" / f".{session}.lock", seconds=30):
            yield self.session(session)

    def exposure(self) -> tuple[Counter[str], Counter[tuple[str, str]]]:
        """Return how often each item, and each variant of a task, was issued."""
        items: Counter[str] = Counter()
        variants: Counter[tuple[str, str]] = Counter()
        for session in self.sessions():
            items.update(item.id for item in session.form.items)
            variants.update(session.variants.items())
        return items, variants

    def _insist_on_pool(self) -> None:
        """Refuse to draw from the public pool only because the private one is not mounted."""
        if self.pool is not None and not self.pool.is_dir():
            raise IntegrityError(
                f"the private pool {self.pool} is not there, and the public one does not take its place: "
                "mount it and try again. Nothing was drawn"
            )

    def _draw(self, session: str, slot: str) -> Variant:
        return draw_variant(self._keys.master, session, slot, read_variants(self.pool_of(slot)))

    def _items(self, session: str, blueprint: Blueprint, mode: str) -> tuple[FormItem, ...]:
        folder = self.items_folder()
        if not blueprint.item_count or not any(folder.glob("*.toml")):
            return ()
        from labkit.exams.bank import read_bank

        used = {} if self._most_used is None else self.exposure()[0]
        # An anchor stands in every form that is compared with others; a rehearsal is not.
        bank = read_bank(folder)
        return draw_items(
            self._keys.master,
            session,
            blueprint,
            [item for item in bank.live() if mode != "rehearsal" or not item.anchor],
            enemies=[group.items for group in bank.enemies],
            used=used,
            most_used=self._most_used,
        )


def practice_examiner(exam: Path | None = None) -> Examiner:
    """Return the examiner of one's own practice, made when it is first asked for.

    Its keys lie unsealed in the user's own folder: it signs nothing that anybody should believe.
    """
    chosen = exam_folder() if exam is None else exam
    folder = data_dir() / "exam-practice" / chosen.name
    ensure_dir(folder)
    with alone(folder / ".lock", seconds=30):
        if not (folder / "examiner.json").is_file():
            # Keys alone are what a crash left before anything was signed.
            (folder / "keys.json").unlink(missing_ok=True)
            return Examiner.create(folder, None, exam=chosen)
    return Examiner(folder, exam=chosen)
