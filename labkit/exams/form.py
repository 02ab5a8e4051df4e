"""The form: what one candidate was issued.  Frozen, signed, and without anything that helps."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from labkit.core.errors import IntegrityError
from labkit.evidence.entry import canonical, digest_of

__all__ = [
    "GRACE",
    "MODES",
    "Form",
    "FormItem",
    "FormTask",
    "Receiver",
    "local_time",
    "parse_time",
    "said_time",
]

MODES = ("practice", "rehearsal", "exam")
"""``practice`` and ``rehearsal`` tell the result at once; ``exam`` does not."""

GRACE = timedelta(seconds=60)
"""A submission may arrive this much after its deadline: sealing and sending take time."""


@dataclass(frozen=True, slots=True)
class Receiver:
    """The service that receives the submission of a sitting.

    Attributes
    ----------
    url : str
        Its address, as candidates reach it.
    public_key : str
        Ed25519, in base64url: what the service says of time and arrival is held to it.
    """

    url: str
    public_key: str

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return base64.urlsafe_b64decode(self.public_key + "=" * (-len(self.public_key) % 4))


@dataclass(frozen=True, slots=True)
class FormTask:
    """A task of the form.  The commitment proves later which variant it was, and says nothing now."""

    slot: str
    commitment: str


@dataclass(frozen=True, slots=True)
class FormItem:
    """An item of the form: which revision, which wording, and the order in which things are shown."""

    id: str
    revision: int
    variant: str
    order: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class Form:
    """Everything that was issued to one candidate.

    Attributes
    ----------
    exam, blueprint : str
        Id of the exam and version of its blueprint.
    session, candidate, mode : str
        ``mode`` is one of :data:`MODES`.
    opened_at, deadline : str
        UTC in ISO 8601.
    minutes, extra_minutes : int
        Time of the sitting, and what was added for this candidate.
    nonce : str
        Used once: a submission carries it.
    tasks : tuple of FormTask
    items : tuple of FormItem
    grader : str
        Version of labkit that issued the form.
    key_id : str
        Whose key signs it.
    receiver : Receiver or None
        Who says how late it is and receives the submission; None where a file is handed over.
    """

    exam: str
    blueprint: str
    session: str
    candidate: str
    mode: str
    opened_at: str
    deadline: str
    minutes: int
    extra_minutes: int
    nonce: str
    tasks: tuple[FormTask, ...]
    items: tuple[FormItem, ...]
    grader: str
    key_id: str
    receiver: Receiver | None = None

    @property
    def slots(self) -> tuple[str, ...]:
        return tuple(task.slot for task in self.tasks)

    @property
    def sha256(self) -> str:
        """Digest of ``form.json`` as it is written."""
        return digest_of(self.as_bytes())

    def as_json(self) -> dict[str, Any]:
        """Return the form as plain JSON."""
        plain: dict[str, Any] = {name: getattr(self, name) for name in _TEXTS + _NUMBERS}
        if self.receiver is not None:
            plain["receiver"] = asdict(self.receiver)
        return plain | {
            "version": 1,
            "tasks": [{"slot": each.slot, "commitment": each.commitment} for each in self.tasks],
            "items": [
                {
                    "id": each.id,
                    "revision": each.revision,
                    "variant": each.variant,
                    "order": [list(own) for own in each.order],
                }
                for each in self.items
            ],
        }

    def as_bytes(self) -> bytes:
        """Return ``form.json``: canonical JSON."""
        return canonical(self.as_json())

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Form:
        """Return the form that :meth:`as_json` described.

        Raises
        ------
        IntegrityError
            When it is no form.
        """
        try:
            if raw["version"] != 1 or raw["mode"] not in MODES:
                raise IntegrityError(f"a form of version {raw['version']!r} and mode {raw['mode']!r}")
            texts = {name: _typed(raw, name, str) for name in _TEXTS}
            numbers = {name: _typed(raw, name, int) for name in _NUMBERS}
            tasks = tuple(FormTask(str(each["slot"]), str(each["commitment"])) for each in raw["tasks"])
            items = tuple(
                FormItem(
                    str(each["id"]),
                    int(each["revision"]),
                    str(each["variant"]),
                    tuple(tuple(map(int, own)) for own in each["order"]),
                )
                for each in raw["items"]
            )
            form = cls(**texts, **numbers, tasks=tasks, items=items, receiver=_receiver(raw.get("receiver")))
            parse_time(form.deadline)
            parse_time(form.opened_at)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise IntegrityError(f"no form of an exam: {error!r:.120}") from None
        return form


_TEXTS = (
    "exam",
    "blueprint",
    "session",
    "candidate",
    "mode",
    "opened_at",
    "deadline",
    "nonce",
    "grader",
    "key_id",
)
_NUMBERS = ("minutes", "extra_minutes")


def said_time(moment: datetime) -> str:
    """Return a moment as UTC in ISO 8601, to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str) -> datetime:
    """Return the moment that :func:`said_time` wrote.

    Raises
    ------
    ValueError
        When it is none, or says no time zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without its zone: {text}")
    return moment


def local_time(text: str) -> str:
    """Return what :func:`said_time` wrote as the clocks around here show it, with their distance to UTC."""
    return parse_time(text).astimezone().isoformat(sep=" ", timespec="minutes")


def _receiver(raw: Any) -> Receiver | None:
    if raw is None:
        return None
    receiver = Receiver(*(_typed(raw, name, str) for name in ("url", "public_key")))
    if len(receiver.public) != 32:
        raise ValueError("the receiver has no key")
    return receiver


def _typed(raw: Mapping[str, Any], name: str, kind: type) -> Any:
    value = raw[name]
    if type(value) is not kind:
        raise TypeError(f"{name} is {value!r:.40}")
    return value
