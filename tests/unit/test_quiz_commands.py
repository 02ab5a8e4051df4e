"""``labkit quiz`` and ``labkit review`` in a terminal."""

import builtins
import csv
import io
import json
from datetime import date

import pytest

from labkit.cli import main
from labkit.course.commands.asking import ask_item
from labkit.course.commands.review import deck_csv
from labkit.course.quiz import Quiz, bank, days_ahead, find_item, mark, shown_order
from tests.unit.test_quiz import right_answer, wrong_answer


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path))
    monkeypatch.setenv("LABKIT_SEED", "3")
    monkeypatch.setenv("LABKIT_LEARNER", "ada")


def typed(item, seed):
    """Return what a learner types who knows the answer."""
    letters = "abcdefgh"
    if item.kind == "matching":
        order = shown_order(item, len(item.pairs), seed, "pairs")
        return [" ".join(letters[order.index(i)] for i in right_answer(item))]
    if item.kind == "ordering":
        order = shown_order(item, len(item.steps), seed, "steps")
        return [",".join(letters[order.index(i)] for i in right_answer(item))]
    lines = []
    for number, part in enumerate(item.parts):
        order = shown_order(item, len(part.options), seed, f"part {number}")
        lines.append("".join(letters[order.index(i)] for i in part.right))
    return lines


@pytest.mark.parametrize(
    "name",
    ["ai-act-status", "ai-act-first-duties", "ai-act-tiers", "ai-act-timeline", "gdpr-case-assistant"],
)
def test_every_kind_of_item_can_be_answered_by_typing(name, capsys):
    item = find_item(name)
    lines = iter(["", "?", *typed(item, 3), "x", "k"])
    answer, sure = ask_item(item, 3, lambda prompt: next(lines))
    assert mark(item, answer).right
    assert sure == "know"
    assert "expected letters" in capsys.readouterr().out


def test_practice_says_why_and_keeps_the_answer(monkeypatch, capsys):
    monkeypatch.setattr(builtins, "input", lambda prompt: "a")
    item = Quiz().next().item
    lines = iter([*typed(item, 3), "t"])
    monkeypatch.setattr(builtins, "input", lambda prompt: next(lines))
    assert main(["quiz", "practise", "--count", "1"]) == 0
    assert "Where this was read" in capsys.readouterr().out
    assert [answer.item for answer in Quiz().given()] == [item.id]


def test_the_end_of_the_input_ends_the_quiz_and_keeps_what_was_answered(monkeypatch, capsys):
    def nobody(prompt):
        raise EOFError

    monkeypatch.setattr(builtins, "input", nobody)
    assert main(["quiz", "pre"]) == 0
    assert "kept" in capsys.readouterr().out


def test_the_test_after_waits_for_the_test_before(capsys):
    assert main(["quiz", "post"]) == 2
    assert "labkit quiz pre" in capsys.readouterr().err


def test_the_test_before_ends_with_the_result(monkeypatch, capsys):
    quiz = Quiz()
    lines = iter([line for item in quiz.open_items("pre") for line in (*typed(item, 3), "t")])
    monkeypatch.setattr(builtins, "input", lambda prompt: next(lines))
    assert main(["quiz", "pre"]) == 0
    assert "100%" in capsys.readouterr().out
    assert quiz.finished("pre")


def test_the_state_is_there_for_scripts(capsys):
    assert main(["quiz", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["items"] == len(bank())
    assert found["gains"]["all"]["gain"] is None


def test_check_ends_with_one_when_an_item_has_to_be_read_again(capsys):
    assert main(["quiz", "check", "--on", "2026-11-23"]) == 0
    capsys.readouterr()
    assert main(["quiz", "check", "--on", "2026-12-02", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {each["kind"] for each in found["findings"]} == {"changes"}
    assert "ai-act-timeline" in {item for day in found["ahead"] for item in day["items"]}
    with pytest.raises(SystemExit, match=r"^2$"):
        main(["quiz", "check", "--on", "yesterday"])
    assert "YYYY-MM-DD" in capsys.readouterr().err


def test_check_names_the_days_ahead_with_their_items_each_in_one_piece(capsys):
    assert main(["quiz", "check", "--on", "2026-11-23"]) == 0
    out = capsys.readouterr().out
    assert "2026-12-02, in 9 days" in out
    days = days_ahead(bank().values(), date(2026, 11, 23))
    assert all(name in out for day in days for name in day.items)


def test_a_review_with_nothing_due_says_when_something_is(monkeypatch, capsys):
    quiz = Quiz()
    item = quiz.next().item
    quiz.answer(item.id, wrong_answer(item))
    assert main(["review"]) == 0
    assert "The next is due on" in capsys.readouterr().out
    assert main(["review", "--list"]) == 0
    assert item.question[:40] in capsys.readouterr().out


def test_the_deck_is_written_as_front_and_back(tmp_path, capsys):
    quiz = Quiz()
    item = quiz.next().item
    quiz.answer(item.id, wrong_answer(item))
    assert main(["review", "--csv", str(tmp_path / "deck.csv")]) == 0
    text = (tmp_path / "deck.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == ["front", "back", "tags"]
    assert item.question in rows[1][0]


def test_no_cell_of_a_deck_is_taken_for_a_formula():
    for row in csv.reader(deck_csv(list(bank().values())).splitlines()):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row[:1])


def test_begun_again_means_that_nothing_counts_any_more(capsys):
    quiz = Quiz()
    item = quiz.next().item
    quiz.answer(item.id, wrong_answer(item))
    assert main(["quiz", "--reset"]) == 0
    assert Quiz().given() == []
