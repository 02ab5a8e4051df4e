"""A class behind a proxy: what it says is believed, what a browser says in its place is not."""

import http.client
import os
import re
import subprocess
import sys
import urllib.parse

import pytest

from tests.security.test_room_isolation import Class, _home

pytestmark = pytest.mark.timeout(120)

NAME = "labs.example.org"
COMMAND = (sys.executable, "-m", "labkit.cli", "serve")


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    running = Class(_home(tmp_path_factory.mktemp("proxied")), "--behind-proxy", NAME)
    yield running
    running.stop()


def ask(room, path, data=None, *, host=NAME, passed="10.0.0.7", **more):
    """Ask as the proxy does, which adds to whatever a browser sent."""
    headers = {"Host": host, "X-Forwarded-Proto": "https", "X-Forwarded-For": passed, **more}
    body = None
    if data is not None:
        headers |= {"Cookie": "_xsrf=2|00000000|x", "Content-Type": "application/x-www-form-urlencoded"}
        token = xsrf(room, host)
        headers["Cookie"] = f"_xsrf={token}"
        body = urllib.parse.urlencode({"_xsrf": token, **data})
    line = http.client.HTTPConnection("127.0.0.1", room.port, timeout=30)
    try:
        line.request("GET" if body is None else "POST", path, body, headers)
        answer = line.getresponse()
        return answer.status, answer.headers, answer.read().decode(errors="replace")
    finally:
        line.close()


def xsrf(room, host=NAME):
    cookies = ask(room, "/enter", host=host)[1].get_all("Set-Cookie")
    return re.search(r"_xsrf=([^;]+)", "; ".join(cookies))[1]


def test_the_addresses_that_are_printed_are_those_of_the_proxy(room):
    assert f"https://{NAME}/board/enter?token=" in room.said
    assert f"For participants: https://{NAME}/\n" in room.said


def test_the_name_of_the_proxy_is_answered_and_no_other(room):
    assert ask(room, "/enter")[0] == 200
    for other in ("evil.example", "example.org", f"{NAME}.evil.example", f"x{NAME}"):
        assert ask(room, "/enter", host=other)[0] == 403
    assert ask(room, "/enter", host="evil.example", **{"X-Forwarded-Host": NAME})[0] == 403


def test_every_cookie_is_for_https_alone_whatever_a_browser_claims(room):
    forged = {"X-Scheme": "http", "X-Forwarded-Proto": "http"}
    given = []
    for more in ({}, forged):
        status, headers, _ = ask(room, "/enter", {"name": "Ada"}, **more)
        assert status == 200
        given += headers.get_all("Set-Cookie") + ask(room, "/enter", **more)[1].get_all("Set-Cookie")
        status, headers, _ = ask(room, f"/board/enter?token={room.token}", **more)
        assert status == 303
        given += headers.get_all("Set-Cookie")
    assert {cookie.partition("=")[0] for cookie in given} == {
        *("labkit-participant", "labkit-board", "labkit-class", "_xsrf")
    }
    assert [cookie for cookie in given if "; Secure" not in cookie] == []


def test_the_head_of_an_answer_is_no_longer_than_proxies_take(room):
    cookies = "; ".join(
        cookie.partition(";")[0] for cookie in ask(room, "/enter", {"name": "Ada"})[1].get_all("Set-Cookie")
    )
    for path in ("/", "/dashboards/L00"):
        status, headers, _ = ask(room, path, Cookie=cookies)
        assert status == 200
        assert "rel=pre" in headers["Link"]
        assert sum(len(name) + len(value) + 4 for name, value in headers.items()) < 4000


def test_whoever_guesses_cannot_take_another_address_by_saying_so(room):
    def guess(last, place):
        forged = f"203.0.113.{place}"
        passed = f"{forged}, 198.51.100.{place}, {last}"
        return ask(room, "/enter", {"code": "AAAAAAAAA"}, passed=passed, **{"X-Real-Ip": forged})[0]

    answers = [guess("10.0.0.9", place) for place in range(12)]
    assert answers[0] == 400
    assert answers[-1] == 429
    assert guess("10.0.0.10", 1) == 400


def test_the_server_itself_is_reached_from_this_machine_alone(room):
    import psutil

    (listening,) = {
        each.laddr.ip
        for each in psutil.Process(room.process.pid).net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr.port == room.port
    }
    assert listening == "127.0.0.1"


@pytest.mark.parametrize(
    "options",
    [
        ("--behind-proxy", NAME, "--host", "0.0.0.0"),  # noqa: S104 - it is refused
        ("--behind-proxy", "https://labs.example.org"),
        ("--behind-proxy", "labs.example.org/class"),
        ("--behind-proxy", "*"),
        ("--behind-proxy", "x,y"),
    ],
)
def test_what_would_open_it_further_is_refused(tmp_path, options):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "labkit.cli",
            "serve",
            "--class",
            "x",
            "--no-browser",
            "--port",
            "8999",
            *options,
        ],
        env={**os.environ, "LABKIT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "--behind-proxy" in done.stderr


# ---------------------------------------------------------------- the token and the command line


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for a browser is a script")
@pytest.mark.parametrize(("query", "hidden"), [("?token=very-secret", True), ("", False)])
def test_a_token_never_stands_on_the_command_line_of_a_browser(tmp_path, query, hidden):
    browser, said, seen = tmp_path / "browser", tmp_path / "said", tmp_path / "seen"
    browser.write_text(
        f"""#!/bin/sh
printf %s "$1" > {said}
case "$1" in file://*) cat "${{1#file://}}" > {seen};; esac
"""
    )
    browser.chmod(0o755)
    folder, address = tmp_path / "runtime", f"http://127.0.0.1:8888/board/enter{query}"
    program = (
        "import sys, os, stat, pathlib\n"
        "from labkit.server.browse import open_address\n"
        "folder = pathlib.Path(sys.argv[2])\n"
        "open_address(sys.argv[1].replace('SECRET', 'very-secret'), folder)\n"
        "print([oct(stat.S_IMODE(each.stat().st_mode)) for each in folder.glob('*')])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, address.replace("very-secret", "SECRET"), str(folder)],
        env={**os.environ, "BROWSER": f"{browser} %s"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    if hidden:
        assert said.read_text().startswith(folder.as_uri())
        assert "very-secret" not in said.read_text()
        assert f'url={address}"' in seen.read_text()
        assert done.stdout.strip() == "['0o600']"
        assert list(folder.glob("*")) == []  # nothing is left when the server has ended
    else:
        assert said.read_text() == address
        assert not folder.exists()
