"""The instructor's board in a real browser, and what pages of participants make of it."""

import re
import time

import pytest
from playwright.sync_api import expect

from labkit.course import ProgressLog, find_lab
from tests.browser.conftest import PICTURES, violations
from tests.browser.test_room import LAB, enter, open_lab, serve
from tests.browser.test_room import visitor as visitor  # a fixture

LAB_OF_BOARD = "L02"


@pytest.fixture(scope="module")
def room(tmp_path_factory, victims):
    running = serve(tmp_path_factory.mktemp("board"))
    running.log = ProgressLog(running.home / "data" / "classes" / "tested" / "progress.sqlite")
    yield running
    running.stop()


@pytest.fixture
def board(room, visitor):
    page = visitor()
    page.errors = []
    page.on("console", lambda said: page.errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("dialog", lambda dialog: dialog.accept())
    # What the server printed first; it was written before it answered.
    token = re.search(r"token=(\S+)", said_by(room))[1]
    page.goto(f"{room.url}/board/enter?token={token}")
    expect(page.get_by_role("heading", level=1, name="tested")).to_be_visible()
    assert "token" not in page.url
    yield page
    assert page.errors == []


def said_by(room):
    deadline = time.monotonic() + 20
    while "token=" not in (room.home / "server.log").read_text() and time.monotonic() < deadline:
        time.sleep(0.1)
    return (room.home / "server.log").read_text()


@pytest.fixture
def ada(room, visitor):
    """A participant with a name of her own who failed three times."""
    page = visitor()
    page.name = f"Ada {time.monotonic_ns() % 10**6}"
    enter(page, room, page.name)
    page.id = page.request.get(f"{room.url}/api/me").json()["identity"]["username"]
    first, second, *_ = find_lab(LAB_OF_BOARD).checkpoints
    for checkpoint, passed in ((first, True), (second, False), (second, False), (second, False)):
        about = {"checkpoint": checkpoint.id, "measured": 0.4, "passed": passed}
        room.log.append(page.id, LAB_OF_BOARD, "checked", about)
    return page


def press(page, wanted, key="Enter", most=150):
    """Go to an element with the tabulator alone and press a key on it."""
    page.evaluate("document.getElementById('content').focus()")
    for _ in range(most):
        page.keyboard.press("Tab")
        if page.evaluate(f"(() => {{ const at = document.activeElement; return {wanted}; }})()"):
            page.keyboard.press(key)
            return
    raise AssertionError(f"the tabulator does not reach {wanted}")


def choose(page, label, option):
    """Choose from a list with the keyboard."""
    page.get_by_label(label, exact=True).focus()
    page.keyboard.type(option)


def hide(page):
    """Let a page think that its tab is in the background."""
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => true, configurable: true})")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def bring_back(page):
    page.evaluate("delete document.hidden")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


# ---------------------------------------------------------------- the board itself


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("names", ["shown", "hidden"])
def test_the_board_can_be_read_by_everybody_in_both_themes(board, ada, theme, names):
    board.goto(f"{board.url.partition('/board')[0]}/board?lab={LAB_OF_BOARD}&names={names}")
    board.evaluate(f"document.documentElement.dataset.theme = '{theme}'")
    board.wait_for_timeout(300)
    assert violations(board, f"board-{names}-{theme}") == []
    if names == "shown":
        expect(board.locator("#board")).to_contain_text(f"{ada.name} here, stuck")
    else:
        expect(board.locator("body")).not_to_contain_text(ada.name)


def test_an_instructor_freezes_says_begins_anew_hides_and_exports_by_keyboard(room, board, ada):
    board.goto(f"{room.url}/board?lab={LAB_OF_BOARD}")
    said = board.locator("#said")
    press(board, "at.value === 'frozen'")
    expect(said).to_contain_text("is frozen now")
    expect(board.locator("#board nav")).to_contain_text("(frozen)")
    assert violations(board, "board-said") == []
    press(board, "at.value === 'open'")
    expect(said).to_contain_text("is open now")

    press(board, f"at.getAttribute('aria-label') === 'Help {ada.name}'")
    expect(board.locator("#text")).to_be_focused()
    assert board.locator("#text").input_value()  # the first hint of where she is stuck
    board.keyboard.press("ControlOrMeta+a")
    board.keyboard.type("Look at the third picture")
    board.keyboard.press("Tab")
    board.keyboard.press("Enter")
    expect(said).to_contain_text("Sent.")
    expect(ada.locator(".lk-news")).to_contain_text("Look at the third picture")

    choose(board, "Begin anew for", ada.name)
    press(board, "at.textContent === 'Begin anew'")
    expect(said).to_contain_text("begins anew for this participant")
    assert [event.lab for event in room.log.events(learner=ada.id, kind="reset")] == [LAB_OF_BOARD]

    with board.expect_download() as downloading:
        press(board, "at.textContent.startsWith('Export labs')")
    assert ada.name in downloading.value.path().read_text("utf-8")

    press(board, "at.textContent.startsWith('Hide names')")
    expect(board.locator("body")).not_to_contain_text(ada.name)
    expect(board.locator("#board")).to_contain_text("Participant ")
    press(board, "at.textContent === 'Show names'")
    expect(board.locator("#board")).to_contain_text(ada.name)


def test_the_focus_stays_where_it_is_while_the_board_changes(room, board, ada):
    board.goto(f"{room.url}/board?lab={LAB_OF_BOARD}")
    for wanted in (f"help-{ada.id}", f"tab-{LAB_OF_BOARD}", "board-region"):
        board.evaluate("id => document.getElementById(id).focus()", wanted)
        first = find_lab(LAB_OF_BOARD).checkpoints[1]
        before = board.locator("#board").inner_text()
        about = {"checkpoint": first.id, "measured": 0.4, "passed": False}
        room.log.append(ada.id, LAB_OF_BOARD, "checked", about)
        expect(board.locator("#board")).not_to_have_text(before, timeout=10_000)
        board.wait_for_timeout(2500)
        assert board.evaluate("document.activeElement.id") == wanted


def test_a_participant_is_taken_out_and_their_page_says_so(room, board, visitor):
    eve = visitor()
    enter(eve, room, "Eve Out")
    open_lab(eve, room)
    board.goto(f"{room.url}/board?lab={LAB}")
    choose(board, "Take out of the class", "Eve Out")
    press(board, "at.textContent === 'Take out'")
    expect(board.locator("#said")).to_contain_text("Taken out of the class")
    expect(board.locator("#board")).not_to_contain_text("Eve Out")
    expect(eve.locator(".lk-keeping")).to_contain_text("Left", timeout=20_000)
    eve.locator(".lk-keeping").get_by_role("button", name="Continue").click()
    expect(eve.get_by_text("I am new here")).to_be_visible()


def test_the_instructor_shows_a_lab_to_the_room_and_takes_no_seat(room, board, ada):
    board.goto(f"{room.url}/board?lab={LAB_OF_BOARD}")
    count = board.locator("#board tbody tr").count()
    board.get_by_role("link", name=f"Live demo of {LAB_OF_BOARD}").click()
    expect(board.get_by_role("heading", level=1)).to_have_text(find_lab(LAB_OF_BOARD).title)
    expect(board.locator("#warm")).to_have_text("The run is ready", timeout=120_000)
    assert violations(board, "board-demo") == []
    board.keyboard.press("r")
    inside = board.frame_locator("#run-frame")
    expect(inside.locator(".lk-panel").first).to_be_visible(timeout=120_000)
    board.screenshot(path=PICTURES / "board-demo-run.png")
    board.get_by_role("link", name="Board", exact=True).click()
    expect(board.locator("#board tbody tr")).to_have_count(count)


# ---------------------------------------------------------------- pages of participants


def test_a_lab_that_was_begun_anew_in_the_background_says_so_and_leads_on(room, board, ada):
    open_lab(ada, room)
    hide(ada)
    board.goto(f"{room.url}/board?lab={LAB}")
    choose(board, "Begin anew for", ada.name)
    press(board, "at.textContent === 'Begin anew'")
    expect(board.locator("#said")).to_contain_text("begins anew")
    bring_back(ada)
    notice = ada.locator(".lk-keeping")
    expect(notice).to_contain_text("Begun anew: your instructor", timeout=20_000)
    ada.screenshot(path=PICTURES / "room-begun-anew.png")
    notice.get_by_role("button", name="Continue").click()
    ada.wait_for_selector("html:not([data-lk-paused])[data-lk-ready=yes]", timeout=120_000)
    expect(ada.locator(".lk-panel").first).to_be_visible(timeout=120_000)


def test_freezing_and_closing_are_seen_by_pages_that_were_away_and_by_those_that_were_not(room, board, ada):
    open_lab(ada, room)
    board.goto(f"{room.url}/board?lab={LAB}")
    note = ada.locator(".lk-news").filter(has=ada.locator("strong"))

    def turn(state):
        press(board, f"at.value === '{state}'")
        expect(board.locator("#said")).to_contain_text(f"is {state} now")

    hide(ada)
    turn("frozen")
    bring_back(ada)
    expect(note).to_contain_text("Your instructor has frozen this lab")
    hide(ada)
    turn("open")
    bring_back(ada)
    expect(note.get_by_text("has frozen")).to_have_count(0)
    turn("closed")
    expect(note).to_contain_text("Your instructor has closed this lab")
    ada.screenshot(path=PICTURES / "room-closed.png")
    ada.goto(f"{room.url}/dashboards/{LAB}")
    expect(ada.get_by_role("heading", level=1)).to_contain_text("is not open yet")
    turn("open")
    ada.wait_for_selector("html[data-lk-ready=yes]", timeout=120_000)
    assert ada.locator(".lk-news .lk-callout.lk-warn").count() == 0


def test_a_message_that_was_put_away_stays_away_in_every_tab(room, board, ada):
    other = ada.context.new_page()
    other.goto(room.url)
    board.get_by_label("Message").fill("Break until ten")
    board.get_by_role("button", name="Send").click()
    for page in (ada, other):
        expect(page.locator(".lk-news")).to_contain_text("Break until ten")
    ada.locator(".lk-news .lk-callout", has_text="Break until ten").get_by_role("button").click()
    expect(other.locator(".lk-news")).not_to_contain_text("Break until ten")
    third = ada.context.new_page()
    with third.expect_request("**/room/news"):
        third.goto(room.url)
    third.wait_for_timeout(1000)
    expect(third.locator(".lk-news")).not_to_contain_text("Break until ten")


def test_a_message_about_one_lab_is_not_shown_in_another(room, board, ada, visitor):
    eve = visitor()
    enter(eve, room, "Eve")
    open_lab(eve, room)
    board.goto(f"{room.url}/board?lab={LAB_OF_BOARD}")
    choose(board, "To", f"everybody in {LAB_OF_BOARD}")
    board.get_by_label("Message").fill("Only for the range")
    board.get_by_role("button", name="Send").click()
    expect(board.locator("#said")).to_contain_text("Sent.")
    expect(ada.locator(".lk-news")).to_contain_text("Only for the range")  # the catalogue shows all
    eve.wait_for_timeout(1000)
    expect(eve.locator("body > .lk-news").first).not_to_contain_text("Only for the range")
