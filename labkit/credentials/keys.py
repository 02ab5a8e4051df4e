"""The private keys of an issuer: three seeds in one file, sealed under a password.

The file is JSON: how the password is stretched (scrypt), and the seeds under AES-256-GCM.  It is made with
mode 0600 and read only when nobody else may read it.  Nobody can open it without the password; there is no
second way in, and nothing here pretends that there is one.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import DataFormatError, IntegrityError, InvalidInputError, StorageError
from labkit.credentials.encoding import base64url_decode, base64url_encode, multikey, strict_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

__all__ = ["SHORTEST_PASSWORD", "Keys", "make_keys", "open_keys", "seal_keys"]

SHORTEST_PASSWORD = 12

_KINDS = ("ed25519", "p256", "mldsa65")
# 64 MB and some 0.2 s a guess; a file that asks for more than 1 GB is not opened.
_SCRYPT = {"n": 2**16, "r": 8, "p": 1}
_MOST = 2**20
_FORMAT = "labkit issuer keys"


@dataclass(frozen=True)
class Keys:
    """The private keys of an issuer; printing them shows nothing.

    Attributes
    ----------
    seeds : mapping of str to bytes
        32 bytes each of ``ed25519`` (proofs, and half of the detached signature), ``p256`` (JWT) and
        ``mldsa65`` (the other half).
    """

    seeds: Mapping[str, bytes] = field(repr=False)

    @property
    def ed25519(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.seeds["ed25519"])

    @property
    def p256(self) -> EllipticCurvePrivateKey:
        from cryptography.hazmat.primitives.asymmetric import ec

        return ec.derive_private_key(int.from_bytes(self.seeds["p256"]), ec.SECP256R1())

    @property
    def mldsa65(self) -> MLDSA65PrivateKey:
        """The key after FIPS 204.

        Raises
        ------
        StorageError
            When the ``cryptography`` that is installed cannot do ML-DSA.
        """
        from cryptography.exceptions import UnsupportedAlgorithm

        try:
            from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA65PrivateKey

            return MLDSA65PrivateKey.from_seed_bytes(self.seeds["mldsa65"])
        except (ImportError, UnsupportedAlgorithm) as error:
            raise StorageError(
                "this build of the package cryptography has no ML-DSA: install its wheel, 48 or newer"
            ) from error

    def public(self) -> dict[str, str]:
        """Return the public keys as multikeys."""
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        point = self.p256.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        content = {
            "ed25519": self.ed25519.public_key().public_bytes_raw(),
            "p256": point,
            "mldsa65": self.mldsa65.public_key().public_bytes_raw(),
        }
        return {kind: multikey(kind, content[kind]) for kind in _KINDS}


def make_keys() -> Keys:
    """Return new keys from the randomness of the operating system."""
    from cryptography.hazmat.primitives.asymmetric import ec

    scalar = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
    return Keys({"ed25519": os.urandom(32), "p256": scalar.to_bytes(32), "mldsa65": os.urandom(32)})


def seal_keys(keys: Keys, path: Path, password: str) -> None:
    """Write ``keys`` to a new file that only its owner can read, under a password.

    Raises
    ------
    InvalidInputError
        When the password is short, or the file is there already: keys are never written over.
    StorageError
        When the disk is full or read-only.
    """
    if len(password) < SHORTEST_PASSWORD:
        raise InvalidInputError(f"expected a password of {SHORTEST_PASSWORD} characters or more")
    head = {
        "format": _FORMAT,
        "version": 1,
        "kdf": {"name": "scrypt", **_SCRYPT, "salt": base64url_encode(os.urandom(16))},
        "cipher": {"name": "AES-256-GCM", "nonce": base64url_encode(os.urandom(12))},
    }
    inside = json.dumps({kind: base64url_encode(keys.seeds[kind]) for kind in _KINDS}).encode()
    sealed = _cipher(head, password).encrypt(_nonce(head), inside, _bound(head))
    content = json.dumps({**head, "sealed": base64url_encode(sealed)}, indent=1).encode() + b"\n"
    try:
        # Made with these permissions from its first moment, and only where there is no file yet.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except FileExistsError:
        raise InvalidInputError(
            f"{path} is there already: keys are not written over. Choose another folder."
        ) from None
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror or error}") from error


def open_keys(path: Path, password: str) -> Keys:
    """Return the keys in a file.

    Raises
    ------
    StorageError
        When the file is not there, or others than its owner may read it.
    DataFormatError
        When it is no file of keys.
    IntegrityError
        When the password is wrong, or the file was changed: the two cannot be told apart.
    """
    from cryptography.exceptions import InvalidTag

    head, sealed = _read(path)
    try:
        inside = _cipher(head, password).decrypt(_nonce(head), sealed, _bound(head))
    except InvalidTag:
        raise IntegrityError(
            f"{path} does not open: the password is wrong, or the file was changed. A password that is lost "
            "is lost: nobody can open the keys without it. New ones are made with: labkit credential keygen "
            "--rotate. What the old ones signed stays verifiable, since their public halves stay published."
        ) from None
    seeds = strict_json(inside, "the sealed keys")
    return Keys({kind: base64url_decode(seeds[kind]) for kind in _KINDS})


def _read(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        mode = path.stat().st_mode
        content = path.read_bytes()
    except OSError as error:
        raise StorageError(
            f"there are no keys at {path}: {error.strerror}. Make them with: labkit credential keygen"
        ) from error
    if os.name == "posix" and stat.S_IMODE(mode) & 0o077:
        raise StorageError(
            f"others may read {path}: close it with chmod 600, and think about who has read it"
        )
    raw = strict_json(content, "the file of keys")
    try:
        head = {name: raw[name] for name in ("format", "version", "kdf", "cipher")}
        known = head["format"] == _FORMAT and head["version"] == 1 and head["kdf"]["name"] == "scrypt"
        known = known and head["cipher"]["name"] == "AES-256-GCM" and head["kdf"]["n"] <= _MOST
        sealed = base64url_decode(raw["sealed"])
    except (KeyError, TypeError):
        known, head, sealed = False, {}, b""
    if not known:
        raise DataFormatError(f"{path} is no file of keys of this version of labkit")
    return head, sealed


def _cipher(head: Mapping[str, Any], password: str) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    kdf = head["kdf"]
    stretched = hashlib.scrypt(
        password.encode("utf-8"),
        salt=base64url_decode(kdf["salt"]),
        n=kdf["n"],
        r=kdf["r"],
        p=kdf["p"],
        maxmem=256 * kdf["n"] * kdf["r"],
        dklen=32,
    )
    return AESGCM(stretched)


def _nonce(head: Mapping[str, Any]) -> bytes:
    return base64url_decode(head["cipher"]["nonce"])


def _bound(head: Mapping[str, Any]) -> bytes:
    return json.dumps(head, sort_keys=True, separators=(",", ":")).encode()
