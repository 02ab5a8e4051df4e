"""The items of an exam: reading, variants, what a candidate sees, marking."""

import json
import re
from pathlib import Path

import pytest

from labkit.exams.bank import KINDS, blank_order, mark, public_view, read_bank, right_answer

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "reference" / "exam-items.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    folder = tmp_path_factory.mktemp("items")
    for number, text in enumerate(EXAMPLES):
        (folder / f"{number}.toml").write_text(text, encoding="utf-8")
    return read_bank(folder)


def every_wording(bank):
    return [(item, variant) for item in bank for variant in item.variant_ids]


def read_text(tmp_path, text):
    (tmp_path / "items.toml").write_text(text, encoding="utf-8")
    return read_bank(tmp_path)


SINGLE, MATCHING, _, NUMERIC, SCENARIO = EXAMPLES


def test_the_page_has_an_example_of_every_kind_but_one(examples):
    assert {item.kind for item in examples} == set(KINDS) - {"multiple"}


def test_the_right_answer_is_worth_everything_and_none_is_worth_nothing(examples):
    for item, variant in every_wording(examples):
        assert mark(item, variant, right_answer(item, variant)).credit == 1
        nothing = mark(item, variant, None)
        assert nothing.credit == 0
        assert not any(reason.given for reason in nothing.reasons)
        assert all(len(reason.why) >= 30 for reason in nothing.reasons)


def test_what_crosses_is_json_without_key_and_reasons(examples):
    for item, variant in every_wording(examples):
        view = public_view(item, variant, blank_order(item))
        text = json.dumps(view)
        assert view == json.loads(text)
        marked = mark(item, variant, None)
        assert not any(reason.why in text for reason in marked.reasons)
        assert not re.search(r'"(correct|why|right|value|tolerance|mistakes)"', text)
