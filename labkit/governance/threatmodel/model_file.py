"""The file of a threat model: JSON, read strictly; what does not fit is refused and said where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from labkit.core.errors import DataFormatError, InvalidInputError, UnknownNameError
from labkit.governance.threatmodel.model import Asset, Element, Flow, Plan, SystemModel, Threat, Zone
from labkit.governance.threatmodel.risk import Control

__all__ = ["read_model", "write_model"]

FORMAT = "labkit threat model 1"
_LISTS = ("notes", "against")


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
    except (ValueError, RecursionError) as error:
        raise DataFormatError(f"expected a threat model as JSON: {error}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise DataFormatError(f"expected JSON with format {FORMAT!r}, as the studio exports it")
    try:
        if extra := set(data) - {"format", *SystemModel.__dataclass_fields__}:
            raise InvalidInputError(f"a threat model has no {', '.join(sorted(extra))}")
        return SystemModel(
            name=data.get("name"),  # type: ignore[arg-type] # checked with all the rest
            zones=_all(data, "zones", Zone),
            elements=_all(data, "elements", Element),
            flows=_all(data, "flows", Flow),
            threats=_all(data, "threats", Threat),
            assets=_all(data, "assets", Asset),
            plan=_plan(data.get("plan", {})),
        )
    except (TypeError, InvalidInputError, UnknownNameError) as error:
        raise DataFormatError(f"this is no whole threat model: {error}") from None


def _plan(value: Any) -> Plan:
    given = _fields(value, Plan)
    return Plan(**{**given, "controls": _all(given, "controls", Control), "chosen": _list(given, "chosen")})


def _all(data: Mapping[str, Any], name: str, kind: type) -> tuple[Any, ...]:
    return tuple(kind(**_fields(each, kind)) for each in _list(data, name))


def _fields(value: Any, kind: type) -> dict[str, Any]:
    """Return the fields of one record; the model checks what is in them."""
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"expected a table for each {kind.__name__}, got {value!r}")
    known = set(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    if extra := set(value) - known:
        raise InvalidInputError(f"{kind.__name__} has no {', '.join(sorted(extra))}")
    return {name: _list(value, name) if name in _LISTS else given for name, given in value.items()}


def _list(data: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    value = data.get(name, [])
    if not isinstance(value, list):
        raise InvalidInputError(f"expected {name} as a list, got {type(value).__name__}")
    return tuple(value)
