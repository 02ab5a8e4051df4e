"""The examiner's keys: one that signs (Ed25519), and one that draws (HMAC).  Encrypted on disk.

The file says in the clear only what may be public.  The secrets are sealed with ChaCha20-Poly1305
under a key that scrypt makes of the password (RFC 7914, RFC 8439).  A lost password is lost:
nobody can open the file without it, and a new examiner has to be made.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import IntegrityError, InvalidInputError, StorageError
from labkit.evidence.entry import canonical

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Keys", "create_keys", "key_id", "load_keys", "public_of", "verify"]

_SCRYPT = {"n": 2**15, "r": 8, "p": 1}
_SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Keys:
    """Both secrets of an examiner.  They are not shown when the object is printed.

    Attributes
    ----------
    master : bytes
        32 bytes that variants and items are drawn with.
    signing : bytes
        32 bytes: the private key of Ed25519 (RFC 8032).
    """

    master: bytes = field(repr=False)
    signing: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        return self._private().public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def key_id(self) -> str:
        """Short name of the public key: 16 hexadecimal digits of its SHA-256."""
        return key_id(self.public)

    def sign(self, purpose: str, content: Any) -> dict[str, str]:
        """Return a detached signature over ``content`` as canonical JSON.

        Parameters
        ----------
        purpose : str
            Such as ``"form"``; a signature for one purpose is none for another.
        content : Any
            What JSON can hold.
        """
        signature = self._private().sign(_message(purpose, content))
        return {
            "algorithm": "Ed25519",
            "purpose": purpose,
            "key_id": self.key_id,
            "public_key": _text(self.public),
            "signature": _text(signature),
        }

    def _private(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.signing)


def key_id(public: bytes) -> str:
    """Return the short name of a public key."""
    return hashlib.sha256(public).hexdigest()[:16]


def verify(purpose: str, content: Any, signature: Mapping[str, Any], public: bytes) -> bool:
    """Return whether ``public`` signed ``content`` for ``purpose``; fails closed.

    The key that a signature carries beside it is not trusted: ``public`` is the one to hold it to.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        if signature.get("purpose") != purpose or signature.get("algorithm") != "Ed25519":
            return False
        raw = _bytes(signature["signature"])
        Ed25519PublicKey.from_public_bytes(public).verify(raw, _message(purpose, content))
    except (InvalidSignature, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return True


def create_keys(path: Path, password: str | None, keys: Keys | None = None) -> Keys:
    """Draw new keys and write them to ``path``, readable by this user only.

    Parameters
    ----------
    path : Path
        A file that is not there yet.
    password : str or None
        At least eight characters.  None writes them unsealed: for practice on one's own machine.
    keys : Keys, optional
        Keys to write, in place of new ones.

    Raises
    ------
    InvalidInputError
        When the password is too short.
    StorageError
        When the file is there already, or cannot be written.
    """
    made = Keys(secrets.token_bytes(32), secrets.token_bytes(32)) if keys is None else keys
    content = json.dumps(_sealed(made, password), indent=1).encode() + b"\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    except FileExistsError:
        raise StorageError(f"{path} holds keys already, and nothing else opens what they signed") from None
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}") from error
    return made


def load_keys(path: Path, password: str | None) -> Keys:
    """Return the keys of a file that :func:`create_keys` wrote.

    Raises
    ------
    IntegrityError
        When the file is missing or damaged.
    InvalidInputError
        When the password is missing or wrong.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        public = kept["public"]
        if kept["sealed"] is False:
            return Keys(_bytes(kept["master"]), _bytes(kept["signing"]))
        if not password:
            raise InvalidInputError(f"{path.name} is sealed: give its password")
        key = _stretched(password, _bytes(kept["salt"]))
        opened = ChaCha20Poly1305(key).decrypt(
            _bytes(kept["nonce"]), _bytes(kept["secrets"]), canonical(public)
        )
    except InvalidTag:
        raise InvalidInputError(
            "the password does not open these keys. Nobody can open them without it: if it is lost, "
            "make new ones and say so where the old key was published"
        ) from None
    except OSError as error:
        raise IntegrityError(f"no keys in {path.parent}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, InvalidInputError):
            raise
        raise IntegrityError(f"{path} is damaged: {error!r}") from None
    return Keys(opened[:32], opened[32:])


def public_of(path: Path) -> bytes:
    """Return the public key of a file that :func:`create_keys` wrote; it needs no password.

    Raises
    ------
    IntegrityError
        When the file is missing or damaged.
    """
    try:
        return _bytes(json.loads(path.read_text(encoding="utf-8"))["public"]["public_key"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IntegrityError(f"no keys in {path}: {error}") from None


def _sealed(keys: Keys, password: str | None) -> dict[str, Any]:
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

    public = {"version": 1, "key_id": keys.key_id, "public_key": _text(keys.public)}
    if password is None:
        return {
            "public": public,
            "sealed": False,
            "master": _text(keys.master),
            "signing": _text(keys.signing),
        }
    if len(password) < _SHORTEST:
        raise InvalidInputError(f"expected a password of at least {_SHORTEST} characters")
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    key = _stretched(password, salt)
    sealed = ChaCha20Poly1305(key).encrypt(nonce, keys.master + keys.signing, canonical(public))
    return {
        "public": public,
        "sealed": True,
        "salt": _text(salt),
        "nonce": _text(nonce),
        "secrets": _text(sealed),
    }


def _stretched(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, dklen=32, maxmem=2**26, **_SCRYPT)


def _message(purpose: str, content: Any) -> bytes:
    return f"labkit exam {purpose} v1\n".encode() + canonical(content)


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
