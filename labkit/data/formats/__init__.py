"""The formats that a user's own data may come in: one module each, one table.

Readers need NumPy and Pillow only; a source is read, never unpacked or run.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from labkit.core.errors import DataFormatError, InvalidInputError, UnknownNameError
from labkit.data.formats import cifar, folder, idx, table
from labkit.data.formats.found import Found, Options, Samples

__all__ = ["FORMATS", "Found", "Options", "Samples", "guess", "read_source"]

_READERS: dict[str, tuple[ModuleType, frozenset[str]]] = {
    "idx": (idx, frozenset()),
    "cifar": (cifar, frozenset()),
    "csv": (table, frozenset({"label_column", "shape"})),
    "folder": (folder, frozenset({"size"})),
}
"""Module and options of every format, in the order in which a source is tried."""

FORMATS: tuple[str, ...] = tuple(_READERS)
"""The names of the formats."""


def guess(source: Path) -> str:
    """Return the format that a source looks like.

    Raises
    ------
    DataFormatError
        When it looks like none.
    """
    for name, (module, _) in _READERS.items():
        if module.holds(source):
            return name
    raise DataFormatError(
        f"{source}: looks like none of the formats: a folder with MNIST's IDX files (idx), CIFAR-10's binary "
        "version (cifar: a folder or tar.gz), a folder with a sub-folder of images for each class (folder), "
        "or a .csv file (csv). Say which one it is: --format NAME, or format=."
    )


def read_source(source: Path, format: str | None, options: Options) -> Found:
    """Read a source in one of the ``FORMATS``, guessed when it is ``None``.

    Raises
    ------
    InvalidInputError
        When there is no such source, or an option does not go with the format.
    UnknownNameError
        When there is no such format.
    DataFormatError
        When the source is not what it should be.
    """
    if not source.exists():
        raise InvalidInputError(f"expected a file or folder, and there is none at {source}")
    name = guess(source) if format is None else format
    if name not in _READERS:
        raise UnknownNameError("format", name, FORMATS)
    module, takes = _READERS[name]
    if odd := sorted(options.given - takes):
        raise InvalidInputError(
            f"the format {name!r} takes {', '.join(sorted(takes)) or 'no options'}; got {', '.join(odd)}"
        )
    found: Found = module.read(source, options)
    return found
