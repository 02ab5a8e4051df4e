"""A bank whose options look alike cannot be guessed; a habit of the author can be."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from labkit.course.lab import Option
from labkit.course.quiz import Part
from labkit.exams.bank import guess, lint, read_bank
from labkit.exams.bank.cues import CUES, cue_findings, tail
from tests.unit.test_exam_bank_linting import READ, option, single

ROOT = Path(__file__).resolve().parents[2]
BANK = read_bank(ROOT / "exams" / "practitioner" / "items").live()
PARTS = [part for item in BANK for part in item.parts if len(part.right) == 1]


WAYS = (
    "Keep the log with its key",
    "Move keys with each log",
    "Read a log with a key",
    "Sort logs with days",
)


def bank(habit, questions=120, seed=0):
    """Return items of four options; one says "and", and is right in this share and else by chance."""
    random = np.random.default_rng(seed)
    item = next(item for item in BANK if item.kind == "single")
    made = []
    for number in range(questions):
        texts = [WAYS[place] for place in random.permutation(4)]
        marked = int(random.integers(4))
        texts[marked] = texts[marked].replace("with", "and")
        key = marked if random.random() < habit else int(random.integers(4))
        options = tuple(Option(text, place == key, "It is one of four.") for place, text in enumerate(texts))
        made.append(replace(item, id=f"d1-{number:03}", parts=(Part("What now?", options),)))
    return made


def test_a_habit_is_found_by_its_cue_and_by_guessing():
    items = bank(habit=0.6)
    guesses = guess(items)
    assert guesses.right >= guesses.limit
    assert any("most 'and'" in said for said in cue_findings(items))


def test_where_there_is_no_habit_nothing_is_found():
    items = bank(habit=0.0)
    guesses = guess(items)
    assert guesses.right < guesses.limit
    assert list(cue_findings(items)) == []
    assert guesses.chance == pytest.approx(0.25, abs=0.03)


def test_places_in_the_file_do_not_help():
    def turned(item):
        return replace(item, parts=tuple(replace(part, options=part.options[::-1]) for part in item.parts))

    assert guess(map(turned, BANK)).right == guess(BANK).right


def test_the_limit_is_what_chance_hardly_reaches():
    guesses = guess(BANK)
    assert guesses.asked == len(PARTS)
    assert tail(guesses.asked, guesses.limit, guesses.chance) < 0.03
    assert tail(guesses.asked, guesses.limit - 12, guesses.chance) > 0.03
    assert guess(BANK) == guesses


def test_options_of_the_bank_differ_in_what_the_cues_read():
    for name, cue in CUES.items():
        seen = {cue("", each.text) for part in PARTS for each in part.options}
        assert len(seen) > 1 or name == "words of the question"


def test_a_bank_without_questions_is_not_guessed():
    assert guess([]).right == guess([]).asked == 0
    assert str(guess([])).startswith("by the surface alone 0 of 0")


def test_the_same_number_of_right_options_throughout_is_found(tmp_path):
    def several(number, right):
        word = "abcdefghijklmnop"[number] * 9
        named = [f"The {kind} of the {word}" for kind in ("owner", "digest", "reason", "weight", "colour")]
        text = single(id=f"{number:03}", kind="multiple", question=f"What does record {word} need?")
        head = text[: text.index("options = [")]
        return (
            head + "options = [\n" + "".join(option(each, k < right) for k, each in enumerate(named)) + "]\n"
        )

    def kinds(rights):
        items = "".join(several(number, right) for number, right in enumerate(rights))
        (tmp_path / "d2.toml").write_text('author_role = "tester"\n' + items, encoding="utf-8")
        return {finding.kind for finding in lint(read_bank(tmp_path), READ)}

    assert "counts" in kinds([3] * 10 + [2] * 4)
    assert "counts" not in kinds([3] * 7 + [2] * 7)
