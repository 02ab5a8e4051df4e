"""The figures of the items, computed once more."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest
from scipy.stats import beta, binom, norm

from labkit.exams.bank import BankItem, mark, read_bank
from labkit.exams.bank.filling import filled

ITEMS = Path(__file__).parents[2] / "exams" / "practitioner" / "items"
DOMAINS = ("D3", "D4", "D5", "D6")

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Words = Callable[[str], float]
"""A word of a variant, as a number."""


def _rate_at(w: Words) -> float:
    """Return the highest share of members above a threshold that accuses few enough others."""
    allowed = w("fpr") / 100 * w("n")
    return max(100 * w(f"a{i}") / w("m") for i in range(5) if w(f"b{i}") <= allowed)


def _index(w: Words) -> float:
    shares = [(w(f"p{i}"), w(f"q{i}")) for i in (1, 2, 3)]
    assert all(math.isclose(sum(side), 1) for side in zip(*shares, strict=True))
    return sum((p - q) * math.log(p / q) for p, q in shares)


def _rings(w: Words) -> float:
    total = 0.0
    for i in range(1, 11):
        total = max(0.0, total + w(f"x{i}") - w("target") - w("k"))
        if total > w("h"):
            return i
    raise AssertionError("the sum never rings")


def _to_detection(w: Words) -> float:
    return sum(w(f"{each}2") - w(f"{each}1") for each in "abc") / 3


def _true_alarms(w: Words) -> float:
    found, false = w("r") / 100, w("f") / 100 * (w("n") - 1)
    return 100 * found / (found + false)


# How often what is tested each hour or day is tested in the time that is asked about.
_TIMES = {("hour", "a day"): 24, ("day", "a week"): 7}


def _fine(w: Words) -> float:
    """Return the limit: the higher of sum and share, the lower for a start-up (the one of variant b)."""
    amounts = w("fixed"), w("share") / 100 * w("turnover")
    return min(amounts) if w("turnover") <= SMALL else max(amounts)


def _cheapest(w: Words) -> float:
    return min(w("login") + w("push"), w("insider"), w("domain") + w("wait"))


def _any_of_three(w: Words) -> float:
    return 100 - 100 * math.prod(1 - w(name) / 100 for name in "abc")


def _fall(w: Words) -> float:
    before, after = w("acc1") / w("wrong1"), w("acc2") / w("wrong2")
    return 100 * (before - after) / before


# A turnover, in EUR million, up to which the firm of an item is small enough for the lower amount.
SMALL = 50

FORMULAS: dict[str, Callable[[Words], float]] = {
    "d1-fine-limit": _fine,
    "d1-worth-of-a-control": lambda w: (w("before") - w("after")) * w("cost") - w("price"),
    "d2-cheapest-way-in": _cheapest,
    "d2-at-least-one": _any_of_three,
    "d3-num-tpr-low-fpr": _rate_at,
    "d3-num-composition": lambda w: w("k") * w("e"),
    "d3-num-group-privacy": lambda w: w("m") * w("e"),
    "d3-num-tpr-cap": lambda w: 100 * (math.exp(w("e")) * w("f") / 100 + w("d")),
    "d3-num-audit-bound": lambda w: math.log(w("t") / w("f")),
    "d3-num-laplace": lambda w: w("r") / (w("n") * w("e")),
    "d3-num-exposure": lambda w: math.log2(w("total") / w("rank")),
    "d3-num-noise-on-mean": lambda w: w("c") * w("s") / w("b"),
    "d4-num-asr": lambda w: 100 - 100 * w("s") / w("c"),
    "d4-num-backdoor-asr": lambda w: 100 * (w("h") - w("ht")) / (w("n") - w("t")),
    "d4-num-radius": lambda w: w("s") * norm.ppf(w("p")),
    "d4-num-linf-from-l2": lambda w: w("r") / w("d") ** 0.5,
    "d4-num-zero-failures": lambda w: next(n for n in range(1, 9999) if (1 - w("r") / 100) ** n < 0.05),
    "d4-num-clopper-pearson": lambda w: beta.ppf(0.05, w("k"), w("n") - w("k") + 1),
    "d4-num-watermark": lambda w: 1 - binom.cdf(w("k") - 1, 30, 0.1),
    "d4-num-filter-precision": lambda w: 100 / (1 + (100 - w("p")) * w("f") / (w("p") * w("r"))),
    "d4-num-equal-opportunity": lambda w: 100 * (w("a") / (w("a") + w("b")) - w("e") / (w("e") + w("f"))),
    "d5-num-upper-bound": lambda w: 100 * beta.ppf(0.95, w("k") + 1, w("n") - w("k")),
    "d5-num-retries": lambda w: 100 * (1 - binom.pmf(0, w("n"), w("p") / 100)),
    "d5-num-approval-share": lambda w: 100 * (w("f") + w("h")) / sum(map(w, "aceg")),
    "d5-num-loop-tokens": lambda w: sum(w("b") + i * w("g") for i in range(int(w("n")))),
    "d6-num-ppv": _true_alarms,
    "d6-num-psi": _index,
    "d6-num-cusum": _rings,
    "d6-num-error-budget": lambda w: 30 * 24 * 60 * (1 - w("s") / 100) - sum(map(w, "abc")),
    "d6-num-detect-recover": _to_detection,
    "d7-mosca": lambda w: w("x") + w("y") - w("z"),
    "d7-none-found": lambda w: 300 / w("n"),
    "d7-over-reliance": _fall,
}


def _number(word: str) -> float:
    if ":" in word:  # a time of day, in minutes
        hours, minutes = word.split(":")
        return 60 * int(hours) + int(minutes)
    return float(word.replace(",", ""))


@pytest.fixture(scope="module")
def items() -> dict[str, BankItem]:
    return {f"{item.domain.lower()}-{item.topic.replace(' ', '-')}": item for item in read_bank(ITEMS)}


def test_every_figure_is_what_its_formula_gives(items: dict[str, BankItem]) -> None:
    asked = {id for id, item in items.items() if item.kind == "numeric"}
    assert asked == FORMULAS.keys() | {"d1-hours-left", "d2-how-good-a-model", "d6-num-repeated-tests"}
    for id, formula in FORMULAS.items():
        for variant in items[id].variants:
            value = formula(lambda name, words=variant.words: _number(words[name]))  # type: ignore[misc]
            assert variant.value == pytest.approx(value, rel=1e-4), f"{id} {variant.id}"


def test_tests_that_are_repeated_add_up_to_false_alarms(items: dict[str, BankItem]) -> None:
    for variant in items["d6-num-repeated-tests"].variants:
        words = variant.words
        count = int(words["k"]) * _TIMES[words["w"], words["t"]]
        chance = 100 * (1 - (1 - float(words["a"]) / 100) ** count)
        assert variant.value == pytest.approx(chance, rel=1e-4)


def test_the_hours_left_are_those_of_the_calendar(items: dict[str, BankItem]) -> None:
    for variant in items["d1-hours-left"].variants:
        words = variant.words
        days = (DAYS.index(words["later"]) - DAYS.index(words["day"])) % 7
        gone = 24 * days + (_number(words["now"]) - _number(words["hour"])) / 60
        assert gone == float(words["gone"])
        assert variant.value == 72 - gone


def test_recall_divides_by_what_was_planted_and_precision_by_what_was_listed(
    items: dict[str, BankItem],
) -> None:
    for variant in items["d2-how-good-a-model"].variants:
        words = variant.words
        below = words["planted"] if words["what"] == "recall" else words["listed"]
        assert variant.value == 100 * int(words["hit"]) / int(below)


def test_a_known_slip_is_never_taken_for_right(items: dict[str, BankItem]) -> None:
    for item in items.values():
        for variant in item.variant_ids:
            number = filled(item, variant).number
            for mistake in number.mistakes if number else ():
                marked = mark(item, variant, [mistake.value])
                assert marked.credit == 0, f"{item.id} {variant}"
                assert any(reason.given for reason in marked.reasons), f"{item.id} {variant}"


def test_a_figure_rounded_as_asked_is_right(items: dict[str, BankItem]) -> None:
    decimals = {"one decimal": 1, "two decimals": 2, "three decimals": 3}
    for item in items.values():
        for said, places in decimals.items():
            if item.kind == "numeric" and said in item.question.casefold():
                for variant in item.variants:
                    assert mark(item, variant.id, [round(variant.value or 0, places)]).right, item.id


def test_the_set_is_as_broad_as_the_domains_need(items: dict[str, BankItem]) -> None:
    count = {name: [item for item in items.values() if item.domain == name] for name in DOMAINS}
    least = {"D3": 30, "D4": 40, "D5": 30, "D6": 30}
    assert all(len(count[name]) >= least[name] for name in DOMAINS)
    for own in count.values():
        groups = {item.group for item in own}
        assert groups == {"choice", "pairs_and_orders", "scenario"}
        assert sum(item.anchor for item in own) == 1
