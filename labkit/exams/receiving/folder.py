"""The folder of the service: all that it needs, and nothing that would help a thief of it to pass an exam.

::

    receiving/
      key.json                  its own key; sealed when it was prepared with a password
      receiver.json             its address
      sessions/<session>.json   whom a sitting belongs to, until when it runs, and a token
      arrivals.jsonl            what arrived, and what time was added: chained and signed
      submissions/<session>/<digest>.zip
      partial/                  what is on its way

No form, variant, pool or key of the examiner is in it, so the service can run under an account
that can read nothing else.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import IntegrityError, InvalidInputError
from labkit.core.files import write_whole
from labkit.core.paths import ensure_dir
from labkit.exams.form import Form, Receiver, parse_time
from labkit.exams.receiving.agreement import parse_address, token_of
from labkit.exams.signing import Keys, create_keys, load_keys, public_of

if TYPE_CHECKING:
    from labkit.exams.receiving.arrivals import Arrivals

__all__ = ["Receiving", "Registered"]

_SESSION = re.compile(r"[A-Za-z0-9-]{1,80}")
_PLACE = "receiving"


@dataclass(frozen=True, slots=True)
class Registered:
    """What the service knows of a sitting.

    Attributes
    ----------
    session, owner, mode : str
    token : str
        In hexadecimal; see :func:`labkit.exams.receiving.agreement.token_of`.
    opened_at, deadline : str
    """

    session: str
    owner: str
    mode: str
    token: str
    opened_at: str
    deadline: str

    @classmethod
    def of(cls, form: Form, owner: str) -> Registered:
        """Return what the service has to know of a form."""
        token = token_of(form.nonce, form.session).hex()
        return cls(form.session, owner, form.mode, token, form.opened_at, form.deadline)

    def runs(self, at: datetime, until: datetime) -> bool:
        """Return whether the sitting is under way, when it lasts ``until``."""
        return parse_time(self.opened_at) <= at <= until


class Receiving:
    """The folder ``receiving`` of an examiner.

    Parameters
    ----------
    examiner : Path
        Folder of the examiner, or another one that ``receiving`` was moved to.

    Raises
    ------
    IntegrityError
        When it was not prepared.
    """

    def __init__(self, examiner: Path) -> None:
        self.folder = examiner / _PLACE
        try:
            url = json.loads((self.folder / "receiver.json").read_text(encoding="utf-8"))["url"]
            parse_address(url)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise IntegrityError(
                f"{examiner} receives nothing: {error}. "
                f"Prepare it with: labkit exam receive {examiner} --prepare --url https://..."
            ) from None
        self.public = public_of(self.folder / "key.json")
        self.receiver = Receiver(url, base64.urlsafe_b64encode(self.public).decode().rstrip("="))

    @classmethod
    def of(cls, examiner: Path) -> Receiving | None:
        """Return the service of an examiner; None where there is none."""
        return cls(examiner) if (examiner / _PLACE / "receiver.json").is_file() else None

    @classmethod
    def prepare(cls, examiner: Path, url: str, password: str | None = None) -> Receiving:
        """Make the folder and its key; where there is a key already, change the address alone.

        Parameters
        ----------
        examiner : Path
        url : str
            How candidates reach the service; it stands in every form that is opened from now on.
        password : str, optional
            To seal the key with.  A sealed key has to be opened by somebody at each start.
        """
        url = url.rstrip("/")
        parse_address(url)
        folder = examiner / _PLACE
        if not folder.is_dir():
            # Whoever gives the service an account of its own opens the folder to that account.
            ensure_dir(folder).chmod(0o700)
        ensure_dir(folder / "sessions")
        if not (folder / "key.json").is_file():
            create_keys(folder / "key.json", password)
        elif password is not None:
            raise InvalidInputError(f"{folder} has a key already: prepare it again without a password")
        write_whole(folder / "receiver.json", json.dumps({"version": 1, "url": url}).encode() + b"\n")
        return cls(examiner)

    @property
    def is_sealed(self) -> bool:
        """Whether the key needs a password."""
        return bool(json.loads((self.folder / "key.json").read_text(encoding="utf-8")).get("sealed"))

    def keys(self, password: str | None = None) -> Keys:
        """Open the key.

        Raises
        ------
        InvalidInputError
            When the password is missing or wrong.
        IntegrityError
            When the file is damaged, or the public key beside it belongs to another.
        """
        keys = load_keys(self.folder / "key.json", password)
        if keys.public != self.public:
            raise IntegrityError(
                f"{self.folder / 'key.json'} was altered: the two halves of the key do not fit"
            )
        return keys

    def register(self, form: Form, owner: str) -> None:
        """Let the service know a sitting."""
        path = ensure_dir(self.folder / "sessions") / f"{form.session}.json"
        write_whole(path, json.dumps(asdict(Registered.of(form, owner)), ensure_ascii=False).encode() + b"\n")

    def forget(self, session: str) -> None:
        """Forget a sitting whose form nobody ever saw."""
        (self.folder / "sessions" / f"{session}.json").unlink(missing_ok=True)

    def find(self, session: Any) -> Registered | None:
        """Return a sitting; None when it is not known."""
        if not isinstance(session, str) or not _SESSION.fullmatch(session):
            return None
        path = self.folder / "sessions" / f"{session}.json"
        try:
            return Registered(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise IntegrityError(f"{path} is damaged: {error!r:.120}") from None

    def sessions(self) -> Iterator[Registered]:
        """Yield every sitting that is known."""
        for path in sorted((self.folder / "sessions").glob("*.json")):
            if (found := self.find(path.stem)) is not None:
                yield found

    def arrivals(self) -> Arrivals:
        """Return what arrived, and what time was added.

        Raises
        ------
        IntegrityError
            When it was edited.
        """
        from labkit.exams.receiving.arrivals import Arrivals

        return Arrivals(self.folder / "arrivals.jsonl", self.public)

    def path_of(self, session: str, sha256: str) -> Path:
        """Return where a file lies that arrived."""
        return self.folder / "submissions" / session / f"{sha256}.zip"
