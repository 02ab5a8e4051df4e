"""The governance quiz in a browser: practised by mouse, tests by keyboard, and the gain that comes out."""

import pytest

from labkit.course import DOMAINS
from labkit.course.progress import ProgressLog
from labkit.course.quiz import Quiz, shown_order
from tests.browser.conftest import PICTURES, open_dashboard, violations
from tests.browser.mouse import click

LONG = 60_000


@pytest.fixture
def quiz(own_server):
    """Return the quiz as the server's learner has it: seed 1, the log on the disk."""

    def now():
        return Quiz("local", seed=1, log=ProgressLog(own_server.home / "data" / "progress.sqlite"))

    return now


def _panel(page, server):
    open_dashboard(page, server, "L17")
    panel = page.locator(".lk-panel", has=page.get_by_role("button", name="Test before"))
    panel.scroll_into_view_if_needed()
    return panel


def _mode(panel, name):
    click(panel.page, panel, name, exact=True)


def _question(panel, item):
    panel.get_by_text(item.question, exact=False).first.wait_for(timeout=LONG)
    _fields(panel, item)


def _fields(panel, item):
    """Wait for the fields; they come a moment after the question."""
    if item.pairs:
        panel.locator("select option", has_text=item.pairs[-1].right).last.wait_for(
            state="attached", timeout=LONG
        )
    if item.steps:
        panel.locator(".lk-step", has_text=item.steps[-1].text).wait_for(timeout=LONG)
    if item.kind == "matching":
        panel.locator(".widget-dropdown select").nth(len(item.asked) - 1).wait_for(timeout=LONG)


def _answer_by_mouse(panel, item):
    """Give the right answer."""
    if item.kind == "matching":
        order = shown_order(item, len(item.asked), 1, "left")
        for place, field in zip(order, panel.locator(".widget-dropdown select").all(), strict=True):
            field.select_option(label=item.pairs[place].right)
    elif item.kind == "ordering":
        order = shown_order(item, len(item.steps), 1, "steps")
        for place in range(len(item.steps)):
            for at in range(order.index(place), place, -1):
                click(panel.page, panel, f"Move {at + 1} up")
                panel.get_by_text(f"{at}. {item.steps[place].text}", exact=True).wait_for(timeout=LONG)
            order.insert(place, order.pop(order.index(place)))
    else:
        for part in item.parts:
            for option in (option for option in part.options if option.correct):
                panel.get_by_label(option.text, exact=True).check()


def test_practice_by_mouse_explains_every_option_and_goes_on(own_server, page, quiz):
    panel = _panel(page, own_server)
    before = quiz()
    for number in range(4):
        item = before.next().item
        _question(panel, item)
        _answer_by_mouse(panel, item)
        click(panel.page, panel, "I know it")
        click(panel.page, panel, "Answer", exact=True)
        panel.get_by_text("Where this was read").wait_for(timeout=LONG)
        assert panel.locator(".lk-badge.lk-good").count() >= 1
        if number == 0:
            assert violations(page, "quiz-practice") == []
            panel.screenshot(path=PICTURES / "quiz-practice-panel.png")
        click(panel.page, panel, "Next item")
        panel.get_by_role("button", name="Answer", exact=True).wait_for(timeout=LONG)
        before = quiz()
        assert before.given()[-1].right, item.id
    assert [answer.sure for answer in before.given()] == ["know"] * 4


def _answer_by_keyboard(page, panel, item):
    """Give some answer, with keys alone."""
    if item.kind == "matching":
        for field in panel.locator(".widget-dropdown select").all():
            field.focus()
            page.keyboard.press("ArrowDown")
    elif item.kind == "ordering":
        panel.get_by_role("button", name="Move 2 up").focus()
        page.keyboard.press("Enter")
    else:
        for part in item.parts:
            option = part.options[part.right[0]].text
            panel.get_by_label(option, exact=True).focus()
            page.keyboard.press("Space")


def _answer_wrongly_by_mouse(panel, item):
    """Give an answer that is worth nothing; an order is handed in as it is shown."""
    if item.kind == "matching":
        order = shown_order(item, len(item.asked), 1, "left")
        for place, field in zip(order, panel.locator(".widget-dropdown select").all(), strict=True):
            field.select_option(label=item.pairs[place - 1].right)
    elif item.kind != "ordering":
        part = item.parts[0]
        wrong = next(option for option in part.options if not option.correct)
        panel.get_by_label(wrong.text, exact=True).check()


def _answer_rightly_by_keyboard(page, panel, item):
    """Give the right answer, with keys alone."""
    if item.kind == "matching":
        options = shown_order(item, len(item.pairs), 1, "pairs")
        places = shown_order(item, len(item.asked), 1, "left")
        for place, field in zip(places, panel.locator(".widget-dropdown select").all(), strict=True):
            field.focus()
            for _ in range(options.index(place) + 1):
                page.keyboard.press("ArrowDown")
    elif item.kind == "ordering":
        _order_by_keyboard(page, panel, [step.text for step in item.steps])
    else:
        for number in item.parts[0].right:
            panel.get_by_label(item.parts[0].options[number].text, exact=True).focus()
            page.keyboard.press("Space")


def _order_by_keyboard(page, panel, wanted):
    """Move steps that are too low up, the first before the others."""
    lines = panel.locator(".lk-step p")

    def shown():
        return [text.partition(". ")[2] for text in lines.all_inner_texts()]

    for place, text in enumerate(wanted):
        panel.get_by_role("button", name=f"Move {shown().index(text) + 1} up").focus()
        for at in range(shown().index(text), place, -1):
            page.keyboard.press("Enter")
            panel.get_by_text(f"{at}. {text}", exact=True).wait_for(timeout=LONG)
    assert shown() == wanted


def _rows(panel):
    """Return what the table of gains says, by the title of the domain."""
    table = panel.locator("table", has_text="Before and after")
    cells = [row.locator("th, td").all_inner_texts() for row in table.locator("tbody tr").all()]
    return {domain: tuple(rest) for domain, *rest in cells}


def test_both_tests_are_taken_and_the_gain_is_seen_by_domain(own_server, page, quiz):
    """Before, only D1 is known; after, everything but what D5 asks with one right option."""
    panel = _panel(page, own_server)
    _mode(panel, "Test before")
    for number, item in enumerate(quiz().open_items("pre"), start=1):
        panel.get_by_text(f"Test before: {number} of 21").wait_for(timeout=LONG)
        _fields(panel, item)
        (_answer_by_mouse if item.domain == "D1" else _answer_wrongly_by_mouse)(panel, item)
        click(panel.page, panel, "Answer", exact=True)
    panel.get_by_text("Item by item").wait_for(timeout=LONG)
    assert _rows(panel)[DOMAINS["D1"]] == ("100 %", "-", "nothing left to gain")

    panel.get_by_role("button", name="Test after").focus()
    page.keyboard.press("Enter")
    for number, item in enumerate(quiz().open_items("post"), start=1):
        panel.get_by_text(f"Test after: {number} of 21").wait_for(timeout=LONG)
        _fields(panel, item)
        if (item.domain, item.kind) == ("D5", "single"):
            wrong = next(option for option in item.parts[0].options if not option.correct)
            panel.get_by_label(wrong.text, exact=True).focus()
            page.keyboard.press("Space")
        else:
            _answer_rightly_by_keyboard(page, panel, item)
        panel.get_by_role("button", name="Answer", exact=True).focus()
        page.keyboard.press("Enter")
    panel.get_by_text("Item by item").wait_for(timeout=LONG)
    assert quiz().finished("post")
    rows = _rows(panel)
    assert rows[DOMAINS["D1"]] == ("100 %", "100 %", "nothing left to gain")
    assert rows[DOMAINS["D3"]] == ("0 %", "100 %", "1.00 (high)")
    assert rows[DOMAINS["D5"]] == ("0 %", "33 %", "0.33 (medium)")
    assert rows["All domains"][1] == "90 %"
    assert violations(page, "quiz-gain") == []
    panel.screenshot(path=PICTURES / "quiz-gain-panel.png")

    panel.get_by_role("button", name="Where I stand").focus()
    page.keyboard.press("Enter")
    panel.get_by_text("42 different items").wait_for(timeout=LONG)
    assert _rows(panel) == rows


def test_the_test_before_is_taken_by_keyboard_and_survives_a_refresh(own_server, page, quiz):
    panel = _panel(page, own_server)
    panel.get_by_role("button", name="Test before").focus()
    page.keyboard.press("Enter")
    items = quiz().open_items("pre")
    for number, item in enumerate(items, start=1):
        panel.get_by_text(f"Test before: {number} of 21").wait_for(timeout=LONG)
        _question(panel, item)
        _answer_by_keyboard(page, panel, item)
        if number == 3:
            panel.screenshot(path=PICTURES / "quiz-test-panel.png")
        panel.get_by_role("button", name="Answer", exact=True).focus()
        page.keyboard.press("Enter")
        if number == 5:
            panel.get_by_text("Test before: 6 of 21").wait_for(timeout=LONG)
            page.wait_for_timeout(3500)  # how a panel was left is kept every three seconds
            panel = _panel(page, own_server)
    panel.get_by_text("Item by item").wait_for(timeout=LONG)
    assert quiz().finished("pre")
    assert violations(page, "quiz-result") == []
    panel.screenshot(path=PICTURES / "quiz-result-panel.png")
    panel.get_by_role("button", name="Where I stand").focus()
    page.keyboard.press("Enter")
    panel.get_by_text("21 different items").wait_for(timeout=LONG)
    page.emulate_media(color_scheme="dark")
    panel = _panel(page, own_server)
    _mode(panel, "Where I stand")
    panel.get_by_text("21 different items").wait_for(timeout=LONG)
    assert violations(page, "quiz-standing-dark") == []
    panel.screenshot(path=PICTURES / "quiz-standing-dark-panel.png")
    _mode(panel, "Practise")
    panel.get_by_role("button", name="Answer", exact=True).wait_for(timeout=LONG)
    assert violations(page, "quiz-practice-dark") == []
    panel.screenshot(path=PICTURES / "quiz-practice-dark-panel.png")
