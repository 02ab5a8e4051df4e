"""Send what was sealed to the server that the form names, and keep its receipt."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labkit.core.errors import IntegrityError, LabkitError, StorageError
from labkit.core.paths import ensure_dir
from labkit.evidence.entry import digest_of
from labkit.exams.receiving.client import Client, ForgedError, receipt_of
from labkit.exams.sitting.receipts import SubmitReceipt

if TYPE_CHECKING:
    from labkit.exams.sitting.sitting import Sitting

__all__ = ["sent"]

_KEPT = "receipts/arrival.json"


def sent(sitting: Sitting, receipt: SubmitReceipt, *, send: bool) -> SubmitReceipt:
    """Return a receipt with what became of sending; nothing that goes wrong here undoes the sealing.

    Parameters
    ----------
    sitting : Sitting
    receipt : SubmitReceipt
        Of the sealed file.
    send : bool
        False only looks at whether it was sent before.
    """
    if sitting.form.receiver is None:
        return receipt
    if (known := _known(sitting, receipt.sha256)) is not None:
        return replace(receipt, arrival=known)
    if not send:
        return receipt
    try:
        arrival = _send(sitting, receipt)
    except ForgedError as error:
        return replace(receipt, problem=f"what answers is not the examiner's server: {error}")
    except LabkitError as error:
        return replace(receipt, problem=str(error).rstrip("."))
    return replace(receipt, arrival=arrival)


def _send(sitting: Sitting, receipt: SubmitReceipt) -> dict[str, Any]:
    path = sitting.folder / Path(receipt.file).name
    try:
        unchanged = digest_of(path.read_bytes()) == receipt.sha256
    except OSError as error:
        raise IntegrityError(f"cannot read {path}: {error.strerror}") from None
    if not unchanged:
        raise IntegrityError(f"{path} was altered after it was sealed; what is sent must be what was sealed")
    arrival = Client(sitting.form).send(path, receipt.sha256, receipt.size).as_json()
    try:
        with sitting.desk.locked():
            ensure_dir(sitting.desk.work / "receipts")
            sitting.desk.keep(_KEPT, arrival)
    except StorageError as error:
        # It arrived, whatever becomes of the paper about it.
        warnings.warn(
            f"it was received, and its receipt could not be kept here: {error} "
            "Submit again afterwards: the server gives the same receipt once more",
            stacklevel=2,
        )
    return arrival


def _known(sitting: Sitting, sha256: str) -> dict[str, Any] | None:
    """Return the receipt that is kept, if it is one."""
    try:
        return receipt_of(sitting.desk.kept(_KEPT), sitting.form, sha256).as_json()
    except IntegrityError:
        return None
