"""A Merkle tree over a growing list: roots, and proofs that logarithmically many hashes suffice for.

After RFC 6962 and RFC 9162, section 2.1: leaves and nodes are hashed under different prefixes, so that
neither can be taken for the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from labkit.core.errors import InvalidInputError

__all__ = [
    "consistency_holds",
    "consistency_proof",
    "inclusion_holds",
    "inclusion_proof",
    "leaf_hash",
    "root",
]


def leaf_hash(content: bytes) -> bytes:
    """Return the hash of an entry."""
    return hashlib.sha256(b"\0" + content).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root over hashes of entries; that of no entry is the hash of nothing."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = list(leaves)
    while len(level) > 1:
        # A node without a partner moves up as it is; that is the split at the largest power of two.
        pairs = [_node(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the hashes that lead from entry ``index`` to the root.

    Raises
    ------
    InvalidInputError
        When there is no such entry.
    """
    if not 0 <= index < len(leaves):
        raise InvalidInputError(f"expected an entry from 0 to {len(leaves) - 1}, got {index}")
    if len(leaves) == 1:
        return []
    split = _split(len(leaves))
    if index < split:
        return [*inclusion_proof(leaves[:split], index), root(leaves[split:])]
    return [*inclusion_proof(leaves[split:], index - split), root(leaves[:split])]


def consistency_proof(leaves: Sequence[bytes], earlier: int) -> list[bytes]:
    """Return the hashes that show that the first ``earlier`` entries are still the same.

    Raises
    ------
    InvalidInputError
        When ``earlier`` is not from 1 up to the number of entries.
    """
    if not 1 <= earlier <= len(leaves):
        raise InvalidInputError(f"expected an earlier size from 1 to {len(leaves)}, got {earlier}")
    return _subproof(leaves, earlier, whole=True)


def _subproof(leaves: Sequence[bytes], earlier: int, *, whole: bool) -> list[bytes]:
    if earlier == len(leaves):
        return [] if whole else [root(leaves)]
    split = _split(len(leaves))
    if earlier <= split:
        return [*_subproof(leaves[:split], earlier, whole=whole), root(leaves[split:])]
    return [*_subproof(leaves[split:], earlier - split, whole=False), root(leaves[:split])]


def inclusion_holds(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> bool:
    """Say whether the entry with hash ``leaf`` is number ``index`` of ``size`` under a root.

    After RFC 9162, section 2.1.3.2.
    """
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = _node(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = _node(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == expected


def consistency_holds(
    earlier: int, later: int, earlier_root: bytes, later_root: bytes, proof: Sequence[bytes]
) -> bool:
    """Say whether a tree of ``later`` entries begins with the ``earlier`` ones.

    After RFC 9162, section 2.1.4.2.
    """
    if not 0 < earlier <= later:
        return False
    if earlier == later:
        return not proof and earlier_root == later_root
    path = list(proof)
    if earlier & (earlier - 1) == 0:
        path = [earlier_root, *path]
    if not path:
        return False
    at, last = earlier - 1, later - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    one = other = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            one, other = _node(sibling, one), _node(sibling, other)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            other = _node(other, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and one == earlier_root and other == later_root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def _split(count: int) -> int:
    """Return the largest power of two below ``count``."""
    return 1 << (count - 1).bit_length() - 1
