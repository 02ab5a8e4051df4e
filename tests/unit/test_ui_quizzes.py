"""The panel of the quiz without a front end: every field answers, every answer is explained."""

import pytest

from labkit.core.paths import content_dir
from labkit.course import ProgressLog, Session, read_lab
from labkit.course.gate import record_state
from labkit.course.quiz import bank, find_item, mark
from labkit.ui.quizzes.asking import AskedItem
from labkit.ui.quizzes.panel import QuizPanel
from labkit.ui.session import LabSession
from tests.unit.test_quiz import right_answer

TROUBLE = ("Something unexpected", "That did not work")


@pytest.fixture
def lab(tmp_path, monkeypatch):
    monkeypatch.setenv("LABKIT_HOME", str(tmp_path))
    monkeypatch.setenv("LABKIT_SEED", "3")
    declared = read_lab(content_dir("notebooks") / "L17-governance-and-cross-border", references=False)
    return LabSession(Session(declared, learner="ada"))


def fields(view, kind):
    found = [view] if type(view).__name__ == kind else []
    for child in getattr(view, "children", ()):
        found += fields(child, kind)
    return found


def fill(asked):
    """Answer an item right, with its fields alone."""
    item = asked.item
    if item.kind == "matching":
        texts = {pair.left: pair.right for pair in item.asked}
        for field in fields(asked.view, "Dropdown"):
            wanted = texts[field.tooltip.partition(": ")[2]]
            field.value = next(value for words, value in field.options if words == wanted)
    elif item.kind == "ordering":
        buttons = {each.description: each for each in fields(asked.view, "Button")}
        buttons["Move 2 up"].click()  # an order counts once a step was moved
        for place in range(len(item.steps)):
            while (at := asked.read().index(place)) > place:
                buttons[f"Move {at + 1} up"].click()
    else:
        right = {option.text for part in item.parts for option in part.options if option.correct}
        for box in fields(asked.view, "Checkbox"):
            box.value = box.description in right
        for field in fields(asked.view, "RadioButtons"):
            field.value = next(value for words, value in field.options if words in right)


def shown(panel):
    return panel.head.value + panel.result.value


@pytest.mark.parametrize(
    "name",
    ["ai-act-status", "ai-act-first-duties", "ai-act-tiers", "ai-act-timeline", "gdpr-case-assistant"],
)
def test_every_kind_of_item_can_be_answered_with_its_fields(name):
    asked = AskedItem(find_item(name), seed=5)
    fill(asked)
    assert asked.read() == right_answer(asked.item)
    assert mark(asked.item, asked.read()).right


def test_practice_explains_and_goes_on(lab):
    panel = QuizPanel(lab, {})
    first = panel.asked.item
    panel.press()
    assert "Not yet:" in panel.result.value
    assert panel.quiz.given() == []
    fill(panel.asked)
    panel.press()
    assert "Where this was read" in panel.result.value
    assert panel.on.description == "Next item"
    panel.press()
    assert panel.asked.item.id != first.id
    assert not [words for words in TROUBLE if words in shown(panel)]


def test_both_tests_give_the_gain_and_leave_it_for_the_evidence(lab):
    panel = QuizPanel(lab, {"mode": "post"})
    assert "Take the test before first" in panel.head.value
    panel.mode.value = "pre"
    for form in ("pre", "post"):
        panel.mode.value = form
        for _ in range(21):
            fill(panel.asked)
            panel.press()
        assert panel.asked is None
        assert "100 %" in panel.head.value
    assert "nothing left to gain" in panel.head.value
    assert "governance-quiz.json" in lab.attachments
    panel.mode.value = "standing"
    assert "42 different items" in panel.head.value


def test_an_answer_waits_while_the_instructor_has_frozen_the_lab(lab):
    log = ProgressLog(lab.session.log_path)
    panel = QuizPanel(lab, {})
    fill(panel.asked)
    record_state(log, lab.session.lab.id, "frozen")
    panel.press()
    assert "Your instructor has frozen this lab" in panel.result.value
    assert panel.quiz.given() == []
    record_state(log, lab.session.lab.id, "open")
    panel.press()
    assert len(panel.quiz.given()) == 1


def test_the_panel_comes_back_where_it_was(lab):
    panel = QuizPanel(lab, {})
    panel.mode.value = "pre"
    fill(panel.asked)
    panel.press()
    again = QuizPanel(lab, {"mode": "pre"})
    assert "2 of 21" in again.head.value


def test_no_option_is_taken_for_markup():
    from labkit.ui.quizzes.showing import item_head, reasons

    for item in bank().values():
        text = item_head(item, "x") + reasons(item, mark(item, right_answer(item)))
        assert "<script" not in text
        assert text.count("<li>") >= 3
