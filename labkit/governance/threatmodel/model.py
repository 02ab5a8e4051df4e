"""A system as a data-flow diagram, and the threats that were found in it.

Elements are external entities, processes and stores; flows carry data between them; zones
are what lies inside one trust boundary.  The file format is JSON, read strictly: what does
not fit is refused with the place where it stands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from labkit.core.errors import DataFormatError, InvalidInputError, UnknownNameError

__all__ = ["KINDS", "Element", "Flow", "SystemModel", "Threat", "Zone", "read_model", "write_model"]

KINDS = ("external", "process", "store")
FORMAT = "labkit threat model 1"
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Zone:
    """Everything inside one trust boundary."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Element:
    """A part of the system; ``kind`` is one of :data:`KINDS`, ``notes`` say how it is built."""

    id: str
    name: str
    kind: str
    zone: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Flow:
    """Data that go from one element to another."""

    id: str
    source: str
    target: str
    data: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Threat:
    """One finding: what may go wrong where, how bad it is, who sees to it, and what helps.

    Attributes
    ----------
    target : str
        Id of an element or a flow.
    category : str
        A letter of STRIDE.
    technique, mitigation : str
        ATLAS ids; empty where none was chosen.
    likelihood, impact : int
        From 1 to 5; 0 while it was not rated.
    owner : str
    """

    target: str
    category: str
    technique: str = ""
    mitigation: str = ""
    likelihood: int = 0
    impact: int = 0
    owner: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Where and what: two findings with one key are the same."""
        return self.target, self.category


@dataclass(frozen=True, slots=True)
class SystemModel:
    """A system and what was found in it.

    Raises
    ------
    InvalidInputError
        When an id is used twice, or something refers to what is not there.
    """

    name: str
    zones: tuple[Zone, ...] = ()
    elements: tuple[Element, ...] = ()
    flows: tuple[Flow, ...] = ()
    threats: tuple[Threat, ...] = field(default=())

    def __post_init__(self) -> None:
        _check_text("name", self.name)
        seen: set[str] = set()
        for id in (
            *(zone.id for zone in self.zones),
            *(element.id for element in self.elements),
            *(flow.id for flow in self.flows),
        ):
            if id in seen:
                raise InvalidInputError(f"the id {id!r} is used twice in the threat model")
            seen.add(id)
        zones, elements = {zone.id for zone in self.zones}, {element.id for element in self.elements}
        for element in self.elements:
            _check_text("name of an element", element.name)
            if element.kind not in KINDS:
                raise UnknownNameError("kind of element", element.kind, KINDS)
            if element.zone not in zones:
                raise UnknownNameError(f"zone of {element.name!r}", element.zone, sorted(zones))
        for flow in self.flows:
            for end in (flow.source, flow.target):
                if end not in elements:
                    raise UnknownNameError(f"end of the flow {flow.data!r}", end, sorted(elements))
            if flow.source == flow.target:
                raise InvalidInputError(f"expected the flow {flow.data!r} between two elements, got one")
        self._check_threats({*elements, *(flow.id for flow in self.flows)})

    def _check_threats(self, targets: set[str]) -> None:
        keys = [threat.key for threat in self.threats]
        if len(set(keys)) < len(keys):
            raise InvalidInputError("expected each threat once: one element or flow, one category")
        for threat in self.threats:
            if threat.target not in targets:
                raise UnknownNameError("element or flow of a threat", threat.target, sorted(targets))
            if threat.category not in "STRIDE" or len(threat.category) != 1:
                raise UnknownNameError("STRIDE category", threat.category, tuple("STRIDE"))
            for name, value in (("likelihood", threat.likelihood), ("impact", threat.impact)):
                if not isinstance(value, int) or not 0 <= value <= 5:
                    raise InvalidInputError(f"expected {name} from 1 to 5 (0: not rated), got {value!r}")

    def find(self, id: str) -> Element | Flow:
        """Return the element or flow with this id."""
        parts: tuple[Element | Flow, ...] = (*self.elements, *self.flows)
        for each in parts:
            if each.id == id:
                return each
        raise UnknownNameError("element or flow", id, [each.id for each in parts])

    def title(self, id: str) -> str:
        """Return what an element or flow is called: a flow by its two ends."""
        found = self.find(id)
        if isinstance(found, Element):
            return found.name
        names = {element.id: element.name for element in self.elements}
        return f"{names[found.source]} → {names[found.target]}"

    def crosses(self, flow: Flow) -> bool:
        """Whether a flow crosses a trust boundary."""
        zones = {element.id: element.zone for element in self.elements}
        return zones[flow.source] != zones[flow.target]


def write_model(model: SystemModel) -> str:
    """Return a threat model as JSON."""
    return json.dumps({"format": FORMAT, **asdict(model)}, indent=1, ensure_ascii=False)


def read_model(text: str) -> SystemModel:
    """Read what :func:`write_model` wrote.

    Raises
    ------
    DataFormatError
        When the text is no threat model; the message says where.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise DataFormatError(f"expected a threat model as JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DataFormatError(f"expected JSON with format {FORMAT!r}, as the studio exports it")
    try:
        return SystemModel(
            name=_text(data, "name"),
            zones=tuple(Zone(**_only(each, Zone)) for each in _list(data, "zones")),
            elements=tuple(Element(**_only(each, Element)) for each in _list(data, "elements")),
            flows=tuple(Flow(**_only(each, Flow)) for each in _list(data, "flows")),
            threats=tuple(Threat(**_only(each, Threat)) for each in _list(data, "threats")),
        )
    except (TypeError, InvalidInputError, UnknownNameError) as error:
        raise DataFormatError(f"this is no whole threat model: {error}") from None


def _only(value: Any, kind: type) -> dict[str, Any]:
    """Return the fields of one record, with texts as texts and lists of texts as tuples."""
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"expected a table for each {kind.__name__}, got {value!r}")
    known = set(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    if extra := set(value) - known:
        raise InvalidInputError(f"{kind.__name__} has no {', '.join(sorted(extra))}")
    made: dict[str, Any] = {}
    for name, given in value.items():
        if name == "notes":
            made[name] = tuple(_check_text("a note", each) for each in given)
        elif name in ("likelihood", "impact"):
            made[name] = given
        else:
            made[name] = _check_text(name, given, empty=name not in ("id", "name"))
    return made


def _list(data: Mapping[str, Any], name: str) -> list[Any]:
    value = data.get(name, [])
    if not isinstance(value, list) or len(value) > 500:
        raise InvalidInputError(f"expected {name} as a list of up to 500, got {type(value).__name__}")
    return value


def _text(data: Mapping[str, Any], name: str) -> str:
    return _check_text(name, data.get(name))


def _check_text(name: str, value: Any, *, empty: bool = False) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST or not (value.strip() or empty):
        raise InvalidInputError(f"expected {name} as a text of 1 to {_LONGEST} characters, got {value!r}")
    return value
