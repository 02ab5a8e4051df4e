"""The candidate's side of the service: short questions, one file, and nothing believed that is not signed.

The connection is Python's own ``http.client``: it follows no redirect, uses no proxy, and TLS is verified
against the certificates that this machine trusts (``SSL_CERT_FILE`` names others).
"""

from __future__ import annotations

import http.client
import json
import secrets
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from labkit.core.errors import DataFormatError, IntegrityError, LabkitError
from labkit.core.tables import harmless
from labkit.exams.envelope.strict import read_json
from labkit.exams.form import Form, parse_time
from labkit.exams.receiving.agreement import (
    CLOCK,
    HEADERS,
    RECEIPT,
    SUBMISSION,
    parse_address,
    proof_of,
    token_of,
)
from labkit.exams.receiving.arrivals import Line
from labkit.exams.signing import verify

__all__ = ["Answer", "Client", "ForgedError", "SilentError"]

_MOST_ANSWER = 1 << 16
_SENDING = 60.0  # seconds in which something has to move while a file is sent


class SilentError(LabkitError):
    """The service cannot be reached, or does not take what it was sent; says why."""


class ForgedError(LabkitError):
    """What answered is not the service that the form names."""


@dataclass(frozen=True, slots=True)
class Answer:
    """How late it is, as the service said.

    Attributes
    ----------
    at, deadline : str
    added : tuple of mapping
        ``minutes`` and ``reason`` of time that was added for an incident.
    raw : mapping
        Answer and signature, to keep.
    """

    at: str
    deadline: str
    added: tuple[Mapping[str, Any], ...]
    raw: Mapping[str, Any] = field(hash=False)

    @classmethod
    def from_json(cls, raw: Any, form: Form, challenge: str | None = None) -> Answer:
        """Return an answer that the service of ``form`` signed.

        Parameters
        ----------
        raw : Any
        form : Form
        challenge : str, optional
            What was asked with; an answer that was kept is old, and has another.

        Raises
        ------
        ForgedError
            When it is not signed by the key in the form, of another sitting, or an old one.
        """
        public = form.receiver.public if form.receiver is not None else b""
        try:
            said = raw["answer"]
            if not verify("clock", said, raw["signature"], public):
                raise ForgedError("an answer that the key in the form did not sign")
            if said["session"] != form.session or challenge not in (None, said["challenge"]):
                raise ForgedError("an answer to another question")
            parse_time(said["at"]), parse_time(said["deadline"])
            added = tuple(
                {"minutes": int(each["minutes"]), "reason": str(each["reason"])} for each in said["added"]
            )
            return cls(said["at"], said["deadline"], added, raw)
        except (KeyError, TypeError, ValueError):
            raise ForgedError("an answer that is none of a service for exams") from None


class Client:
    """Asks the service that a form names.

    Parameters
    ----------
    form : Form
        With a receiver.
    seconds : float
        How long a short question may take.
    """

    def __init__(self, form: Form, seconds: float = 3.0) -> None:
        if form.receiver is None:
            raise SilentError("the form of this sitting names no service that receives it")
        self.form, self.seconds = form, seconds
        self._public = form.receiver.public
        self._parts = parse_address(form.receiver.url)
        self._token = token_of(form.nonce, form.session)

    def time(self) -> Answer:
        """Return how late it is.

        Raises
        ------
        SilentError
            When nobody answers.
        ForgedError
            When somebody else does.
        """
        challenge = secrets.token_hex(16)
        session = self.form.session
        proof = proof_of(self._token, CLOCK, session, challenge)
        raw = self._ask(CLOCK, {"session": session, "challenge": challenge, "proof": proof})
        return Answer.from_json(raw, self.form, challenge)

    def receipt(self, sha256: str, size: int) -> Line | None:
        """Return the receipt of a file; None when it did not arrive yet."""
        session = self.form.session
        proof = proof_of(self._token, RECEIPT, session, sha256, size)
        raw = self._ask(RECEIPT, {"session": session, "sha256": sha256, "size": size, "proof": proof})
        return None if raw.get("receipt") is None else self._line(raw["receipt"], sha256)

    def send(self, path: Path, sha256: str, size: int) -> Line:
        """Send a file, unless it arrived before, and return its receipt.

        Raises
        ------
        SilentError
            When it was not received; says why.
        ForgedError
            When the receipt is not of this file, or the key in the form did not sign it.
        """
        if (known := self.receipt(sha256, size)) is not None:
            return known
        session = self.form.session
        values = (session, sha256, proof_of(self._token, SUBMISSION, session, sha256, size))
        headers = dict(zip(HEADERS.values(), values, strict=True))
        headers |= {"Content-Length": str(size), "Content-Type": "application/zip"}
        try:
            with path.open("rb") as file:
                raw = self._exchange("PUT", SUBMISSION, file, headers, _SENDING)
        except OSError as error:
            raise SilentError(f"cannot read {path}: {error.strerror or error}") from None
        return self._line(raw.get("receipt"), sha256)

    def _line(self, raw: Any, sha256: str) -> Line:
        try:
            return receipt_of(raw, self.form, sha256)
        except IntegrityError as error:
            raise ForgedError(str(error)) from None

    def _ask(self, address: str, question: Mapping[str, Any]) -> dict[str, Any]:
        body = json.dumps(question).encode()
        return self._exchange("POST", address, body, {"Content-Type": "application/json"}, self.seconds)

    def _exchange(
        self, method: str, address: str, body: bytes | BinaryIO, headers: Mapping[str, str], seconds: float
    ) -> dict[str, Any]:
        """Ask, and return the JSON of a good answer."""
        connection = self._connection(seconds)
        try:
            connection.connect()
            # Each step has its time, and a short question one altogether: an answer in drops is none.
            patience = threading.Timer(2 * seconds, _hang_up, [connection.sock])
            patience.daemon = True
            if method == "POST":
                patience.start()
            # Who refuses early has answered already when sending breaks.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.request(method, self._parts.path + address, body=body, headers=dict(headers))
            response = connection.getresponse()
            content = response.read(_MOST_ANSWER + 1)
            patience.cancel()
        except ssl.SSLCertVerificationError as error:
            raise ForgedError(f"its certificate cannot be verified: {error.verify_message}") from None
        except (OSError, http.client.HTTPException) as error:
            raise SilentError(_reason(error)) from None
        finally:
            connection.close()
        try:
            answer = read_json("answer", content, most=_MOST_ANSWER)
        except DataFormatError:
            answer = None
        if not isinstance(answer, dict):
            raise SilentError(f"something else answers at its address (status {response.status})")
        if response.status != 200:
            # Nobody signed these words: on a terminal they are words, and one line.
            words = " ".join(str(answer.get("error") or "no reason was given").split())
            raise SilentError(harmless(words[:400]))
        return answer

    def _connection(self, seconds: float) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=seconds)
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=ssl.create_default_context())


def receipt_of(raw: Any, form: Form, sha256: str) -> Line:
    """Return a receipt of the service of ``form`` for a file with this digest.

    Raises
    ------
    IntegrityError
        When it is of another sitting or another file, or the key in the form did not sign it.
    """
    line = Line.from_json(raw, form.receiver.public if form.receiver is not None else b"")
    about = line.payload
    if line.entry["kind"] == "extended" or (about.get("session"), about.get("sha256")) != (
        form.session,
        sha256,
    ):
        raise IntegrityError("a receipt of another sitting or of another file")
    return line


def _hang_up(line: socket.socket) -> None:
    # One that was closed meanwhile needs nothing.
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "nobody answers"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens at its address"
    return str(getattr(error, "strerror", None) or error or type(error).__name__)[:200]
