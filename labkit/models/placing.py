"""Let a victim compute where it is fastest: on a graphics processor, when there is one."""

from __future__ import annotations

import copy

import torch

from labkit.core.errors import InvalidInputError
from labkit.core.protocols import Classifier
from labkit.models.classifier import TorchClassifier

__all__ = ["find_device", "placed"]


def find_device(device: str = "auto") -> torch.device:
    """Return the device of this name; ``"auto"`` is CUDA when there is one, else the processor.

    Raises
    ------
    InvalidInputError
        When there is no such device here.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise InvalidInputError(
            f"expected a device that is here, got {device!r} "
            f"({str(error).splitlines()[0]}): use 'auto' or 'cpu'"
        ) from None
    return found


def placed(model: Classifier, device: str = "auto") -> Classifier:
    """Return a copy of the victim that computes on ``device``, or the victim itself where it already does.

    Attacks keep their tensors, and draw their random numbers, on the processor; only what the
    network computes goes over.  So the same seed starts from the same points everywhere, and
    results differ by rounding.

    Parameters
    ----------
    model : Classifier
        Left as it is.  Only a bare :class:`TorchClassifier` is copied over: a defense in front
        of a model may do anything with its input, and stays where it is.
    device : str
        As for :func:`find_device`.
    """
    where = find_device(device)
    if type(model) is not TorchClassifier or model.device.type == where.type:
        return model  # where it should be, or nothing that can be moved
    module = copy.deepcopy(model.module).to(where)
    return TorchClassifier(module, model.input_shape, model.classes, model.bounds)
