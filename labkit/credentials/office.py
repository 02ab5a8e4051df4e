"""The office of an issuer: one folder with its keys, its register, what it issued and what it publishes.

::

    office.json       who issues, and for how many days a status list holds
    keys.json         the private keys, sealed under a password
    register.jsonl    what was issued to whom, revoked, suspended, renewed; private, only ever grows
    issued/<id>/      badge.json, badge.jwt, badge.signature.json, badge.log.json, certificate.*
    public/           what any web server may serve: issuer.json, status/, log/, verify/
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError, InvalidInputError, StorageError, UnknownNameError
from labkit.core.files import write_whole
from labkit.core.paths import data_dir, ensure_dir
from labkit.credentials.encoding import strict_json
from labkit.credentials.issuer import Issuer, base_address, endorse, issuer_from_json, make_issuer
from labkit.credentials.keys import Keys, make_keys, open_keys, seal_keys
from labkit.credentials.lines import append_lines, read_lines
from labkit.credentials.log import Log
from labkit.credentials.status import SIZE

__all__ = ["Held", "Office", "default_office", "make_office", "open_office", "rotate_keys"]


@dataclass(frozen=True)
class Held:
    """A credential as the register knows it.

    Attributes
    ----------
    id, number, name : str
        Address of the credential, number of the certificate, who holds it.
    index : int
        Its bit in both status lists.
    credential, jwt : str
        SHA-256 of its two forms.
    valid_until : str
    state : str
        ``valid``, ``suspended`` or ``revoked``.
    """

    id: str
    number: str
    name: str
    index: int
    credential: str
    jwt: str
    valid_until: str
    state: str = "valid"


@dataclass(frozen=True)
class Office:
    """An issuer at work.

    Attributes
    ----------
    folder : Path
    issuer : Issuer
    list_days : int
        How long a status list holds before it must be signed anew.
    """

    folder: Path
    issuer: Issuer
    list_days: int

    @property
    def base(self) -> str:
        return base_address(self.issuer.id)

    @property
    def public(self) -> Path:
        return self.folder / "public"

    @property
    def log(self) -> Log:
        return Log(self.public / "log")

    def keys(self, password: str) -> Keys:
        return open_keys(self.folder / "keys.json", password)

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep every other process out of the office for a while."""
        import filelock

        try:
            with filelock.FileLock(self.folder / "office.lock", timeout=30):
                yield
        except filelock.Timeout:
            raise StorageError(
                f"somebody else works in {self.folder}: try again when they are done"
            ) from None

    def register(self, event: Mapping[str, Any]) -> None:
        append_lines(self.folder / "register.jsonl", [event])

    def events(self) -> list[dict[str, Any]]:
        return read_lines(self.folder / "register.jsonl")

    def held(self) -> dict[str, Held]:
        """Return every credential by its address, as the events leave it."""
        found: dict[str, Held] = {}
        after = {"revoked": "revoked", "suspended": "suspended", "reinstated": "valid"}
        for event in self.events():
            if event["event"] in after:
                found[event["id"]] = Held(**{**_as_dict(found[event["id"]]), "state": after[event["event"]]})
            else:
                names = ("id", "number", "name", "index", "credential", "jwt", "valid_until")
                found[event["id"]] = Held(**{name: event[name] for name in names})
        return found

    def find(self, which: str) -> Held:
        """Return the credential with this number or address.

        Raises
        ------
        UnknownNameError
            When the register knows none.
        """
        held = self.held()
        for each in held.values():
            if which in (each.id, each.number):
                return each
        raise UnknownNameError("credential", which, [each.number for each in held.values()])

    def free_index(self) -> int:
        """Return an index that no credential has, at random, so that it tells nothing about when."""
        used = {each.index for each in self.held().values()}
        if len(used) > SIZE // 2:
            raise StorageError(f"half of the {SIZE} places in the status lists are taken: open a new office")
        while (index := secrets.randbelow(SIZE)) in used:
            pass
        return index

    def folder_of(self, held_id: str) -> Path:
        return self.folder / "issued" / held_id.rpartition("/")[2]


def default_office() -> Path:
    """Return the folder where an office lies when none is named."""
    return data_dir() / "credentials"


def make_office(
    folder: Path, id: str, name: str, password: str, *, url: str = "", list_days: int | None = None
) -> Office:
    """Make an office with new keys; an empty ``id`` makes one for practice, whose id is its key.

    Raises
    ------
    InvalidInputError
        When the id is none, the password is short, or there are keys already.
    """
    days = list_days if list_days is not None else (30 if id else 400)
    if not 1 <= days <= 3660:
        raise InvalidInputError(f"expected list_days from 1 to 3660, got {days}")
    if not name.strip():
        raise InvalidInputError("expected a name for the issuer")
    if url and not url.startswith("https://"):
        raise InvalidInputError(f"expected the home page as https://…, got {url!r}")
    keys = make_keys()
    issuer = make_issuer(id, name, url, keys.public())
    if issuer.practice:
        issuer = endorse(issuer, keys.ed25519)
    public = folder / "public"
    for each in (folder, folder / "issued", public, public / "status", public / "log"):
        ensure_dir(each)
    # A web server runs as somebody else; the office around them stays closed.
    for each in (public, public / "status", public / "log"):
        each.chmod(0o755)
    seal_keys(keys, folder / "keys.json", password)
    write_whole(folder / "office.json", _text({"version": 1, "list_days": days}))
    _write_issuer(folder, issuer)
    return open_office(folder)


def rotate_keys(office: Office, password: str, at: datetime, *, stolen: bool = False) -> Office:
    """Give an office new keys, without needing the old ones: their password may be lost.

    Parameters
    ----------
    office : Office
    password : str
        For the new keys.
    at : datetime
        The file of the old keys is kept under this day.
    stolen : bool
        Whether the old public keys are left out of what is published: nothing they signed verifies any more.

    Raises
    ------
    InvalidInputError
        When the id of the issuer is its key, or the password is short.
    """
    if office.issuer.practice:
        raise InvalidInputError("the id of a practice issuer is its key: make another office instead")
    with office.alone():
        keys, place = make_keys(), office.folder / "keys.json"
        earlier = {} if stolen else office.issuer.methods
        issuer = make_issuer(office.issuer.id, office.issuer.name, office.issuer.url, keys.public(), earlier)
        fresh = office.folder / "keys.new.json"
        fresh.unlink(missing_ok=True)
        seal_keys(keys, fresh, password)
        if place.exists():
            place.rename(office.folder / f"keys-until-{at:%Y%m%dT%H%M%S}.json")
        fresh.rename(place)
        _write_issuer(office.folder, issuer)
    return open_office(office.folder)


def open_office(folder: Path) -> Office:
    """Return the office in a folder.

    Raises
    ------
    StorageError
        When there is none.
    DataFormatError
        When its files are not what they claim to be.
    """
    try:
        settings = strict_json((folder / "office.json").read_bytes(), "office.json")
        issuer = issuer_from_json((folder / "public" / "issuer.json").read_bytes())
    except OSError as error:
        raise StorageError(
            f"there is no issuer's office at {folder}: {error.strerror}. "
            "Make one with: labkit credential keygen (--practice to try it)"
        ) from error
    days = settings.get("list_days") if isinstance(settings, dict) else None
    if not isinstance(days, int):
        raise DataFormatError(f"{folder / 'office.json'} is no settings of an office")
    return Office(folder, issuer, days)


def _write_issuer(folder: Path, issuer: Issuer) -> None:
    content = _text(issuer.as_json())
    write_whole(folder / "public" / "issuer.json", content)
    if issuer.id.startswith("did:web:"):
        write_whole(folder / "public" / "did.json", content)


def _as_dict(held: Held) -> dict[str, Any]:
    return {name: getattr(held, name) for name in held.__dataclass_fields__}


def _text(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
