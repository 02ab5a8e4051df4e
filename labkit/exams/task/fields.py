"""Read the fields of a hand-in from ``task.toml``."""

from __future__ import annotations

from labkit.course.tables import Table
from labkit.exams.task.types import KINDS, Budget, HandInField

__all__ = ["DTYPES", "read_field"]

DTYPES = ("float32", "int64", "bool")
"""Types of the values of a tensor."""

_IN_A_TABLE = ("number", "choice", "choices", "text")
_MOST = {"tensor": 100_000, "choices": 200, "table": 200}
_TEXT = 600


def read_field(table: Table, *, column: bool = False) -> HandInField:
    """Return a field, or a column of a table.

    Raises
    ------
    DeclarationError
        Naming file and line: an unknown kind, or a key that its kind does not have.
    """
    kind = table.choice("kind", _IN_A_TABLE if column else KINDS)
    low, high = (table.number(key) if key in table else None for key in ("low", "high"))
    if low is not None and high is not None and low > high:
        raise table.error("high", f"expected high from {low:g} up, got {high:g}")
    field = HandInField(
        name=table.text("name"),
        kind=kind,
        about=table.text("about", "" if column else None),
        dtype=_dtype(table, kind),
        shape=_shape(table) if kind == "tensor" else (),
        low=low if kind in ("tensor", "number") else None,
        high=high if kind in ("tensor", "number") else None,
        architecture=table.text("architecture") if kind == "model" else "",
        options=table.texts("options", default=()) if kind in ("choice", "choices") else (),
        options_from=table.text("options_from", "") if kind in ("choice", "choices") else "",
        longest=table.integer("longest") if "longest" in table else _TEXT,
        most=table.integer("most") if "most" in table else _MOST.get(kind, 0),
        columns=_columns(table) if kind == "table" else (),
        budget=_budget(table.table("budget")) if kind == "tensor" and "budget" in table else None,
    )
    table.finish()
    if not field.name.isidentifier() or field.name.startswith("_"):
        raise table.error("name", f"expected a name that Python can call, got {field.name!r}")
    if kind in ("choice", "choices") and bool(field.options) == bool(field.options_from):
        raise table.error("kind", "expected exactly one of options and options_from")
    if len(set(field.options)) != len(field.options):
        raise table.error("options", "expected options that differ")
    return field


def _columns(table: Table) -> tuple[HandInField, ...]:
    columns = tuple(read_field(each, column=True) for each in table.tables("columns", least=1))
    if len({column.name for column in columns}) != len(columns):
        raise table.error("columns", "expected every column once")
    return columns


def _dtype(table: Table, kind: str) -> str:
    if kind == "tensor":
        return table.choice("dtype", DTYPES)
    return table.choice("dtype", ("float32", "int64"), "float32") if kind == "number" else ""


def _shape(table: Table) -> tuple[int | str, ...]:
    shape = table.listing("shape")
    for size in shape:
        if isinstance(size, bool) or not isinstance(size, int | str) or size == "":
            raise table.error("shape", f"expected sizes as whole numbers or words, got {size!r}")
    return tuple(shape)


def _budget(table: Table) -> Budget:
    budget = Budget(
        table.text("around"),
        table.choice("norm", ("linf", "l2", "l1", "l0")),
        table.number_or_text("epsilon"),
    )
    table.finish()
    return budget
