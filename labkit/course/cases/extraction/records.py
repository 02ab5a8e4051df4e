"""What was handed in to the extraction lab, written so that somebody else can measure it again.

A record is plain data: solved weights, the weights of a copy, the settings of a defence, verdicts with
their p-values and keys.  :func:`handed_in_again` makes artefacts of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from labkit.course.cases.extraction.case import ExtractionCase
from labkit.course.cases.extraction.guarding import Guard

__all__ = ["RECORDS", "handed_in_again"]

Record = dict[str, Any]


def _exact(case: ExtractionCase, weights: Tensor, bias: Tensor) -> tuple[Record, Record]:
    found = {"weights": torch.as_tensor(weights).tolist(), "bias": torch.as_tensor(bias).tolist()}
    return {"values": torch.as_tensor(weights).numel()}, found


def _steal(case: ExtractionCase, architecture: str, weights: Mapping[str, Tensor]) -> tuple[Record, Record]:
    # What a float of 32 bits is, a float of 64 bits is as well: nothing is rounded.
    parts = {name: torch.as_tensor(part).tolist() for name, part in weights.items()}
    values = sum(torch.as_tensor(part).numel() for part in weights.values())
    return {"architecture": architecture, "values": values}, {"architecture": architecture, "weights": parts}


def _guard(case: ExtractionCase, **settings: Any) -> tuple[Record, Record]:
    whole = Guard(**settings).settings()
    return whole, whole


def _dispute(
    case: ExtractionCase, verdicts: Sequence[str], p_values: Sequence[float], x_keys: Tensor, y_keys: Tensor
) -> tuple[Record, Record]:
    said = {"verdicts": [str(word) for word in verdicts], "p_values": [float(p) for p in p_values]}
    keys = {"x_keys": torch.as_tensor(x_keys).tolist(), "y_keys": torch.as_tensor(y_keys).tolist()}
    return {**said, "keys": len(x_keys)}, {**said, **keys}


RECORDS: Mapping[str, Callable[..., tuple[Record, Record]]] = {
    "exact": _exact,
    "steal": _steal,
    "shield": _guard,
    "price": _guard,
    "dispute": _dispute,
}
"""For each checkpoint: a function from a case and what was handed in to parameters and the record."""


def handed_in_again(checkpoint: str, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a checkpoint takes, from what a record says was handed in.

    The meters of the services are not part of a record: the two thefts can be measured
    again by whoever has asked a question since.

    Parameters
    ----------
    checkpoint : str
    record : mapping
        Read from the JSON file of a checkpoint in an evidence pack.
    """
    kept = dict(record["handed_in"])
    if checkpoint == "exact":
        return {name: torch.tensor(kept[name], dtype=torch.float64) for name in ("weights", "bias")}
    if checkpoint == "steal":
        parts = {name: torch.tensor(part) for name, part in kept["weights"].items()}
        return {"architecture": kept["architecture"], "weights": parts}
    if checkpoint == "dispute":
        kept["x_keys"] = torch.tensor(kept["x_keys"])
        kept["y_keys"] = torch.tensor(kept["y_keys"], dtype=torch.int64)
    return kept
