"""Read questions: recall, the short test before and after, and predictions."""

from __future__ import annotations

from labkit.course.lab import Item, Option, Prediction, Recall
from labkit.course.tables import Table
from labkit.course.texts import is_bare_verdict

__all__ = ["read_item", "read_prediction", "read_recall"]


def read_recall(table: Table) -> Recall:
    """Return the recall question in ``table``."""
    recall = Recall(question=table.text("question"), options=_options(table), source=table.text("from", ""))
    table.finish()
    return recall


def read_item(table: Table) -> Item:
    """Return the item of the short test in ``table``."""
    item = Item(
        form=table.choice("form", ("pre", "post")),
        question=table.text("question"),
        options=_options(table),
    )
    table.finish()
    return item


def read_prediction(table: Table) -> Prediction:
    """Return the prediction in ``table``."""
    prediction = Prediction(
        id=table.text("id"),
        question=table.text("question"),
        kind=table.choice("kind", ("number", "choice")),
        outcome=table.text("outcome"),
        unit=table.text("unit", ""),
        options=table.texts("options", default=()),
        tolerance=table.number("tolerance", 10.0),
    )
    if (prediction.kind == "choice") != (len(prediction.options) >= 2):
        raise table.error(
            "options" if prediction.options else "kind",
            "expected two or more options with kind 'choice', and none with kind 'number'",
        )
    if prediction.tolerance <= 0:
        raise table.error("tolerance", f"expected a tolerance above 0, got {prediction.tolerance}")
    table.finish()
    return prediction


def _options(table: Table) -> tuple[Option, ...]:
    options = tuple(_option(each) for each in table.tables("option", least=2))
    if not any(option.correct for option in options):
        raise table.error("question", "none of the options is correct")
    if all(option.correct for option in options):
        raise table.error("question", "every option is correct, so there is nothing to decide")
    return options


def _option(table: Table) -> Option:
    option = Option(text=table.text("text"), correct=table.boolean("correct"), why=table.text("why"))
    if is_bare_verdict(option.why):
        raise table.error("why", f"{option.why!r} says only right or wrong: say why")
    table.finish()
    return option
