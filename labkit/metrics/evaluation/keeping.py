"""Keep an evaluation on disk after each stage, so that one that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from labkit.core.errors import InvalidInputError
from labkit.core.files import write_whole
from labkit.core.protocols import Classifier
from labkit.core.threat import ThreatModel
from labkit.metrics.evaluation.report import StageResult
from labkit.metrics.evaluation.stages import Stage

__all__ = ["Kept", "fingerprint"]


def fingerprint(
    model: Classifier,
    x: Tensor,
    y: Tensor,
    threat: ThreatModel,
    stages: Sequence[Stage],
    seed: int,
    precision: str,
) -> str:
    """Return what an evaluation is recognised by: inputs, answers of the victim, attacks and seed."""
    whole = hashlib.sha256()
    for tensor in (x, y, model.logits(x).double().round(decimals=3)):
        whole.update(str((tuple(tensor.shape), tensor.dtype)).encode())
        whole.update(tensor.contiguous().numpy().tobytes())
    plan = [
        [stage.name, sorted((key, repr(value)) for key, value in stage.params.items())] for stage in stages
    ]
    whole.update(json.dumps([threat.norm.value, threat.epsilon, plan, seed, precision]).encode())
    return whole.hexdigest()


class Kept:
    """The state of one evaluation in one file of safetensors; without a path nothing is kept."""

    def __init__(self, path: Path | str | None, print_: str) -> None:
        self._path = None if path is None else Path(path)
        self._print = print_

    def load(self, x_adv: Tensor, broken_by: Tensor) -> tuple[Tensor, Tensor, list[StageResult]]:
        """Return what was kept, or what was handed in where nothing was.

        Raises
        ------
        InvalidInputError
            When the file belongs to another evaluation, or is none.
        """
        if self._path is None or not self._path.exists():
            return x_adv, broken_by, []
        try:
            with safe_open(self._path, framework="pt") as kept:
                about = json.loads((kept.metadata() or {}).get("evaluation", "{}"))
                tensors = {name: kept.get_tensor(name) for name in kept.keys()}  # noqa: SIM118 - no mapping
        except (SafetensorError, OSError, ValueError) as error:
            raise InvalidInputError(
                f"expected the state of an evaluation in {self._path}, got a file that cannot be read "
                f"({error}): remove it, or choose another"
            ) from None
        if about.get("fingerprint") != self._print:
            raise InvalidInputError(
                f"{self._path} keeps another evaluation (other inputs, victim, attacks or seed): "
                "remove it to begin anew, or choose another file"
            )
        stages = [StageResult(**stage) for stage in about["stages"]]
        return tensors["x_adv"], tensors["broken_by"], stages

    def store(self, x_adv: Tensor, broken_by: Tensor, stages: Sequence[StageResult]) -> None:
        """Replace what is kept, whole or not at all."""
        if self._path is None:
            return
        about = {
            "fingerprint": self._print,
            "stages": [
                {"name": each.name, "params": dict(each.params), "tried": each.tried, "broken": each.broken}
                for each in stages
            ],
        }
        tensors = {"x_adv": x_adv.contiguous(), "broken_by": broken_by.to(torch.int64)}
        write_whole(self._path, save(tensors, {"evaluation": json.dumps(about)}))
