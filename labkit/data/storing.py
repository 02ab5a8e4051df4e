"""Write a data set of the user's: everything in a folder aside, then one rename."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

from safetensors.torch import save_file

from labkit.core.errors import InvalidInputError, StorageError
from labkit.core.paths import data_dir, ensure_dir
from labkit.data.card import user_root
from labkit.data.dataset import Split, digest_of

__all__ = ["keep", "set_aside"]


def keep(name: str, source: Path, classes: tuple[str, ...], train: Split, test: Split) -> Path:
    """Store a data set, and return the path of its card.  It is there whole, or not at all.

    Raises
    ------
    InvalidInputError
        When another process took the name meanwhile.
    StorageError
        When the disk is full, read-only, or not ours.
    """
    root = ensure_dir(user_root())
    aside = None
    try:
        aside = Path(tempfile.mkdtemp(prefix="adding-", dir=data_dir()))
        tensors = {"train_x": train.x, "train_y": train.y, "test_x": test.x, "test_y": test.y}
        save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, aside / "data.safetensors")
        (aside / "card.toml").write_text(_card(name, source, classes, train, test), encoding="utf-8")
        aside.rename(root / name)
    except Exception as error:
        if aside is not None:
            shutil.rmtree(aside, ignore_errors=True)
        if (root / name).exists():
            raise InvalidInputError(f"expected a name that is free; {name!r} was taken meanwhile") from error
        raise StorageError(
            f"cannot keep the data set in {root}: {error}. "
            "Free some space, or set LABKIT_HOME to a folder you can write to."
        ) from error
    return root / name / "card.toml"


def set_aside(folder: Path) -> Path:
    """Move a folder out of the data sets in one step, and return where it is now."""
    try:
        aside = Path(tempfile.mkdtemp(prefix="removing-", dir=data_dir()))
        return folder.rename(aside / folder.name).parent
    except OSError as error:
        raise StorageError(f"cannot remove {folder}: {error.strerror}.") from error


def _card(name: str, source: Path, classes: tuple[str, ...], train: Split, test: Split) -> str:
    shown = str(source.resolve()).encode("ascii", "backslashreplace").decode()
    keys: dict[str, object] = {
        "name": name,
        "title": name.replace("-", " ").replace("_", " ").strip().capitalize() or name,
        "description": f"Your own data: {len(train) + len(test)} samples of {len(classes)} classes.",
        "source": shown,
        "licence": "not stated",
        "citation": "not stated",
        "kind": "safetensors",
        "shape": list(train.x.shape[1:]),
        "classes": list(classes),
        "sha256": digest_of(train, test),
        "hazards": "Brought by you: labkit checked its format, and not what it shows or whom it is about.",
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()]
    return "\n".join([*lines, "", "[splits]", f"train = {len(train)}", f"test = {len(test)}", ""])
