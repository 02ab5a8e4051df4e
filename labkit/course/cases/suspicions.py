"""What a record says of samples that somebody suspects, in whichever case."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

__all__ = ["positions_of", "suspicions"]

Record = dict[str, Any]


def positions_of(named: Any) -> list[int]:
    """Return the positions of samples that were named by a mask, ``(n,)`` bool, or by their positions."""
    given = torch.as_tensor(named)
    found: list[int] = (given.nonzero().flatten() if given.dtype == torch.bool else given).tolist()
    return found


def suspicions(verdicts: Sequence[str], suspects: Sequence[Any]) -> tuple[Record, Record]:
    """Return verdicts with the samples that show them: first how many, for the pack, then which."""
    positions = [positions_of(each) for each in suspects]
    said = [str(word) for word in verdicts]
    return {"verdicts": said, "suspects_named": [len(each) for each in positions]}, {
        "verdicts": said,
        "suspects": positions,
    }
