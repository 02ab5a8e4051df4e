"""The items of the practitioner exam as they stand."""

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from labkit.exams.bank import blank_order, coverage, lint, mark, public_view, read_bank, right_answer

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "exams" / "practitioner" / "items"
BANK = read_bank(FOLDER)
LEAST = {"D1": 40, "D2": 35, "D3": 30, "D4": 40, "D5": 30, "D6": 30, "D7": 25}


def wordings():
    return [(item, variant) for item in BANK for variant in item.variant_ids]


def test_the_linter_finds_nothing():
    # The day on which the facts were read; later days are for `labkit exam check`.
    assert [str(finding) for finding in lint(BANK, date(2026, 11, 23))] == []


def test_there_are_items_enough_of_each_domain_and_kind():
    counted = coverage(BANK, LEAST)
    assert all(counted.domains[domain] >= least for domain, least in LEAST.items())
    for row in counted.table.values():
        assert all(
            row[kind] >= 2 for kind in ("single", "multiple", "numeric", "matching", "ordering", "scenario")
        )
        assert row["recall"] < row["apply"] + row["analyse"]
    assert counted.items >= 200


def test_no_domain_has_more_than_one_anchor_and_files_hold_their_domain():
    anchors = Counter(item.domain for item in BANK if item.anchor)
    assert set(anchors.values()) <= {1}
    for path in FOLDER.glob("d*.toml"):
        text = path.read_text(encoding="utf-8")
        assert set(re.findall(r'^domain = "(D\d)"', text, re.MULTILINE)) == {path.name[:2].upper()}


def test_the_right_answer_is_worth_one_and_no_answer_nothing():
    for item, variant in wordings():
        assert mark(item, variant, right_answer(item, variant)).credit == 1, item.id
        assert mark(item, variant, None).credit == 0, item.id


def test_nothing_of_the_key_crosses_to_the_candidate():
    for item, variant in wordings():
        text = json.dumps(public_view(item, variant, blank_order(item)), ensure_ascii=False)
        for reason in mark(item, variant, None).reasons:
            assert reason.why not in text, item.id
        assert not re.search(r'"(correct|why|right|value|tolerance|mistakes|topic)":', text), item.id


@pytest.mark.parametrize("kind", ["matching", "ordering"])
def test_what_stands_first_in_the_file_is_not_shown_first(kind):
    plain = [
        mark(item, "", list(range(len(item.asked) if kind == "matching" else len(item.steps)))).credit
        for item in BANK
        if item.kind == kind
    ]
    # Of a matching item chance gets about one pair in four; of an order, a reversal counts as nothing.
    assert sum(plain) / len(plain) < 0.5


def test_habits_of_a_candidate_who_knows_nothing_earn_what_chance_does():
    habits = {
        "longest": lambda texts: max(texts, key=len),
        "shortest": lambda texts: min(texts, key=len),
        "first": lambda texts: texts[0],
        "last": lambda texts: texts[-1],
        "alphabet": min,
    }
    for name, habit in habits.items():
        earned, chance = [], []
        for item in (item for item in BANK if item.kind == "single"):
            options = public_view(item, item.variant_ids[0], blank_order(item))["parts"][0]["options"]
            texts = {option["text"]: option["position"] for option in options}
            earned.append(mark(item, item.variant_ids[0], [texts[habit(list(texts))]]).credit)
            chance.append(1 / len(texts))
        assert sum(earned) / len(earned) < sum(chance) / len(chance) + 0.15, name


def test_wrong_numbers_that_a_slip_leads_to_are_wrong():
    for item, variant in wordings():
        if item.number is None:
            continue
        marked = mark(item, variant, right_answer(item, variant))
        assert [reason.given for reason in marked.reasons].count(True) == 1
        chosen = next((each for each in item.variants if each.id == variant), None)
        slips = chosen.mistakes if chosen else [mistake.value for mistake in item.number.mistakes]
        assert not any(mark(item, variant, [slip]).right for slip in slips), item.id
