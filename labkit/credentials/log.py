"""The log: everything an issuer did, in an order that it cannot change behind anybody's back.

An entry holds digests and no names.  A checkpoint is the size and the Merkle root, signed with both keys.
Whoever keeps one checkpoint can later demand the proof that the log only grew since.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from labkit.core.errors import DataFormatError, IntegrityError, InvalidInputError
from labkit.credentials import hybrid, merkle
from labkit.credentials.encoding import canonical_json
from labkit.credentials.issuer import Issuer
from labkit.credentials.keys import Keys
from labkit.credentials.lines import append_lines, read_lines
from labkit.credentials.times import written

__all__ = ["Log", "checkpoint_holds", "consistency_problem", "inclusion_problem"]


_FOR_ALL = 0o644
_STANDS = ("issued", "renewed", "reinstated")
"""Events after which a credential stands: a proof of its revocation is no word for it."""


@dataclass(frozen=True)
class Log:
    """The log in a folder: ``entries.jsonl`` and ``checkpoints.jsonl``.

    Attributes
    ----------
    folder : Path
    """

    folder: Path

    def entries(self) -> list[dict[str, Any]]:
        return read_lines(self.folder / "entries.jsonl")

    def checkpoints(self) -> list[dict[str, Any]]:
        return read_lines(self.folder / "checkpoints.jsonl")

    def append(self, entries: Sequence[Mapping[str, Any]]) -> None:
        append_lines(self.folder / "entries.jsonl", list(entries), _FOR_ALL)

    def leaves(self) -> list[bytes]:
        return [_leaf(each) for each in self.entries()]

    def sign_checkpoint(self, issuer: Issuer, keys: Keys, at: datetime) -> dict[str, Any]:
        """Sign size and root as they are now, and keep the checkpoint."""
        leaves = self.leaves()
        said = {
            "version": 1,
            "origin": issuer.id,
            "size": len(leaves),
            "root": merkle.root(leaves).hex(),
            "at": written(at),
        }
        signed = {"checkpoint": said, "signature": hybrid.sign(said, keys, issuer, "checkpoint")}
        append_lines(self.folder / "checkpoints.jsonl", [signed], _FOR_ALL)
        return signed

    def prove(self, digest: str, signed: Mapping[str, Any]) -> dict[str, Any]:
        """Return the proof that the newest entry about a credential is under a checkpoint.

        Parameters
        ----------
        digest : str
            SHA-256 of the credential in canonical JSON, or of its JWT.
        signed : mapping
            A checkpoint.

        Raises
        ------
        InvalidInputError
            When no entry before the checkpoint is about this credential.
        """
        size = int(signed["checkpoint"]["size"])
        entries, leaves = self.entries()[:size], self.leaves()[:size]
        about = [at for at, each in enumerate(entries) if digest in (each.get("credential"), each.get("jwt"))]
        if not about:
            raise InvalidInputError(
                f"expected a credential that is in the log, got one with SHA-256 {digest}"
            )
        return {
            "version": 1,
            "index": about[-1],
            "entry": entries[about[-1]],
            "proof": [each.hex() for each in merkle.inclusion_proof(leaves, about[-1])],
            **signed,
        }

    def prove_growth(self, earlier: Mapping[str, Any], later: Mapping[str, Any]) -> dict[str, Any]:
        """Return the proof that the log under ``later`` begins with the one under ``earlier``."""
        size = int(later["checkpoint"]["size"])
        path = merkle.consistency_proof(self.leaves()[:size], int(earlier["checkpoint"]["size"]))
        return {"version": 1, "earlier": earlier, "later": later, "proof": [each.hex() for each in path]}

    def problems(self, issuer: Issuer) -> list[str]:
        """Say where entries and checkpoints contradict each other; nothing when all is well."""
        found = []
        leaves = self.leaves()
        for number, signed in enumerate(self.checkpoints(), start=1):
            if problem := checkpoint_holds(signed, issuer):
                found.append(f"checkpoint {number}: {problem}")
            elif signed["checkpoint"]["size"] > len(leaves):
                found.append(f"checkpoint {number} is over more entries than the {len(leaves)} that are left")
            elif merkle.root(leaves[: signed["checkpoint"]["size"]]).hex() != signed["checkpoint"]["root"]:
                found.append(f"checkpoint {number}: the entries before it are not those that were signed")
        found += [
            f"entry {at} says that it is number {each.get('n')}"
            for at, each in enumerate(self.entries())
            if each.get("n") != at
        ]
        return found


def checkpoint_holds(signed: Mapping[str, Any], issuer: Issuer) -> str:
    """Return what is wrong with a checkpoint, or nothing."""
    try:
        said = signed["checkpoint"]
        whole = isinstance(said["size"], int) and said["size"] >= 0 and len(bytes.fromhex(said["root"])) == 32
        if not whole or said["version"] != 1 or said["origin"] != issuer.id:
            return f"it is no checkpoint of {issuer.id}"
        if not hybrid.signature_holds(said, signed["signature"], issuer, "checkpoint"):
            return "its signature is not that of the issuer"
    except (KeyError, TypeError, ValueError, AttributeError, InvalidInputError) as error:
        return f"it is no checkpoint: {error}"
    return ""


def inclusion_problem(proof: Mapping[str, Any], digest: str, issuer: Issuer) -> str:
    """Return what is wrong with the proof that a credential is in the log, or nothing."""
    if problem := checkpoint_holds(proof, issuer):
        return problem
    try:
        entry, said = proof["entry"], proof["checkpoint"]
        if proof["version"] != 1:
            return f"expected a proof of version 1, got {proof['version']!r:.20}"
        if digest not in (entry["credential"], entry["jwt"]):
            return "its entry is about another credential"
        if entry["event"] not in _STANDS:
            return f"its entry says that the credential was {entry['event']}"
        path = [bytes.fromhex(each) for each in proof["proof"]]
        held = merkle.inclusion_holds(
            _leaf(entry), proof["index"], said["size"], path, bytes.fromhex(said["root"])
        )
    except (KeyError, TypeError, ValueError, DataFormatError, InvalidInputError) as error:
        return f"it is no proof: {error}"
    return "" if held else "its entry is not under the checkpoint"


def consistency_problem(proof: Mapping[str, Any], issuer: Issuer) -> str:
    """Return what is wrong with the proof that the log only grew between two checkpoints, or nothing."""
    try:
        earlier, later = proof["earlier"], proof["later"]
        for signed in (earlier, later):
            if problem := checkpoint_holds(signed, issuer):
                return problem
        held = merkle.consistency_holds(
            earlier["checkpoint"]["size"],
            later["checkpoint"]["size"],
            bytes.fromhex(earlier["checkpoint"]["root"]),
            bytes.fromhex(later["checkpoint"]["root"]),
            [bytes.fromhex(each) for each in proof["proof"]],
        )
    except (KeyError, TypeError, ValueError, IntegrityError) as error:
        return f"it is no proof: {error}"
    return "" if held else "the later log does not begin with the earlier one"


def _leaf(entry: Mapping[str, Any]) -> bytes:
    return merkle.leaf_hash(canonical_json(entry))
