"""What to practise next: what was missed, when it is about to be forgotten; else something new.

A card is made when an item is missed, or right by a guess.  The free spaced repetition
scheduler (the package ``fsrs``, FSRS-6 with its default parameters and without randomness)
says when it is due; it is replayed from the log, so nothing has to be kept beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fsrs import Card as FsrsCard
from fsrs import Rating, Scheduler

from labkit.core import derive
from labkit.course.lab import DOMAINS
from labkit.course.quiz.answers import Given
from labkit.course.quiz.item import Item

__all__ = ["Card", "Proposal", "cards", "mastery", "next_item"]


@dataclass(frozen=True, slots=True)
class Card:
    """An item that is being repeated.

    Attributes
    ----------
    item : str
    due : datetime
        When it should come up again.
    retrievability : float
        Probability that it would be remembered now, 0 to 1.
    reviews, lapses : int
        How often it came up since it was first missed, and how often it was missed.
    """

    item: str
    due: datetime
    retrievability: float
    reviews: int
    lapses: int

    def is_due(self, now: datetime) -> bool:
        """Return whether it should come up by now."""
        return self.due <= now


@dataclass(frozen=True, slots=True)
class Proposal:
    """The item to practise next, and why just this one."""

    item: Item
    why: str
    repeated: bool


def cards(given: Iterable[Given], now: datetime | None = None) -> dict[str, Card]:
    """Return the card of every item that was missed or guessed, the one that is due first in front.

    Parameters
    ----------
    given : iterable of Given
        Answers, oldest first.
    now : datetime, optional
        With a time zone; by default the present.
    """
    now = datetime.now(UTC) if now is None else now
    scheduler = Scheduler(enable_fuzzing=False)
    running: dict[str, FsrsCard] = {}
    counts: dict[str, tuple[int, int]] = {}
    for answer in given:
        rating = _rating(answer)
        if answer.item not in running:
            if rating not in (Rating.Again, Rating.Hard):
                continue
            running[answer.item] = FsrsCard(card_id=len(running), due=answer.at)
        running[answer.item], _ = scheduler.review_card(running[answer.item], rating, answer.at)
        reviews, lapses = counts.get(answer.item, (0, 0))
        counts[answer.item] = (reviews + 1, lapses + (rating == Rating.Again))
    found = [
        Card(name, card.due, scheduler.get_card_retrievability(card, now), *counts[name])
        for name, card in running.items()
    ]
    return {card.item: card for card in sorted(found, key=lambda card: (card.due, card.item))}


def mastery(given: Iterable[Given], items: Mapping[str, Item]) -> dict[str, float]:
    """Return for each domain the expected share of right answers, from the last answer to each item.

    Before the first answer it is one half; two thoughts, one right and one wrong, are taken for
    granted (Laplace's rule), so that a single answer does not decide.
    """
    last = {answer.item: answer.credit for answer in given if answer.item in items}
    found = {}
    for domain in DOMAINS:
        credits = [credit for name, credit in last.items() if items[name].domain == domain]
        found[domain] = (1 + sum(credits)) / (2 + len(credits))
    return found


def next_item(
    given: Sequence[Given],
    items: Mapping[str, Item],
    *,
    seed: int,
    now: datetime | None = None,
    withheld: Collection[str] = (),
    only_due: bool = False,
) -> Proposal | None:
    """Return what to practise next, or None when nothing is due and nothing new is left.

    Due cards come first, the one that is most nearly forgotten in front.  Then comes a new item
    from the domain with the lowest :func:`mastery`, of a difficulty that fits it.

    Parameters
    ----------
    given : sequence of Given
        Answers, oldest first.
    items : mapping of id to Item
    seed : int
        Settles ties, so that not everybody gets the same first item.
    now : datetime, optional
    withheld : collection of str
        Items that must not come up, such as those of a form that is still to be taken.
    only_due : bool
        Whether new items are left out: a review.
    """
    now = datetime.now(UTC) if now is None else now
    waiting = [
        card
        for card in cards(given, now).values()
        if card.is_due(now) and card.item in items and card.item not in withheld
    ]
    if waiting:
        card = min(waiting, key=lambda card: (card.retrievability, card.due, card.item))
        times = "once" if card.lapses == 1 else f"{card.lapses} times"
        missed = f"You missed it {times}" if card.lapses else "You guessed it"
        return Proposal(items[card.item], f"{missed}, and it is due again.", True)
    if only_due:
        return None
    seen = {answer.item for answer in given}
    fresh = [item for item in items.values() if item.id not in seen and item.id not in withheld]
    if not fresh:
        return None
    known = mastery(given, items)
    domain = min(
        {item.domain for item in fresh}, key=lambda name: (known[name], derive(seed, "quiz-domain", name))
    )
    fitting = 1 + 2 * known[domain]
    chosen = min(
        (item for item in fresh if item.domain == domain),
        key=lambda item: (round(abs(item.difficulty - fitting)), derive(seed, "quiz-new", item.id)),
    )
    return Proposal(chosen, "From the domain where you have most to gain.", False)


def _rating(answer: Given) -> Rating:
    if not answer.right:
        return Rating.Again
    return {"guess": Rating.Hard, "know": Rating.Easy}.get(answer.sure, Rating.Good)
