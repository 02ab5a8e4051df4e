"""Read a TOML file key by key: every mistake becomes an error with file and line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from labkit.core.errors import DeclarationError
from labkit.course.locate import Place, locate

__all__ = ["Source", "Table", "read_source"]

_LINE = re.compile(r"\(at line (\d+)")


class Source:
    """The text of a declaration, and the line of everything in it."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._lines = locate(text)

    def line(self, place: Place) -> int:
        """Return the line of ``place``, or of the nearest table around it."""
        while place not in self._lines:
            place = place[:-1]
        return self._lines[place]

    def error(self, place: Place, problem: str) -> DeclarationError:
        return DeclarationError(self.path, self.line(place), problem)


def read_source(path: Path) -> Table:
    """Return the top table of a TOML file.

    Raises
    ------
    DeclarationError
        When the file is missing, is not UTF-8, or is not TOML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DeclarationError(path, None, f"expected a readable UTF-8 file: {error}") from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = _LINE.search(str(error))
        line = int(found[1]) if found else len(text.splitlines())
        raise DeclarationError(path, line, f"not valid TOML: {error}") from None
    return Table(data, Source(path, text), ())


class Table:
    """One table of the file.  Each key is asked for by the type it must have.

    :meth:`finish` reports the keys that nobody asked for.
    """

    def __init__(self, data: dict[str, Any], source: Source, place: Place) -> None:
        self.source, self.place = source, place
        self._data = data
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._data

    def error(self, key: str, problem: str) -> DeclarationError:
        return self.source.error((*self.place, key), problem)

    def text(self, key: str, default: str | None = None) -> str:
        value = self._get(key, (str,), "a text", default)
        if not value.strip() and default is None:
            raise self.error(key, f"expected {key!r} to say something, got an empty text")
        return value

    def choice(self, key: str, known: Sequence[str], default: str | None = None) -> str:
        value = self.text(key, default)
        if value not in known:
            raise self.error(key, f"expected {key!r} to be one of {', '.join(known)}; got {value!r}")
        return value

    def integer(self, key: str, *, least: int = 1) -> int:
        value = self._get(key, (int,), "a whole number", None)
        if value < least:
            raise self.error(key, f"expected {key!r} to be at least {least}, got {value}")
        return value

    def number(self, key: str, default: float | None = None) -> float:
        value = float(self._get(key, (int, float), "a number", default))
        if value != value or value in (float("inf"), float("-inf")):
            raise self.error(key, f"expected {key!r} as a finite number, got {value}")
        return value

    def boolean(self, key: str) -> bool:
        return self._get(key, (bool,), "true or false", None)

    def texts(self, key: str, *, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        values = self._get(key, (list, tuple), "a list of texts", default)
        for value in values:
            if not isinstance(value, str) or not value.strip():
                raise self.error(key, f"expected {key!r} as a list of texts, got {value!r} in it")
        return tuple(values)

    def number_or_text(self, key: str) -> float | str:
        """Return a number, or the text that stands for one."""
        return self.text(key) if isinstance(self._data.get(key), str) else self.number(key)

    def listing(self, key: str) -> list[Any]:
        """Return a list whose values are free."""
        return self._get(key, (list,), "a list", None)

    def mapping(self, key: str) -> dict[str, Any]:
        """Return a table whose keys are free."""
        return self._get(key, (dict,), "a table", {})

    def table(self, key: str) -> Table:
        return Table(self._get(key, (dict,), f"a table [{key}]", None), self.source, (*self.place, key))

    def tables(self, key: str, *, least: int = 0) -> Iterator[Table]:
        values = self._get(key, (list,), f"tables [[{key}]]", [])
        if len(values) < least:
            raise self.error(key, f"expected at least {least} [[{key}]], got {len(values)}")
        for position, value in enumerate(values):
            if not isinstance(value, dict):
                raise self.error(key, f"expected tables [[{key}]], got {value!r}")
            yield Table(value, self.source, (*self.place, key, position))

    def finish(self) -> None:
        """Report the first key that is not known here."""
        for key in self._data:
            if key in self._asked:
                continue
            close = difflib.get_close_matches(key, self._asked, n=1)
            hint = f" Did you mean {close[0]!r}?" if close else ""
            raise self.error(key, f"unknown key {key!r}.{hint} Known: {', '.join(sorted(self._asked))}.")

    def _get(self, key: str, types: tuple[type, ...], wanted: str, default: Any) -> Any:
        self._asked.add(key)
        if key not in self._data:
            if default is None:
                raise self.error(key, f"the key {key!r} is missing: expected {wanted}")
            return default
        value = self._data[key]
        # bool is an int in Python, and `minutes = true` is no number.
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            raise self.error(key, f"expected {key!r} as {wanted}, got {value!r}")
        return value
