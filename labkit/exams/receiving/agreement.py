"""What both sides of the service agree on: addresses, proofs, and what is signed.

A candidate shows whose sitting it is without sending the secret: the nonce of the form makes a
token (HMAC-SHA256), the service holds that token, and each request carries an HMAC under it over
everything that it asks.  Who sees a request can repeat it and nothing else; what is repeated gets
the same answer.  The service never learns the nonce, without which no submission can be sealed.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

from labkit.core.errors import InvalidInputError
from labkit.evidence.entry import canonical
from labkit.exams.form import parse_time

__all__ = [
    "CHALLENGE",
    "CLOCK",
    "HEADERS",
    "MOST_QUESTION",
    "RECEIPT",
    "SHA256",
    "SUBMISSION",
    "due_at",
    "is_loopback",
    "parse_address",
    "proof_of",
    "token_of",
]

CLOCK, RECEIPT, SUBMISSION = "/clock", "/receipt", "/submission"
"""Ask how late it is; ask for the receipt of a file; send the file."""

HEADERS = {"session": "Labkit-Session", "sha256": "Labkit-Sha256", "proof": "Labkit-Proof"}
"""What goes with a file."""

MOST_QUESTION = 4096
"""Bytes of a question."""

CHALLENGE = re.compile(r"[0-9a-f]{32}")
SHA256 = re.compile(r"[0-9a-f]{64}")

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?|[0-9a-f:.]{2,45}")
_PATH = re.compile(r"(/[A-Za-z0-9._~-]+)*")


def token_of(nonce: str, session: str) -> bytes:
    """Return what the service holds of a sitting in place of its nonce."""
    return _mac(nonce.encode(), ["labkit exam receiving v1", session])


def proof_of(token: bytes, asked: str, *parts: str | int) -> str:
    """Return the proof that goes with a question.

    Parameters
    ----------
    token : bytes
    asked : str
        One of the addresses, so that a proof for one question is none for another.
    *parts
        Session and challenge for the clock; session, digest and size for a file.
    """
    return _mac(token, [asked, *parts]).hex()


def due_at(deadline: str, minutes: float) -> datetime:
    """Return until when a sitting runs, with the minutes that were added to it."""
    return parse_time(deadline) + timedelta(minutes=minutes)


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def parse_address(url: str) -> SplitResult:
    """Return the parts of the address of a service.

    Raises
    ------
    InvalidInputError
        When it is no plain address, or is not encrypted and leads to another machine.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise InvalidInputError(
            f"expected an address such as https://exam.example.org, got {url!r:.200}"
        ) from None
    plain = not (parts.query or parts.fragment or parts.username or parts.password)
    if (
        parts.scheme not in ("http", "https")
        or not plain
        or not _HOST.fullmatch(host)
        or not _PATH.fullmatch(parts.path)
    ):
        raise InvalidInputError(
            "expected an address such as https://exam.example.org or https://exam.example.org:8870/receive, "
            f"got {url!r:.200}"
        )
    if parts.scheme == "http" and not is_loopback(host):
        raise InvalidInputError(
            f"expected https:// for {host}: what is sent to another machine must be encrypted; "
            "http:// is for 127.0.0.1 alone"
        )
    return parts


def _mac(key: bytes, content: list[Any]) -> bytes:
    return hmac.new(key, canonical(content), hashlib.sha256).digest()
