"""Measure what a participant hands in, with the functions of the lab's ``case.py``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from labkit.core.errors import DeclarationError, InvalidInputError, LabkitError
from labkit.course.lab import Checkpoint, Lab
from labkit.course.modules import load_module
from labkit.scoring import Feedback, Measurement, judge

__all__ = ["artefact_names", "measure"]


def measure(lab: Lab, checkpoint: Checkpoint, case: Any, artefacts: Mapping[str, Any]) -> Feedback:
    """Measure ``artefacts`` on ``case`` and judge them by the rules of ``checkpoint``.

    Raises
    ------
    InvalidInputError
        When an artefact is missing, unknown, or cannot be measured.
    """
    function = _measure_of(lab, checkpoint)
    _check_names(checkpoint, artefacts, artefact_names(lab, checkpoint))
    try:
        measurement = function(case, **{name: _plain(value) for name, value in artefacts.items()})
    except LabkitError:
        raise
    except Exception as error:
        # What a participant made may fail in any way; they need to know that it was theirs.
        raise InvalidInputError(
            f"{checkpoint.title}: what you handed in could not be measured. "
            f"{type(error).__name__}: {error}. This checkpoint takes {', '.join(artefacts)}."
        ) from error
    return judge(
        checkpoint.id,
        measurement,
        checkpoint.target,
        checkpoint.rules,
        title=checkpoint.title,
        unit=checkpoint.unit,
    )


def artefact_names(lab: Lab, checkpoint: Checkpoint) -> list[str]:
    """Return the names of what is handed in for ``checkpoint``."""
    return list(inspect.signature(_measure_of(lab, checkpoint)).parameters)[1:]


def _measure_of(lab: Lab, checkpoint: Checkpoint) -> Callable[..., Measurement]:
    table = load_module(lab, "case").MEASURES
    if checkpoint.metric not in table:
        raise DeclarationError(
            lab.folder / "case.py",
            None,
            f"MEASURES has no {checkpoint.metric!r}, which checkpoint {checkpoint.id!r} names. "
            f"Known: {', '.join(table)}.",
        )
    return table[checkpoint.metric]


def _check_names(checkpoint: Checkpoint, given: Mapping[str, Any], wanted: list[str]) -> None:
    if set(given) != set(wanted):
        call = ", ".join(f"{name}=..." for name in wanted)
        raise InvalidInputError(
            f"the checkpoint {checkpoint.id!r} takes {', '.join(wanted)}; "
            f"got {', '.join(given) or 'nothing'}. Write lab.check({checkpoint.id!r}, {call})."
        )


def _plain(value: Any) -> Any:
    """Return a tensor without its gradient, an array as a tensor, anything else as it is."""
    import numpy as np
    import torch

    if isinstance(value, np.ndarray):
        value = torch.as_tensor(value)
        return value.float() if value.is_floating_point() else value
    return value.detach() if isinstance(value, torch.Tensor) else value
