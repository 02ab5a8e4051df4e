"""The service itself: three addresses, JSON in words, and a file that is never opened.

Whoever asks for a sitting that is not known gets the same answer as one whose proof does not fit.  Nothing
that was sent is repeated in an answer, and nothing is listed.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Callable
from typing import Any

from tornado import web
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop

from labkit.core.errors import DataFormatError
from labkit.exams.envelope.strict import read_json
from labkit.exams.receiving.agreement import (
    CHALLENGE,
    CLOCK,
    HEADERS,
    MOST_QUESTION,
    RECEIPT,
    SHA256,
    SUBMISSION,
    proof_of,
)
from labkit.exams.receiving.arrivals import Line
from labkit.exams.receiving.folder import Registered
from labkit.exams.receiving.taking import Desk, Part, RefusedError

__all__ = ["make_server"]

MOST_AT_ONCE = 200
"""Files on their way at the same time; more are asked to try again."""

QUIET = 30.0
"""Seconds without a byte after which a file is given up."""

WHOLE = 1800.0
"""Seconds that a file may take."""

JUMP = 5.0
"""Seconds by which the clock may be set before the examiner is told; what NTP does is far below."""

_PROOF = re.compile(r"[0-9a-f]{64}")
_UNKNOWN = "this sitting is not known here, or what was sent does not prove that it is yours"


def make_server(
    desk: Desk,
    secret: bytes,
    ssl: Any = None,
    tell: Callable[[str], None] = lambda line: None,
    quiet: float = QUIET,
) -> HTTPServer:
    """Return a server that is not listening yet.

    Parameters
    ----------
    desk : Desk
    secret : bytes
        What sittings that are not known are compared with.
    ssl : ssl.SSLContext, optional
    tell : function
        Called with a line for each file that arrived or was refused.
    quiet : float
        Seconds without a byte after which a file is given up.
    """
    about = {"desk": desk, "secret": secret, "tell": tell, "quiet": quiet}
    application = web.Application(
        # A proxy may pass a path in front of ours on to us, or not.
        [
            (f"(?:/.*)?{CLOCK}", _Clock),
            (f"(?:/.*)?{RECEIPT}", _Receipt),
            (f"(?:/.*)?{SUBMISSION}", _Submission),
        ],
        default_handler_class=_Nothing,
        log_function=lambda handler: None,
        labkit=about,
    )
    return HTTPServer(
        application,
        ssl_options=ssl,
        max_body_size=MOST_QUESTION,
        max_buffer_size=1 << 20,
        chunk_size=1 << 16,
        max_header_size=1 << 14,
        body_timeout=quiet,
        idle_connection_timeout=quiet,
        no_keep_alive=True,
    )


class _Handler(web.RequestHandler):
    """What all addresses have in common: answers in JSON, refusals in words."""

    def set_default_headers(self) -> None:
        self.clear_header("Server")
        self.set_header("Content-Type", "application/json")
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Connection", "close")

    @property
    def about(self) -> dict[str, Any]:
        found: dict[str, Any] = self.application.settings["labkit"]
        return found

    @property
    def desk(self) -> Desk:
        found: Desk = self.about["desk"]
        return found

    def write_error(self, status_code: int, **about: Any) -> None:
        """Say what is wrong, without anything of ours and anything that was sent."""
        error = (about.get("exc_info") or (None, None))[1]
        words = (
            str(error) if isinstance(error, RefusedError) else _WORDS.get(status_code, "that did not work")
        )
        if isinstance(error, RefusedError):
            self.set_status(error.status)
        self.finish(json.dumps({"error": words}))

    def log_exception(self, *about: Any) -> None:
        """Tell the examiner what is no mistake of whoever asks."""
        error = about[1]
        if not isinstance(error, RefusedError | web.HTTPError):
            self.about["tell"](f"PROBLEM {type(error).__name__}: {error}")

    def sitting(self, session: Any, proof: Any, asked: str, *parts: str | int) -> Registered:
        """Return the sitting of whoever can prove that it is theirs.

        Raises
        ------
        RefusedError
            In the same words when there is none and when the proof is wrong.
        """
        found = self.desk.receiving.find(session)
        token = self.about["secret"] if found is None else bytes.fromhex(found.token)
        given = proof if isinstance(proof, str) and _PROOF.fullmatch(proof) else "0" * 64
        fits = hmac.compare_digest(proof_of(token, asked, *parts), given)
        if found is None or not fits:
            raise RefusedError(403, _UNKNOWN)
        return found

    def question(self, *names: str) -> list[Any]:
        """Return the members of the JSON that was sent: these, and no others."""
        try:
            asked = read_json("question", self.request.body, most=MOST_QUESTION)
        except DataFormatError:
            asked = None
        if not isinstance(asked, dict) or set(asked) != set(names):
            raise RefusedError(400, f"expected JSON with {', '.join(names)}, and nothing else")
        return [asked[name] for name in names]


class _Nothing(_Handler):
    def prepare(self) -> None:
        raise RefusedError(404, "there is nothing here")


class _Clock(_Handler):
    def post(self) -> None:
        """Say how late it is."""
        session, challenge, proof = self.question("session", "challenge", "proof")
        if not isinstance(challenge, str) or not CHALLENGE.fullmatch(challenge):
            raise RefusedError(400, "expected a challenge of 32 hexadecimal digits")
        sitting = self.sitting(session, proof, CLOCK, str(session), challenge)
        if abs(moved := self.desk.moved()) > JUMP:
            self.about["tell"](
                f"PROBLEM the clock of this machine was set by {moved:+.0f} s: look at the time"
            )
        self.finish(json.dumps(self.desk.time(sitting, challenge)))


class _Receipt(_Handler):
    def post(self) -> None:
        """Give the receipt of a file that arrived, as often as somebody asks."""
        session, sha256, size, proof = self.question("session", "sha256", "size", "proof")
        _insist_file(sha256, size)
        sitting = self.sitting(session, proof, RECEIPT, str(session), sha256, size)
        line = self.desk.receipt(sitting, sha256)
        self.finish(json.dumps({"receipt": None if line is None else line.as_json()}))


@web.stream_request_body
class _Submission(_Handler):
    """Whose file it is and how large is decided by the headers, before its first byte is read.

    Who cannot prove that it is theirs is hung up on, unless it is short.  What is refused for another
    reason is read to its end and thrown away, for whoever is still sending hears no answer.
    """

    part: Part | None = None
    _problem: RefusedError | None = None
    _known: Line | None = None
    _waiting: Any = None

    def prepare(self) -> None:
        try:
            self._look()
        except RefusedError as error:
            # What is short is read to its end in any case, so that whoever sends it hears why.
            length = self.request.headers.get("Content-Length", "0")
            if not re.fullmatch(r"[0-9]{1,4}", length) or int(length) > MOST_QUESTION:
                raise
            self._problem = error
            self._wait()

    def _look(self) -> None:
        """Decide by the headers whether a file is taken."""
        if self.request.method != "PUT":
            raise RefusedError(405, "a file is sent with PUT")
        session, sha256, proof = (self.request.headers.get(name, "") for name in HEADERS.values())
        length = self.request.headers.get("Content-Length", "")
        if not re.fullmatch(r"[0-9]{1,12}", length):
            raise RefusedError(411, "expected a file whose length is said beforehand")
        size = int(length)
        _insist_file(sha256, size)
        sitting = self.sitting(session, proof, SUBMISSION, session, sha256, size)
        if size > self.desk.largest:
            raise RefusedError(413, f"expected a file of at most {self.desk.largest} bytes")
        connection: Any = self.request.connection
        connection.set_max_body_size(size)
        connection.set_body_timeout(WHOLE)
        self._known = self.desk.receipt(sitting, sha256)
        if self._known is None:
            self._begin(sitting, sha256, size)
        self._wait()

    def data_received(self, chunk: bytes) -> None:
        self._wait()
        if self.part is None:
            return
        try:
            self.part.write(chunk)
        except RefusedError as error:
            self._give_up(error)

    def put(self) -> None:
        """Answer when all is there."""
        self._rest()
        line = self._known
        if self.part is not None:
            line = self.part.finish()
            self.about["tell"](_said(line))
        if line is None:
            raise self._problem or RefusedError(500, _WORDS[500])
        self.finish(json.dumps({"receipt": line.as_json()}))

    def on_finish(self) -> None:
        self._rest()
        if self.part is not None:
            self.part.drop()

    def on_connection_close(self) -> None:
        """Forget what came when the other side is gone."""
        self._rest()
        self._give_up(RefusedError(400, "the connection ended before the file was whole"))

    def _begin(self, sitting: Registered, sha256: str, size: int) -> None:
        try:
            if self.desk.under_way >= MOST_AT_ONCE:
                raise RefusedError(503, "very many files are on their way; try again in a minute")
            self.part = self.desk.begin(sitting, sha256, size)
        except RefusedError as error:
            self._problem = error

    def _give_up(self, error: RefusedError) -> None:
        """Forget what came, and remember why."""
        if self.part is not None:
            self.about["tell"](f"{self.part.sitting.session}: not received: {error}")
            self.part.drop()
        self.part, self._problem = None, error

    def _wait(self) -> None:
        """Begin again to count the seconds in which nothing comes."""
        self._rest()
        self._waiting = IOLoop.current().call_later(self.about["quiet"], self._tired)

    def _rest(self) -> None:
        if self._waiting is not None:
            IOLoop.current().remove_timeout(self._waiting)
        self._waiting = None

    def _tired(self) -> None:
        """Say that nothing comes, and hang up."""
        self._rest()
        error = RefusedError(408, "nothing came for too long; send it again")
        self._give_up(error)
        self.set_status(error.status)
        self.finish(json.dumps({"error": str(error)}))


_WORDS = {
    405: "this is not asked in that way",
    500: "something went wrong here; tell the examiner, and try again",
}


def _insist_file(sha256: Any, size: Any) -> None:
    if not isinstance(sha256, str) or not SHA256.fullmatch(sha256) or type(size) is not int or size < 1:
        raise RefusedError(400, "expected the SHA-256 of a file in hexadecimal, and its size in bytes")


def _said(line: Line) -> str:
    payload = line.payload
    words = "late" if payload["late"] else "in time"
    if line.entry["kind"] == "set_aside":
        words += ", set aside: another file of this sitting counts"
    what = f"{payload['sha256'][:12]} ({payload['size']:,} bytes)"
    return f"{payload['session']}: received {what} at {payload['announced_at']}, {words}"
