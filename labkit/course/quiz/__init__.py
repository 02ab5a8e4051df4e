"""The governance quiz: a bank of items, marking with reasons, forms, spaced practice, gain."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.course.quiz.answers import SURE, Given, given_answers
    from labkit.course.quiz.collection import bank, find_item, read_bank
    from labkit.course.quiz.forms import FORMS, Forms, draw_forms
    from labkit.course.quiz.gain import Gain, gain_band, gains
    from labkit.course.quiz.item import CONFIDENCE, KINDS, Item, Pair, Part, Source, Step
    from labkit.course.quiz.linting import Finding, ReadAgain, days_ahead, lint
    from labkit.course.quiz.marking import Marked, Reason, mark, shown_order
    from labkit.course.quiz.practice import Card, Proposal, cards, mastery, next_item
    from labkit.course.quiz.quiz import Quiz
    from labkit.course.quiz.tells import length_ranks

_MODULES = {
    "answers": ("SURE", "Given", "given_answers"),
    "collection": ("bank", "find_item", "read_bank"),
    "forms": ("FORMS", "Forms", "draw_forms"),
    "gain": ("Gain", "gain_band", "gains"),
    "item": ("CONFIDENCE", "KINDS", "Item", "Pair", "Part", "Source", "Step"),
    "linting": ("Finding", "ReadAgain", "days_ahead", "lint"),
    "marking": ("Marked", "Reason", "mark", "shown_order"),
    "practice": ("Card", "Proposal", "cards", "mastery", "next_item"),
    "quiz": ("Quiz",),
    "tells": ("length_ranks",),
}

__all__ = [
    "CONFIDENCE",
    "FORMS",
    "KINDS",
    "SURE",
    "Card",
    "Finding",
    "Forms",
    "Gain",
    "Given",
    "Item",
    "Marked",
    "Pair",
    "Part",
    "Proposal",
    "Quiz",
    "ReadAgain",
    "Reason",
    "Source",
    "Step",
    "bank",
    "cards",
    "days_ahead",
    "draw_forms",
    "find_item",
    "gain_band",
    "gains",
    "given_answers",
    "length_ranks",
    "lint",
    "mark",
    "mastery",
    "next_item",
    "read_bank",
    "shown_order",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
)
