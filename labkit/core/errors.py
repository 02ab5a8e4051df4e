"""Every error that labkit raises, in one tree.

::

    LabkitError
    ├── InvalidInputError        an argument is wrong (also a ValueError)
    ├── UnknownNameError         a name that no table holds (also a LookupError)
    ├── DeclarationError         a lab.toml, card.toml or standards list is wrong: file and line
    ├── BuildError               a notebook cannot be built from its source: the cell that fails
    ├── DataFormatError          a file that a user brought cannot be read as what it claims to be
    ├── IntegrityError           bytes do not match the digest that was declared for them
    ├── QueryBudgetError         a victim was asked more often than its budget allows
    ├── EngineNotInstalledError  an optional package is missing; says how to install it
    └── StorageError             the disk is full, read-only or not ours

A message says what was expected, what came, which values are known, and what to do next.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

__all__ = [
    "BuildError",
    "DataFormatError",
    "DeclarationError",
    "EngineNotInstalledError",
    "IntegrityError",
    "InvalidInputError",
    "LabkitError",
    "QueryBudgetError",
    "StorageError",
    "UnknownNameError",
]


class LabkitError(Exception):
    """Base of every error that labkit raises on purpose.

    In a notebook a participant sees the message, not our traceback: IPython asks an
    exception for ``_render_traceback_`` before it prints one.
    """

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}: {self}"]


class InvalidInputError(LabkitError, ValueError):
    """An argument has the wrong type, shape, range or value."""


class UnknownNameError(LabkitError, LookupError):
    """A name that is in no table: says which names are, and the closest one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        # Only somebody who mistypes pays for this import.
        import difflib

        self.kind, self.name, self.known = kind, name, sorted(known)
        close = difflib.get_close_matches(name, self.known, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        listed = ", ".join(self.known) or "none"
        super().__init__(f"there is no {kind} called {name!r}.{hint} Known: {listed}.")


class DeclarationError(LabkitError):
    """A declaration file is wrong.  The message starts with ``file:line``."""

    def __init__(self, path: Path | str, line: int | None, problem: str) -> None:
        self.path, self.line, self.problem = Path(path), line, problem
        where = f"{path}:{line}" if line else str(path)
        super().__init__(f"{where}: {problem}")


class BuildError(LabkitError):
    """A notebook cannot be built from its source."""


class DataFormatError(LabkitError, ValueError):
    """A file that a user brought is not what it claims to be."""


class IntegrityError(LabkitError):
    """Bytes on disk do not have the digest that was declared for them."""


class QueryBudgetError(LabkitError):
    """A victim was asked more often than its query budget allows."""


class EngineNotInstalledError(LabkitError, ImportError):
    """An optional engine is not installed."""

    def __init__(self, engine: str, extra: str) -> None:
        super().__init__(
            f"the engine {engine!r} is not installed. Install it with: pip install 'labkit[{extra}]'"
        )


class StorageError(LabkitError, OSError):
    """Something could not be kept: the disk is full, read-only or not ours."""
