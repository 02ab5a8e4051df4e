"""What the quiz says: an item's head, the reasons after an answer, where one stands."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from labkit.course import DOMAINS
from labkit.course.quiz import Card, Gain, Item, Marked, Quiz, Reason, gain_band
from labkit.governance import standards
from labkit.ui.html import Fragment, badge, details, escape, table

__all__ = ["form_result", "item_head", "reasons", "standing"]

_LEVELS = {1: "basic", 2: "middle", 3: "hard"}
_KINDS = {"primary": "good", "secondary": "info", "background": "warn", "disputed": "bad"}


def item_head(item: Item, heading: str, note: str = "") -> str:
    """Return the heading of an item, its domain, and what is asked."""
    dated = f" <em>(Facts of {_say(item.as_of)}.)</em>" if item.timely else ""
    about = f"{DOMAINS[item.domain]}; {_LEVELS[item.difficulty]}"
    lines = f'<p class="lk-muted">{escape(note)}</p>' if note else ""
    return (
        f'<div class="lk"><h3>{escape(heading)}</h3>{lines}'
        f'<p class="lk-muted">{escape(about)}</p><p>{escape(item.question)}{dated}</p></div>'
    )


def reasons(item: Item, marked: Marked) -> str:
    """Return what came out, why for each option, pair or step, and where the facts were read."""
    if marked.right:
        verdict = badge("good", "right")
    elif marked.credit > 0:
        verdict = badge("warn", f"partly right, {round(100 * marked.credit)} %")
    else:
        verdict = badge("bad", "not right")
    parts = []
    for number in sorted({reason.part for reason in marked.reasons}):
        own = [reason for reason in marked.reasons if reason.part == number]
        head = f"<p><strong>{number + 1}.</strong></p>" if item.kind == "case" else ""
        tag = "ol" if item.kind == "ordering" else "ul"
        plain = "" if tag == "ol" else ' class="lk-plain"'
        parts.append(f"{head}<{tag}{plain}>{''.join(_line(item, reason) for reason in own)}</{tag}>")
    return f'<div class="lk" role="status"><p>{verdict}</p>{"".join(parts)}{_sources(item)}</div>'


def form_result(quiz: Quiz, form: str, items: Mapping[str, Item]) -> str:
    """Return the result of a form by domain, with the reasons for every item on request."""
    from labkit.course.quiz import mark

    given = {answer.item: answer for answer in quiz.given() if answer.form == form}
    shown = "".join(
        details(
            f"{'Right' if given[name].right else 'Not right'}: {items[name].question}",
            reasons(items[name], mark(items[name], given[name].answer)),
        )
        for name in quiz.forms().of(form)
        if name in given and name in items
    )
    return f'<div class="lk">{_gain_table(quiz.gains())}<h3>Item by item</h3>{shown}</div>'


def standing(quiz: Quiz, now: datetime | None = None) -> str:
    """Return the gain, the state of every domain, and what comes back when."""
    now = datetime.now(UTC) if now is None else now
    answered = len({answer.item for answer in quiz.given()})
    head = f"<p>You have answered {answered} different items; {len(quiz.due())} are due now.</p>"
    known = quiz.mastery()
    share = [(DOMAINS[name], f"{round(100 * value)} %") for name, value in known.items()]
    expected = table(
        "What you would be expected to get right, from your last answers (50 % before the first)",
        ("Domain", "Expected"),
        share,
    )
    return f'<div class="lk">{head}{_gain_table(quiz.gains())}{expected}{_deck(quiz.cards(), now)}</div>'


def _line(item: Item, reason: Reason) -> str:
    if item.kind in ("matching", "ordering") and reason.right:
        sign = badge("good", "as you had it") if reason.given else badge("bad", "not so in your answer")
        mine = ""
    else:
        sign = badge("good", "right") if reason.right else badge("info", "wrong")
        mine = " <strong>(your answer)</strong>" if reason.given else ""
    return (
        f'<li>{sign} {escape(reason.text)}{mine}<br><span class="lk-muted">{escape(reason.why)}</span></li>'
    )


def _sources(item: Item) -> str:
    titles = {each.id: each.title for each in standards.standards()}
    lines = "".join(
        f"<li>{escape(source.id.partition('/')[2])}: {escape(source.title)} "
        f"({escape(titles[source.list])}, {escape(source.edition)}), read {_say(source.as_of)} "
        f"{badge(_KINDS[source.confidence], source.confidence)}</li>"
        for source in item.sources
    )
    return details("Where this was read", f"<ul>{lines}</ul>")


def _gain_table(found: Mapping[str, Gain]) -> str:
    rows = [
        (
            Fragment("<strong>All domains</strong>") if name == "all" else DOMAINS[name],
            _percent(gain.before),
            _percent(gain.after),
            _gained(gain),
        )
        for name, gain in found.items()
    ]
    caption = "Before and after: share of the credit, and the normalised gain (rough for a single domain)"
    return table(caption, ("Domain", "Before", "After", "Gain"), rows)


def _gained(gain: Gain) -> str:
    if gain.gain is None:
        return "nothing left to gain" if gain.before == 1 else "-"
    return f"{gain.gain:.2f} ({gain_band(gain.gain)})"


def _deck(found: Mapping[str, Card], now: datetime) -> str:
    from labkit.course.quiz import find_item

    if not found:
        return "<p>Nothing comes back yet: only what you miss or guess does.</p>"
    rows = [
        (
            find_item(card.item).question,
            "now" if card.is_due(now) else f"{card.due:%d %B %Y, %H:%M} UTC",
            f"{card.lapses}",
            f"{round(100 * card.retrievability)} %",
        )
        for card in found.values()
    ]
    caption = "What comes back, and how likely you would know it now"
    return details(
        f"Items that come back: {len(rows)}", table(caption, ("Item", "Due", "Missed", "Known"), rows)
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{round(100 * value)} %"


def _say(day: str) -> str:
    read = date.fromisoformat(day)
    return f"{read.day} {read:%B %Y}"
