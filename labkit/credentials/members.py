"""What a signature covers: a document whose every member is defined, and its canonical form.

JSON-LD drops a member that no context defines before anything is signed; such a member could say
"proctored" today and "unproctored" tomorrow under the same signature.  So a document is only signed, and
only believed, when expanding and compacting it gives the same document back.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from labkit.core.errors import DataFormatError
from labkit.credentials.contexts import load

__all__ = ["canonical_rdf", "check_members"]

_ABSOLUTE = re.compile(r"[a-z][a-z0-9+.-]*:[^\s<>\"{}|\\^`]+", re.IGNORECASE)
# pyld has an error of its own, and lets others through on odd input; whatever it is, nothing was verified.
_UNREADABLE = (Exception,)
# As the contexts spell them.
_NO_TEXT = tuple(f"https://www.w3.org/2001/XMLSchema#{name}" for name in ("boolean", "integer"))
_MOST_OBJECTS = 400
# Every value is compared with all beside it: 5,000 in one list cost eight seconds.
_MOST_IN_A_LIST = 400
_MOST_VALUES = 5_000
# Objects without an id that hold such objects again: in one list, and in all.
_MOST_BRANCHING_AT_ONCE = 6
_MOST_BRANCHING = 12
_MOST_ORDERS = 5_000
"""Orders of objects that look alike, tried in half a second; a badge of ours needs none."""


def canonical_rdf(document: Mapping[str, Any]) -> bytes:
    """Return the RDF of a document as canonical N-Quads (RDFC-1.0).

    Raises
    ------
    DataFormatError
        When it has none, or so many objects without an id look alike that putting them in order would
        take for ever.
    """
    from pyld import jsonld

    try:
        dataset = jsonld.to_rdf(document, {"documentLoader": load, "base": ""})
        quads: str = _bounded().main(dataset, {"format": "application/n-quads"})
        return quads.encode("utf-8")
    except DataFormatError:
        raise
    except _UNREADABLE as error:
        raise DataFormatError(f"no JSON-LD: {type(error).__name__}") from None


def _bounded() -> Any:
    """Return the algorithm with an end to the orders that it tries.

    The form of the document promises none: RDF merges what is written in many ways, so objects that
    differ as JSON may be the same there.
    """
    from pyld.canon import URDNA2015

    class Bounded(URDNA2015):  # type: ignore[misc]
        left = _MOST_ORDERS

        def create_hash_to_related(self, node: str, issuer: Any) -> dict[str, list[str]]:
            found: dict[str, list[str]] = super().create_hash_to_related(node, issuer)
            self.left -= sum(math.factorial(len(alike)) for alike in found.values())
            if self.left < 0:
                raise DataFormatError("too many objects in it look alike: expected an id in each")
            return found

    return Bounded()


def check_members(document: Mapping[str, Any], contexts: list[str]) -> None:
    """Hold a document to ``contexts``: nothing in it may be left out of what is signed.

    Raises
    ------
    DataFormatError
        When it names other contexts, or a member that none of them defines, or has a form that means
        the same as another (an address that is not whole, an empty list, null, a number too long).
    """
    if document.get("@context") != contexts:
        raise DataFormatError(
            f"expected exactly the contexts {', '.join(contexts)}, got {document.get('@context')!r}"
        )
    if not contexts:
        raise DataFormatError("expected a context")
    body = {name: value for name, value in document.items() if name != "@context"}
    _check_form(body)
    lost = next(_differences(body, _there_and_back(document), ""), None)
    if lost is not None:
        raise DataFormatError(
            f"{lost} is defined by no context, or says nothing that could be signed: it is not covered by "
            "the signature and may have been changed"
        )


def _there_and_back(document: Mapping[str, Any]) -> dict[str, Any]:
    from pyld import jsonld

    options = {"documentLoader": load, "base": ""}
    try:
        expanded = jsonld.expand(document, options)
        _check_addresses(expanded)
        compacted: dict[str, Any] = jsonld.compact(expanded, {"@context": document["@context"]}, options)
    except _UNREADABLE as error:
        code = getattr(error, "code", None) or type(error).__name__
        raise DataFormatError(f"no JSON-LD under these contexts: {code}") from None
    return {name: value for name, value in compacted.items() if name != "@context"}


def _check_form(body: Any) -> None:
    """Refuse forms of which RDF keeps less than the whole, and graphs that take for ever to put in order."""
    count = branching = 0
    seen: set[str] = set()
    for number, (where, value) in enumerate(_walk(body, "")):
        if number > _MOST_VALUES:
            raise DataFormatError(f"expected at most {_MOST_VALUES} values")
        if isinstance(value, Mapping):
            count += 1
            branching += _branches(value)
            if isinstance(id := value.get("id"), str):
                if id in seen:
                    # RDF would merge them, so whoever splits an object in two keeps its signature.
                    raise DataFormatError(f"{where}: the id {id!r} stands in two objects")
                seen.add(id)
            odd = next((name for name in value if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name)), None)
            if odd is not None:
                raise DataFormatError(f"{where or 'the document'}: the member {odd!r} is no plain name")
        if value is None or value in ([], {}):
            raise DataFormatError(f"{where} is empty: leave it out")
        if isinstance(value, float) or (
            isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53
        ):
            raise DataFormatError(f"{where}: write the number as text, it would be rounded")
        if isinstance(value, list):
            _check_list(where, value)
    if branching > _MOST_BRANCHING:
        raise DataFormatError("expected an id in objects that hold others")
    if count > _MOST_OBJECTS:
        raise DataFormatError(f"expected at most {_MOST_OBJECTS} objects, got {count}")


def _check_list(where: str, values: list[Any]) -> None:
    if len(values) > _MOST_IN_A_LIST:
        raise DataFormatError(f"{where}: expected at most {_MOST_IN_A_LIST} values, got {len(values)}")
    if any(isinstance(each, list) for each in values):
        raise DataFormatError(f"{where}: a list in a list has no place here")
    plain = [each for each in values if not isinstance(each, Mapping)]
    # RDF keeps one of two and knows no list of one: both would hide a name from whoever reads the JSON.
    if len({(type(each), each) for each in plain}) < len(plain):
        raise DataFormatError(f"{where} holds the same value twice")
    if plain and len(values) == 1 and where.rpartition(".")[2] != "type":
        raise DataFormatError(f"{where}: a single value stands by itself, in no list")
    # They can be ordered in many ways, and to find the canonical one all would be tried.
    nested = [each for each in values if isinstance(each, Mapping) and "id" not in each]
    if sum(map(_branches, nested)) > _MOST_BRANCHING_AT_ONCE:
        raise DataFormatError(f"{where}: expected an id in objects that hold others")
    if any(each in nested[:at] for at, each in enumerate(nested)):
        raise DataFormatError(f"{where} holds the same object twice")


def _branches(value: Mapping[str, Any]) -> bool:
    inside = [one for each in value.values() for one in (each if isinstance(each, list) else [each])]
    return "id" not in value and any(isinstance(each, Mapping) and "id" not in each for each in inside)


def _walk(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    yield where, value
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _walk(each, f"{where}.{name}".lstrip("."))
    elif isinstance(value, list):
        for at, each in enumerate(value):
            yield from _walk(each, f"{where}[{at}]")


def _check_addresses(expanded: Any) -> None:
    """An address that is not whole makes a statement that RDF leaves out."""
    for where, value in _walk(expanded, ""):
        if not isinstance(value, Mapping):
            continue
        types = value.get("@type", [])
        if types in _NO_TEXT and isinstance(value.get("@value"), str):
            # The same statement as without quotes, and another thing in JSON.
            raise DataFormatError(f"{value['@value']!r} stands in quotes, and is no text")
        for address in [*value.keys(), *(types if isinstance(types, list) else [types]), value.get("@id")]:
            if address is None or (isinstance(address, str) and address.startswith("@")):
                continue
            if not isinstance(address, str) or not _ABSOLUTE.fullmatch(address):
                last = where.rpartition("/")[2].rpartition("#")[2] or "the document"
                raise DataFormatError(f"{last}: {address!r} is no whole address, so it cannot be signed")


def _differences(given: Any, back: Any, where: str) -> Iterator[str]:
    """Yield where ``back`` says less than ``given``; a list of one is the same as its only part."""
    given, back = _single(given), _single(back)
    if isinstance(given, Mapping) and isinstance(back, Mapping):
        for name in given:
            if name in back:
                yield from _differences(given[name], back[name], f"{where}.{name}".lstrip("."))
            else:
                yield f"{where}.{name}".lstrip(".")
        yield from (f"{where}.{name}".lstrip(".") for name in back if name not in given)
    elif isinstance(given, list) and isinstance(back, list) and len(given) == len(back):
        for at, (one, other) in enumerate(zip(given, back, strict=True)):
            yield from _differences(one, other, f"{where}[{at}]")
    elif type(given) is not type(back) or given != back:
        yield where


def _single(value: Any) -> Any:
    return value[0] if isinstance(value, list) and len(value) == 1 else value
