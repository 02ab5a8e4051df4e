"""A class on one server: nobody reaches what belongs to somebody else, and nobody runs code."""

import copy
import http.cookiejar
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import pytest
import websocket

from labkit.server.room.people import CODE_LETTERS
from tests.conftest import HOME

pytestmark = pytest.mark.timeout(240)

LAB = "L00"


class Browser:
    """As much of a browser as these tests need: it keeps cookies and follows redirects."""

    def __init__(self, port):
        self.port, self.jar = port, http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self.jar))

    def ask(self, path, data=None, **headers):
        body = None if data is None else urllib.parse.urlencode(data).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", body, headers)
        try:
            with self._opener.open(request, timeout=60) as answer:
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")

    def post(self, path, **data):
        return self.ask(path, {"_xsrf": self.xsrf(), **data})

    def xsrf(self):
        self.ask("enter")
        return next(cookie.value for cookie in self.jar if cookie.name == "_xsrf")

    def enter(self, name, **more):
        status, page = self.post("enter", name=name, **more)
        assert status == 200, page
        return re.search(r"data-lk-code>([^<]+)<", page)[1]

    def open_lab(self, lab=LAB):
        status, page = self.ask(f"dashboards/{lab}")
        assert status == 200
        return re.search(r'"kernelId": ?"([0-9a-f-]{36})"', page)[1]

    def cookie(self):
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in self.jar)

    def channels(self, kernel, origin=None):
        wire = websocket.WebSocket()
        line = socket.create_connection(("127.0.0.1", self.port), timeout=15)
        try:
            wire.connect(
                f"ws://127.0.0.1:{self.port}/api/kernels/{kernel}/channels?session_id={uuid.uuid4()}",
                cookie=self.cookie(),
                origin=origin or f"http://127.0.0.1:{self.port}",
                socket=line,
            )
        except websocket.WebSocketBadStatusException:
            line.close()
            raise
        return wire


def message(kind, content, channel="shell", **more):
    header = {
        "msg_id": str(uuid.uuid4()),
        "msg_type": kind,
        "session": "test",
        "username": "",
        "version": "5.3",
    }
    about = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": channel}
    return json.dumps({**about, **more})


class Class:
    def __init__(self, home, *arguments):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.home = home
        command = [sys.executable, "-m", "labkit.cli", "serve", "--class", "tested", "--no-browser"]
        self.process = subprocess.Popen(
            [*command, "--no-training", "--port", str(self.port), *arguments],
            env={**os.environ, "LABKIT_HOME": str(home), "OPEN": "no"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = ""
        for line in self.process.stdout:
            self.said += line
            if "Stop it with" in line:
                break
        assert "For participants" in self.said, self.said
        self.token = re.search(r"token=(\S+)", self.said)[1]

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.stdout.close()

    def instructor(self):
        browser = Browser(self.port)
        status, _ = browser.ask(f"board/enter?token={self.token}")
        assert status == 200
        return browser


def _home(folder):
    (HOME / "cache").mkdir(parents=True, exist_ok=True)
    home = folder / "home"
    home.mkdir()
    (home / "cache").symlink_to(HOME / "cache", target_is_directory=True)
    return home


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    running = Class(_home(tmp_path_factory.mktemp("class")))
    yield running
    running.stop()


@pytest.fixture
def ada(room):
    browser = Browser(room.port)
    browser.code = browser.enter("Ada")
    return browser


@pytest.fixture
def eve(room):
    browser = Browser(room.port)
    browser.code = browser.enter("Eve")
    return browser


@pytest.mark.parametrize(
    "path", ["", "progress", f"dashboards/{LAB}", "evidence", "evidence/evidence.zip", "demo/L02"]
)
def test_without_a_cookie_every_page_is_the_entrance(room, path):
    status, page = Browser(room.port).ask(path)
    assert status == 200
    assert "I am new here" in page


@pytest.mark.parametrize(
    "path",
    [
        *("api/kernels", "api/sessions", "api/contents", "api/contents/../../secret", "api/kernelspecs"),
        *("api/config/notebook", "api/status", "files/secret", "nbconvert/html/x.ipynb", "view/x"),
        *("lab", "tree", "api/terminals", "terminals/1", "hands-on/L02", "board", "board/table"),
        *("board/export.csv", "board/quiz.csv", "board/act", "metrics"),
        *("exam", "exam/practice", "exam/result/practice-0f11b0"),
    ],
)
def test_a_participant_reaches_none_of_what_a_server_of_ones_own_offers(ada, path):
    status, page = ada.ask(path)
    assert status in (403, 404, 405), page[:300]


def test_nobody_begins_an_exam_in_a_class(ada):
    status, page = ada.post("exam/practice")
    assert status == 403
    assert "In a class on one machine there is no exam" in page
    assert ">Exam<" not in ada.ask("")[1]


def test_nobody_starts_a_kernel_past_the_labs(ada):
    for path in ("api/kernels", "api/sessions"):
        request = urllib.request.Request(
            f"http://127.0.0.1:{ada.port}/{path}",
            b'{"name": "python3", "path": "x.ipynb", "type": "notebook"}',
            {"Cookie": ada.cookie(), "X-XSRFToken": ada.xsrf(), "Content-Type": "application/json"},
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=30)  # noqa: S310
        assert refused.value.code == 403
        refused.value.close()


def test_the_kernel_of_somebody_else_is_out_of_reach(ada, eve):
    kernel = ada.open_lab()
    assert ada.ask(f"api/kernels/{kernel}")[0] == 200
    assert eve.ask(f"api/kernels/{kernel}")[0] == 403
    with pytest.raises(websocket.WebSocketBadStatusException):
        eve.channels(kernel)
    for path in (f"api/kernels/{kernel}/interrupt", f"api/kernels/{kernel}/restart"):
        assert eve.post(path)[0] == 403
        assert ada.post(path)[0] == 403
    eve.post(f"voila/api/shutdown/{kernel}")
    assert ada.ask(f"api/kernels/{kernel}")[0] == 200
    ada.post(f"voila/api/shutdown/{kernel}")
    assert ada.ask(f"api/kernels/{kernel}")[0] in (403, 404)


def test_a_page_of_another_site_reaches_no_kernel(ada):
    kernel = ada.open_lab()
    with pytest.raises(websocket.WebSocketBadStatusException):
        ada.channels(kernel, origin="http://evil.example")


@pytest.mark.parametrize(
    ("kind", "channel", "content"),
    [
        ("execute_request", "shell", {"code": "open(PATH, 'w')", "silent": False}),
        ("execute_request", "control", {"code": "open(PATH, 'w')", "silent": False}),
        ("inspect_request", "shell", {"code": "lab", "cursor_pos": 3, "detail_level": 0}),
        ("complete_request", "shell", {"code": "lab.", "cursor_pos": 4}),
        ("input_reply", "stdin", {"value": "x"}),
        ("debug_request", "control", {"type": "request", "command": "evaluate"}),
        ("create_subshell_request", "control", {}),
        ("shutdown_request", "control", {"restart": False}),
        ("comm_open", "shell", {"comm_id": "x", "target_name": "jupyter.widget", "data": {}}),
    ],
)
def test_what_a_dashboard_does_not_need_never_reaches_the_kernel(ada, tmp_path, kind, channel, content):
    path = tmp_path / "written"
    content = {
        key: value.replace("PATH", repr(str(path))) if isinstance(value, str) else value
        for key, value in content.items()
    }
    kernel = ada.open_lab()
    wire = ada.channels(kernel)
    asked = message(kind, content, channel)
    wire.send(asked)
    wire.send(message("comm_info_request", {"target_name": "jupyter.widget"}))
    seen = _until(wire, "comm_info_reply")
    mine = json.loads(asked)["header"]["msg_id"]
    assert not [each for each in seen if each["parent_header"].get("msg_id") == mine]
    assert not path.exists()
    wire.close()


def test_a_message_that_two_readers_would_read_differently_is_dropped(ada, tmp_path):
    path = tmp_path / "written"
    kernel = ada.open_lab()
    wire = ada.channels(kernel)
    code = message("execute_request", {"code": f"open({str(path)!r}, 'w')", "silent": False})
    twice = code.replace(
        '"msg_type": "execute_request"', '"msg_type": "execute_request", "msg_type": "comm_msg"'
    )
    for each in (twice, twice.replace("comm_msg", "execute_request"), "{", "[]", "null", '"text"', "\x00"):
        wire.send(each)
    wire.send(message("comm_info_request", {}))
    assert _until(wire, "comm_info_reply")
    assert not path.exists()
    wire.close()


def _until(wire, kind):
    seen = []
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        got = wire.recv()
        if isinstance(got, str) and got.startswith("{"):
            seen.append(json.loads(got))
            if seen[-1]["header"].get("msg_type") == kind:
                return seen
    raise AssertionError(f"no {kind} came")


def test_two_people_with_one_name_are_two_people(room):
    one, other = Browser(room.port), Browser(room.port)
    assert one.enter("Kim") != other.enter("Kim")
    one.post(f"progress/{LAB}/reset")
    assert room.home
    table = room.instructor().ask(f"board/table?lab={LAB}")[1]
    assert len(re.findall(r">Kim\b", table)) >= 2


def test_a_forged_or_altered_cookie_is_nobodys(ada):
    for change in (lambda value: value[:-3] + "abc", lambda value: "p-0000000000000000", lambda _: "2|1:0|x"):
        forged = Browser(ada.port)
        for cookie in ada.jar:
            if cookie.name.startswith("labkit-participant"):
                cookie = copy.copy(cookie)
                cookie.value = change(cookie.value)
            forged.jar.set_cookie(cookie)
        assert "I am new here" in forged.ask("progress")[1]


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(ada):
    (own,) = [cookie for cookie in ada.jar if cookie.name.startswith("labkit-participant")]
    assert own.has_nonstandard_attr("HttpOnly")
    assert own.get_nonstandard_attr("SameSite") == "Lax"


def test_the_participants_cookie_does_not_open_the_board_and_the_token_makes_nobody_a_participant(room, ada):
    assert ada.ask("board")[0] == 403
    assert ada.ask("board/enter?token=guess")[0] == 403
    instructor = room.instructor()
    assert instructor.ask("board")[0] == 200
    assert "I am new here" in instructor.ask("progress")[1]
    assert Browser(room.port).ask(f"progress?token={room.token}")[1].count("I am new here") == 1


def test_a_form_of_another_site_does_nothing(room, ada):
    status, _ = ada.ask("leave", {"x": "1"})
    assert status == 403
    instructor = room.instructor()
    status, _ = instructor.ask("board/act", {"action": "state", "lab": LAB, "state": "closed"})
    assert status == 403


def test_a_name_is_shown_as_text_wherever_it_appears(room):
    rude = Browser(room.port)
    rude.enter("<script>alert(1)</script>")
    instructor = room.instructor()
    for page in (rude.ask("")[1], rude.ask("progress")[1], instructor.ask("board")[1]):
        assert "<script>alert" not in page
        assert "&lt;script&gt;" in page


def test_the_own_code_brings_one_back_and_guessing_is_slowed_down(room, ada):
    again = Browser(room.port)
    forgiving = ada.code.lower().replace("-", " ")
    assert again.post("enter", code=forgiving)[0] == 200
    assert "Ada" in again.ask("progress")[1]
    guesses = [again_try(room.port, place) for place in range(12)]
    assert guesses[0] == 400
    assert guesses[-1] == 429


def again_try(port, place):
    guess = "".join(CODE_LETTERS[(place + step) % len(CODE_LETTERS)] for step in range(9))
    return Browser(port).post("enter", code=guess)[0]


@pytest.mark.parametrize("name", ["../x", "a/b", "", "x" * 41, "a\nb", ".hidden", "ä"])
def test_a_class_cannot_lie_outside_its_folder(name, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "labkit.cli", "serve", "--class", name, "--no-browser", "--port", "8"],
        env={**os.environ, "LABKIT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "expected" in done.stderr or "cannot listen" in done.stderr
    assert not (tmp_path / "data" / "classes").exists()
