"""The objective items of an exam: reading, variants, what a candidate sees, marking, linting."""

from labkit.core.lazy import lazy_exports

TYPE_CHECKING = False
if TYPE_CHECKING:
    from labkit.exams.bank.collection import Bank, read_bank
    from labkit.exams.bank.counting import Coverage, coverage
    from labkit.exams.bank.enemies import Enemies, crowding
    from labkit.exams.bank.filling import filled
    from labkit.exams.bank.guessing import Guesses, guess
    from labkit.exams.bank.item import (
        GROUPS,
        KINDS,
        LEVELS,
        STATUS,
        BankItem,
        Exhibit,
        Mistake,
        Number,
        Paper,
        Variant,
    )
    from labkit.exams.bank.linting import DATED, FINDINGS, lint
    from labkit.exams.bank.marking import mark, right_answer
    from labkit.exams.bank.revisions import item_digest, record_revisions
    from labkit.exams.bank.views import blank_order, public_view, sizes

_MODULES = {
    "collection": ("Bank", "read_bank"),
    "counting": ("Coverage", "coverage"),
    "enemies": ("Enemies", "crowding"),
    "filling": ("filled",),
    "guessing": ("Guesses", "guess"),
    "item": (
        "GROUPS",
        "KINDS",
        "LEVELS",
        "STATUS",
        "BankItem",
        "Exhibit",
        "Mistake",
        "Number",
        "Paper",
        "Variant",
    ),
    "linting": ("DATED", "FINDINGS", "lint"),
    "marking": ("mark", "right_answer"),
    "revisions": ("item_digest", "record_revisions"),
    "views": ("blank_order", "public_view", "sizes"),
}

__all__ = [
    "DATED",
    "FINDINGS",
    "GROUPS",
    "KINDS",
    "LEVELS",
    "STATUS",
    "Bank",
    "BankItem",
    "Coverage",
    "Enemies",
    "Exhibit",
    "Guesses",
    "Mistake",
    "Number",
    "Paper",
    "Variant",
    "blank_order",
    "coverage",
    "crowding",
    "filled",
    "guess",
    "item_digest",
    "lint",
    "mark",
    "public_view",
    "read_bank",
    "record_revisions",
    "right_answer",
    "sizes",
]

__getattr__, __dir__ = lazy_exports(
    __name__, {name: f"{__name__}.{module}" for module, names in _MODULES.items() for name in names}
)
