"""Read a ``[[checkpoint]]``: its target, its four hints, and the rules that explain it."""

from __future__ import annotations

from labkit.core.errors import InvalidInputError
from labkit.course.lab import HINT_KINDS, Checkpoint, Hint
from labkit.course.tables import Table
from labkit.course.texts import is_bare_verdict
from labkit.scoring import Rule, Target, parse_when
from labkit.scoring.rules import fields_of

__all__ = ["read_checkpoint"]


def read_checkpoint(table: Table) -> Checkpoint:
    """Return the checkpoint in ``table``; raise a ``DeclarationError`` for the first mistake."""
    checkpoint = Checkpoint(
        id=table.text("id"),
        objective=table.text("objective"),
        title=table.text("title"),
        metric=table.text("metric"),
        unit=table.text("unit"),
        target=_target(table),
        answer=table.text("answer"),
        hints=_hints(table),
        rules=_rules(table),
    )
    table.finish()
    return checkpoint


def _target(table: Table) -> Target:
    given = [key for key in ("at_least", "at_most") if key in table]
    if len(given) != 1:
        raise table.error(
            given[-1] if given else "id",
            f"expected one threshold, at_least or at_most; got {' and '.join(given) or 'neither'}",
        )
    return Target(**{given[0]: table.number(given[0])})


def _hints(table: Table) -> tuple[Hint, ...]:
    texts = table.texts("hints")
    if len(texts) != len(HINT_KINDS):
        raise table.error(
            "hints", f"expected {len(HINT_KINDS)} hints ({', '.join(HINT_KINDS)}), got {len(texts)}"
        )
    return tuple(
        Hint(level, kind, text)
        for level, (kind, text) in enumerate(zip(HINT_KINDS, texts, strict=True), start=1)
    )


def _rules(table: Table) -> tuple[Rule, ...]:
    tables = list(table.tables("why", least=1))
    rules = tuple(_rule(each) for each in tables)
    for each, rule in zip(tables[:-1], rules[:-1], strict=True):
        if not rule.when:
            raise each.error("say", "a rule without 'when' always applies, so it must be the last one")
    if rules[-1].when:
        raise tables[-1].error(
            "when", "the last rule must have no 'when', so that every measurement is explained"
        )
    return rules


def _rule(table: Table) -> Rule:
    try:
        when = parse_when(table.text("when")) if "when" in table else ()
    except InvalidInputError as error:
        raise table.error("when", str(error)) from None
    table.text("when", "")
    rule = Rule(when=when, say=table.text("say"), next_probe=table.text("next"))
    if is_bare_verdict(rule.say):
        raise table.error("say", f"{rule.say!r} says only right or wrong: say what was measured and why")
    for key, text in (("say", rule.say), ("next", rule.next_probe)):
        try:
            fields_of(text)
        except InvalidInputError as error:
            raise table.error(key, str(error)) from None
    table.finish()
    return rule
