"""What the instructor does from the board, over HTTP, and what nobody else can do or see."""

import csv
import hashlib
import hmac
import http.client
import io
import json
import re
import sys
import threading
import time
from contextlib import suppress

import psutil
import pytest
from tornado.web import create_signed_value

from labkit.course import ProgressLog, Session
from labkit.evidence import EvidencePack
from tests.security.test_room_isolation import Browser, Class, _home, again_try

pytestmark = pytest.mark.timeout(240)

LAB = "L00"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    running = Class(_home(tmp_path_factory.mktemp("board")), "--code")
    running.code = re.search(r"Code of the class: (\w+)", running.said)[1]
    yield running
    running.stop()


@pytest.fixture(scope="module")
def board(room):
    return room.instructor()


@pytest.fixture
def come(room):
    """Return a function that lets somebody in; who they are stands in ``id``."""

    def enter(name):
        browser = Browser(room.port)
        browser.code = browser.enter(name, join=room.code)
        browser.id = json.loads(browser.ask("api/me")[1])["identity"]["username"]
        return browser

    return enter


def act(board, action, **fields):
    return board.post("board/act", action=action, names="shown", **{"lab": LAB, **fields})


def log_of(room):
    return ProgressLog(folder_of(room) / "progress.sqlite")


def folder_of(room):
    return room.home / "data" / "classes" / "tested"


def news(browser, seconds=3.0, wanted=None):
    """Listen to the news as an open page does; return what came."""
    line = http.client.HTTPConnection("127.0.0.1", browser.port, timeout=seconds)
    line.request("GET", "/room/news", headers={"Cookie": browser.cookie()})
    answer, heard = line.getresponse(), []
    try:
        while wanted is None or not heard or heard[-1]["kind"] != wanted:
            text = answer.fp.readline().decode()
            if not text:
                break
            if text.startswith("data: "):
                heard.append(json.loads(text[6:]))
    except TimeoutError:
        pass
    finally:
        line.close()
    return heard


# ---------------------------------------------------------------- guessing, and honest people beside it


def test_a_right_code_or_token_is_let_in_whatever_others_tried_from_the_same_address(room, come):
    ada = come("Ada")
    guesses = [again_try(room.port, place) for place in range(12)]
    assert guesses[0] == 400
    assert guesses[-1] == 429
    back = Browser(room.port)
    assert back.post("enter", code=ada.code)[0] == 200
    assert "Ada" in back.ask("progress")[1]
    assert come("Newcomer").ask("progress")[0] == 200
    for _ in range(6):
        status, said = Browser(room.port).ask("board/enter?token=guess")
    assert status == 429
    assert "at any time" in said
    assert room.instructor().ask("board")[0] == 200


@pytest.mark.parametrize(("days", "status"), [(3, 200), (6.9, 200), (7.1, 403)])
def test_the_boards_cookie_lasts_for_a_course(room, board, days, status):
    (name,) = [cookie.name for cookie in board.jar if cookie.name.startswith("labkit-board")]
    secret = hmac.new((folder_of(room) / "secret").read_bytes(), b"cookies", hashlib.sha256).digest()
    then = time.time() - days * 24 * 3600
    given = create_signed_value(secret, name, room.token, clock=lambda: then).decode()
    assert Browser(room.port).ask("board", Cookie=f"{name}={given}")[0] == status


# ---------------------------------------------------------------- what the board does


def test_freezing_closing_and_opening_reach_whoever_connects_later(board, come):
    ada = come("Ada")
    for state in ("frozen", "closed"):
        status, page = act(board, "state", state=state)
        assert status == 200
        assert f"is {state} now" in page
        assert news(ada, wanted="states")[0] == {"kind": "states", "states": {LAB: state}}
        assert (ada.ask(f"dashboards/{LAB}")[0] == 403) is (state == "closed")
    act(board, "state", state="open")
    assert news(ada, wanted="states")[0] == {"kind": "states", "states": {}}


def test_what_is_said_to_one_is_heard_by_one_and_about_a_lab_by_its_pages(board, come):
    ada, eve = come("Ada"), come("Eve")
    act(board, "push", participant=ada.id, text="for Ada alone")
    act(board, "push", participant="lab", text="for this lab")
    act(board, "push", participant="", text="for all")
    heard = {who: [(each["text"], each["lab"]) for each in news(who, 1.5)[1:]] for who in (ada, eve)}
    assert heard[ada] == [("for Ada alone", ""), ("for this lab", LAB), ("for all", "")]
    assert heard[eve] == heard[ada][1:]


def test_beginning_anew_is_of_one_and_of_what_was_chosen(room, board, come):
    ada, eve = come("Ada"), come("Eve")
    log = log_of(room)
    for who in (ada.id, eve.id):
        for lab in (LAB, "L02", "quiz"):
            log.append(who, lab, "opened", {})
    kernel = ada.open_lab()

    def begun(who):
        return [event.lab for event in log.events(learner=who.id, kind="reset")]

    assert "quiz begins anew" in act(board, "reset", participant=ada.id, what="quiz")[1]
    assert begun(ada) == ["quiz"]
    act(board, "reset", participant=ada.id, what="lab")
    assert begun(ada) == ["quiz", LAB]
    act(board, "reset", participant=ada.id, what="all")
    assert begun(ada) == ["quiz", LAB, LAB, "L02", "quiz"]
    assert begun(eve) == []
    told = json.loads(ada.ask(f"labkit/kernel/{kernel}")[1])
    assert (told["state"], told["reason"]) == ("ended", "reset")
    assert told["text"].startswith("Begun anew: ")


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("state", {"lab": "L99", "state": "frozen"}),
        ("state", {"state": "shut"}),
        ("state", {}),
        ("reset", {"lab": "L99", "what": "lab"}),
        ("reset", {"what": "the moon"}),
        ("remove", {"progress": "sell"}),
        ("remove", {}),
        ("push", {"text": "x" * 501}),
        ("push", {"text": "x", "participant": "lab", "lab": "L99"}),
        ("explode", {}),
        ("", {}),
    ],
)
def test_what_the_board_cannot_do_is_answered_in_words(board, come, action, fields):
    ada = come("Ada")
    status, page = act(board, action, **{"participant": ada.id, **fields})
    assert status == 400
    assert "on our side" not in page


def test_nobody_who_is_not_here_is_reset_or_taken_out(board):
    for action in ("reset", "remove"):
        assert act(board, action, participant="p-0", what="lab", progress="keep")[0] == 404
        assert act(board, action, what="lab", progress="keep")[0] == 404


@pytest.mark.parametrize("progress", ["keep", "delete"])
def test_whoever_is_taken_out_is_out_at_once(room, board, come, progress):
    ada, eve = come("Ada Removed"), come("Eve Stays")
    kernel = ada.open_lab()
    log = log_of(room)
    log.append(eve.id, LAB, "opened", {})
    pack = folder_of(room) / "evidence" / ada.id
    (pack / "files").mkdir(parents=True)
    heard = []
    listening = threading.Thread(target=lambda: heard.extend(news(ada, 20, wanted="removed")))
    listening.start()
    time.sleep(1)
    status, page = act(board, "remove", participant=ada.id, progress=progress)
    listening.join()
    assert status == 200
    assert "Taken out of the class" in page
    assert heard[-1]["kind"] == "removed"
    assert "I am new here" in ada.ask("progress")[1]
    assert json.loads(ada.ask(f"labkit/kernel/{kernel}")[1]) == {"state": "unknown"}
    assert Browser(room.port).post("enter", code=ada.code)[0] in (400, 429)
    assert "Ada Removed" not in board.ask("board")[1].partition("Taken out")[2]
    left = {event.kind for event in log.events(learner=ada.id)}
    assert ("opened" in left, "removed" in left) == ((True, True) if progress == "keep" else (False, False))
    assert pack.exists() is (progress == "keep")
    assert [event.kind for event in log.events(learner=eve.id, lab=LAB)] == ["opened"]
    assert eve.ask("progress")[0] == 200


def test_those_who_did_nothing_and_are_not_here_are_taken_out_together(room, board, come):
    busy, idle = come("Busy"), come("Idle")
    log_of(room).append(busy.id, LAB, "opened", {})
    assert "Taken out:" in act(board, "tidy")[1]
    assert busy.ask("progress")[0] == 200
    assert "I am new here" in idle.ask("progress")[1]


def test_the_tables_for_a_spreadsheet_hold_the_class_and_run_nothing(room, board, come):
    ada = come("Ada;=cmd|'/c calc'!A0;")
    log_of(room).append(ada.id, LAB, "opened", {})
    status, text = board.ask("board/export.csv")
    assert status == 200
    rows = [
        row for row in csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))) if "cmd" in row["participant"]
    ]
    assert {row["lab"] for row in rows} >= {LAB}
    assert {row["participant"] for row in rows} == {"Ada;'=cmd|'/c calc'!A0;"}
    status, text = board.ask("board/quiz.csv")
    assert status == 200
    assert text.removeprefix("\ufeff").startswith('"participant","domain"')


def test_the_board_says_who_is_stuck_in_any_lab_and_opens_where_most_are(room, board, come):
    ada = come("Ada Stuck")
    session = Session("L02", learner=ada.id, seed=1, log=log_of(room))
    checkpoint = session.lab.checkpoints[0]
    about = {"checkpoint": checkpoint.id, "measured": 0.1, "passed": False}
    for _ in range(3):
        log_of(room).append(ada.id, "L02", "checked", about)
    table = board.ask(f"board/table?lab={LAB}")[1]
    visits = table.partition("Needs a visit")[2].partition("</section>")[0]
    assert "Ada Stuck" in visits
    assert "L02 Evasion range" in visits
    assert checkpoint.title in visits
    assert re.search(r"L02 Evasion range.*?1 stuck", table)
    eve = come("Eve")
    wire = eve.channels(eve.open_lab("L01"))
    page = board.ask("board")[1]
    assert re.search(r'href="[^"]*lab=L01[^"]*" aria-current="page"', page)
    assert re.search(r"L01 [^<]*<span[^>]*>1 in it<", page)
    wire.close()


def test_hidden_names_are_numbers_that_stay_when_somebody_comes(board, come):
    come("Somebody")

    def numbers():
        page = board.ask(f"board/table?lab={LAB}&names=hidden")[1]
        assert "Somebody" not in page
        return set(re.findall(r">(Participant \d+) ", page))

    before = numbers()
    come("Newcomer")
    assert before < numbers()


# ---------------------------------------------------------------- the live demo


def test_the_boards_cookie_opens_a_live_demo_and_nothing_of_a_participant(room, board, come):
    ada = come("Ada")
    assert 'href="/demo/L02"' in board.ask("board?lab=L02")[1]
    assert "I am new here" not in board.ask("demo/L02")[1]
    seats = board.ask(f"board/table?lab={LAB}")[1].count('scope="row"')
    kernel = board.open_lab("L00?demo=1")
    wire = board.channels(kernel)
    assert json.loads(board.ask(f"labkit/kernel/{kernel}")[1])["state"] == "running"
    assert board.ask("labkit/models")[0] == 200
    assert board.ask(f"board/table?lab={LAB}")[1].count('scope="row"') == seats
    assert json.loads(ada.ask(f"labkit/kernel/{kernel}")[1]) == {"state": "gone"}
    assert ada.ask(f"api/kernels/{kernel}")[0] == 403
    for path in (f"dashboards/{LAB}", f"dashboards/{LAB}?demo=", "progress", "evidence", "", "room/news"):
        assert "I am new here" in board.ask(path)[1], path
    assert board.ask(f"api/kernels/{ada.open_lab()}")[0] == 403
    wire.close()
    board.post(f"voila/api/shutdown/{kernel}")
    assert board.ask(f"api/kernels/{kernel}")[0] in (403, 404)


def test_the_instructor_can_be_a_participant_beside_it(room, come):
    both = come("Both")
    both.ask(f"board/enter?token={room.token}")
    own, shown = both.open_lab(), both.open_lab("L00?demo=1")
    for kernel in (own, shown):
        assert json.loads(both.ask(f"labkit/kernel/{kernel}")[1])["state"] == "running"
    stranger = come("Stranger")
    for kernel in (own, shown):
        assert json.loads(stranger.ask(f"labkit/kernel/{kernel}")[1])["state"] == "gone"
    both.post("leave")  # ends what is the participant's
    assert json.loads(both.ask(f"labkit/kernel/{shown}")[1])["state"] == "running"
    assert json.loads(both.ask(f"labkit/kernel/{own}")[1])["state"] == "unknown"


# ---------------------------------------------------------------- what nobody else sees


def test_the_evidence_of_one_is_not_in_the_pack_of_another(room, come):
    ada, eve = come("Ada"), come("Eve")
    for browser, words in ((ada, "what Ada measured"), (eve, "what Eve measured")):
        EvidencePack(folder_of(room) / "evidence" / browser.id).add(LAB, words, {"accuracy": 0.5})
    assert "what Ada measured" in ada.ask("evidence")[1]
    page = eve.ask("evidence")[1]
    assert "what Eve measured" in page
    assert "Ada" not in page
    for path in (f"evidence/{ada.id}", f"evidence?learner={ada.id}", f"evidence/../{ada.id}/pack.html"):
        assert "what Ada measured" not in eve.ask(path)[1]


def test_what_the_server_counts_is_nothing_for_a_participant(room, board, come):
    ada = come("Ada")
    for path in ("metrics", "metrics/", "api/status", "api/spec.yaml", "kernelspecs/python3/kernel.json"):
        status, page = ada.ask(path)
        assert status in (403, 404), path
        assert "http_request_duration" not in page
    for browser in (board, Browser(room.port)):
        assert "http_request_duration" not in browser.ask("metrics")[1]


# ---------------------------------------------------------------- filling the room


@pytest.mark.skipif(sys.platform != "linux", reason="processes are counted on Linux")
def test_opening_many_at_once_starts_no_more_kernels_than_one_may_have(room, come):
    eve = come("Eve")
    wait_until_warm(room, eve)
    before, most, done = kernels_of(room), 0, threading.Event()

    def count():
        nonlocal most
        while not done.is_set():
            most = max(most, kernels_of(room) - before)
            time.sleep(0.02)

    counting = threading.Thread(target=count)
    counting.start()
    answers = []
    crowd = [
        threading.Thread(target=lambda: answers.append(eve.ask(f"dashboards/{LAB}")[0])) for _ in range(12)
    ]
    for thread in crowd:
        thread.start()
    for thread in crowd:
        thread.join()
    done.set()
    counting.join()
    assert set(answers) == {200, 429}
    assert 0 < most <= 4  # three, and the next before the oldest is gone


def wait_until_warm(room, browser):
    """Wait until a kernel is a fork with a name that tells it."""
    deadline = time.monotonic() + 60
    while not kernels_of(room) and time.monotonic() < deadline:
        browser.open_lab()
        time.sleep(0.5)


def kernels_of(room):
    """Return how many kernels run."""
    family = psutil.Process(room.process.pid).children(recursive=True)
    count = 0
    for each in family:
        with suppress(psutil.Error):
            count += each.name().startswith("lab-") and each.status() != psutil.STATUS_ZOMBIE
    return count


def test_one_address_can_enter_only_so_often_and_whoever_was_here_comes_back(tmp_path):
    room = Class(_home(tmp_path))
    try:
        first = Browser(room.port)
        code = first.enter("first")
        flood = Browser(room.port)
        token = flood.xsrf()
        answers = [flood.ask("enter", {"_xsrf": token, "name": f"n{place}"})[0] for place in range(65)]
        assert answers[:59] == [200] * 59
        assert answers[-1] == 429
        assert Browser(room.port).post("enter", code=code)[0] == 200
    finally:
        room.stop()
