"""Data set cards: what a data set is, where it comes from, and what it must not be used for."""

from __future__ import annotations

import re
import tomllib
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any

from labkit.core.errors import DeclarationError, InvalidInputError, UnknownNameError
from labkit.core.paths import content_dir, data_dir

__all__ = ["DatasetCard", "Feature", "cards", "find_card", "names", "read_card", "user_root"]


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of a table: ``low`` and ``high``, in ``unit``, become 0 and 1."""

    name: str
    unit: str
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """The declaration of a data set, read from ``card.toml``.

    Attributes
    ----------
    name, title, description : str
        What it is called, and what one sees in it.
    source, licence, citation : str
        Where it comes from, and under which terms.
    kind : str
        How the samples are obtained: ``"scikit-learn"``, ``"npz"``, ``"csv"`` or ``"safetensors"``.
    shape : tuple of int
        Shape of one input: ``(channels, height, width)`` or ``(features,)``.
    classes : tuple of str
        Names of the classes, in the order of the labels.
    splits : tuple of (str, int)
        Samples in ``train`` and ``test``.
    sha256 : str
        Digest of the loaded tensors, see ``Dataset.digest``.
    hazards : str
        What it must not be taken for.
    generator, seed : str and int, optional
        The module that rendered it, and the seed it was rendered with.
    features : tuple of Feature
        The columns of a table; empty for pictures.
    protected : str, optional
        The feature that a decision must not rest on.
    path : Path
        The card itself.
    """

    name: str
    title: str
    description: str
    source: str
    licence: str
    citation: str
    kind: str
    shape: tuple[int, ...]
    classes: tuple[str, ...]
    splits: tuple[tuple[str, int], ...]
    sha256: str
    hazards: str
    path: Path
    generator: str | None = None
    seed: int | None = None
    features: tuple[Feature, ...] = ()
    protected: str | None = None

    @property
    def origin(self) -> str:
        """``"bundled"`` for what ships with labkit, ``"yours"`` for what the user brought."""
        return "yours" if self.path.is_relative_to(user_root()) else "bundled"

    def samples(self, split: str) -> int:
        """How many samples a split has."""
        return dict(self.splits)[split]


def user_root() -> Path:
    """Return the folder of the user's own data sets."""
    return data_dir() / "datasets"


def read_card(path: Path) -> DatasetCard:
    """Read and check one card.

    Raises
    ------
    DeclarationError
        Naming file and line, when a key is missing, unknown or of the wrong type.
    """
    text = path.read_text(encoding="utf-8")
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        raise DeclarationError(path, int(found.group(1)) if found else None, f"not TOML: {error}") from None
    wanted = [field for field in fields(DatasetCard) if field.name != "path"]
    for key in table:
        if key not in {field.name for field in wanted}:
            known = ", ".join(field.name for field in wanted)
            raise DeclarationError(path, _line(text, key), f"unknown key {key!r}. Known: {known}.")
    values: dict[str, Any] = {"path": path}
    for field in wanted:
        if field.name in table:
            values[field.name] = _checked(path, text, field.name, table[field.name])
        elif field.default is MISSING:
            raise DeclarationError(path, None, f"the key {field.name!r} is missing")
    card = DatasetCard(**values)
    if card.name != path.parent.name:
        raise DeclarationError(
            path,
            _line(text, "name"),
            f"expected the name of its folder, {path.parent.name!r}; got {card.name!r}",
        )
    _check_features(card, text)
    return card


def _check_features(card: DatasetCard, text: str) -> None:
    known = [feature.name for feature in card.features]
    if known and (card.shape != (len(known),) or len(set(known)) < len(known)):
        raise DeclarationError(
            card.path,
            _line(text, "features"),
            f"expected a feature of its own for each of the {card.shape[0]} columns, got {len(set(known))}",
        )
    if card.protected is not None and card.protected not in known:
        raise DeclarationError(
            card.path, _line(text, "protected"), f"there is no feature called {card.protected!r}"
        )


def _features(value: Any) -> tuple[Feature, ...] | None:
    """Return the columns that a list of tables declares, or None when it declares none."""
    made = []
    for each in value if isinstance(value, list) else [None]:
        if not isinstance(each, dict) or set(each) != {"name", "unit", "low", "high"}:
            return None
        low, high = each["low"], each["high"]
        texts = isinstance(each["name"], str) and isinstance(each["unit"], str)
        if not (texts and all(isinstance(end, (int, float)) for end in (low, high)) and low < high):
            return None
        made.append(Feature(each["name"], each["unit"], float(low), float(high)))
    return tuple(made)


def _checked(path: Path, text: str, key: str, value: Any) -> Any:
    """Return ``value`` in the type that the card keeps for ``key``."""
    if (
        key == "shape"
        and isinstance(value, list)
        and value
        and all(isinstance(v, int) and v > 0 for v in value)
    ):
        return tuple(value)
    if (
        key == "classes"
        and isinstance(value, list)
        and len(value) > 1
        and all(isinstance(v, str) for v in value)
    ):
        return tuple(value)
    if (
        key == "splits"
        and isinstance(value, dict)
        and set(value) == {"train", "test"}
        and all(isinstance(v, int) and v > 0 for v in value.values())
    ):
        return tuple((split, value[split]) for split in ("train", "test"))
    if key == "seed" and isinstance(value, int):
        return value
    if key == "features" and (found := _features(value)) is not None:
        return found
    if (
        key not in {"shape", "classes", "splits", "seed", "features"}
        and isinstance(value, str)
        and value.strip()
    ):
        return value
    raise DeclarationError(path, _line(text, key), f"the value of {key!r} is not usable: {value!r}")


def _line(text: str, key: str) -> int | None:
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(rf"\s*(\[{re.escape(key)}\]|{re.escape(key)}\s*=)", line):
            return number
    return None


def cards() -> list[DatasetCard]:
    """Return every card, the bundled ones first, by name."""
    found = [
        read_card(path)
        for root in (content_dir("datasets"), user_root())
        if root.is_dir()
        for path in sorted(root.glob("*/card.toml"))
    ]
    seen: dict[str, DatasetCard] = {}
    for card in found:
        seen.setdefault(card.name, card)
    return list(seen.values())


def names() -> list[str]:
    """Return the name of every data set."""
    # A card carries the name of its folder, so a card that is damaged hides no other.
    roots = (content_dir("datasets"), user_root())
    found = [path.parent.name for root in roots if root.is_dir() for path in sorted(root.glob("*/card.toml"))]
    return list(dict.fromkeys(found))


def find_card(name: str) -> DatasetCard:
    """Return the card of one data set.

    Raises
    ------
    UnknownNameError
        When there is none of that name; it lists those that there are.
    """
    check_name(name)
    for root in (content_dir("datasets"), user_root()):
        path = root / name / "card.toml"
        if path.is_file():
            return read_card(path)
    raise UnknownNameError("data set", name, names())


def check_name(name: str) -> None:
    """Refuse a name that could not be a folder of its own."""
    if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", name):
        raise InvalidInputError(
            f"expected a name of lower-case letters, digits, '-' and '_', up to 40 of them; got {name!r}"
        )
