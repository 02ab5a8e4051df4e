"""The server serves what it must, to whom it must, and says nothing else."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(180)


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _ask(port, path, host=None, method="GET", body=None, headers=None):
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
        connection.request(
            method, path, body=body, headers={"Host": host or f"127.0.0.1:{port}", **(headers or {})}
        )
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace")


def _start(home, *arguments, **environment):
    port = _free_port()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "labkit.cli",
            "lab",
            "--no-browser",
            "--no-training",
            "--no-warm",
            "--port",
            str(port),
            *arguments,
        ],
        env={**os.environ, "LABKIT_HOME": str(home), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines = []
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        lines.append(process.stdout.readline())
        if "The lab is ready" in lines[-1]:
            return port, process, lines[-1]
        if process.poll() is not None:
            break
    raise AssertionError("".join(lines))


def _stop(process):
    process.terminate()
    try:
        process.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
    process.stdout.close()


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    home = tmp_path_factory.mktemp("served")
    (home / "secret.txt").write_text("kept from the web")
    port, process, _ = _start(home)
    yield port
    _stop(process)


@pytest.mark.parametrize(
    "path",
    [
        "/labkit/static/../pages.py",
        "/labkit/static/%2e%2e/pages.py",
        "/labkit/static/..%2f..%2fcli.py",
        "/dashboards/..%2f..%2fetc%2fpasswd",
        "/dashboards/lab.toml",
        "/files/..%2fsecret.txt",
        "/files/../../secret.txt",
        "/voila/files/secret.txt",
        "/voila/render/L00-start-here/lab.ipynb",
        "/voila/tree",
        "/voila/templates/labkit/../../../../pages.py",
        "/voila/static/..%2f..%2fapp.py",
        "/api/contents/..%2f",
        "/terminals/websocket/1",
        "/demo/nothing-like-it",
        "/hands-on/nothing-like-it",
    ],
)
def test_nothing_is_served_that_is_not_meant_to_be(port, path):
    status, _, body = _ask(port, path)
    assert status in (400, 403, 404)
    assert "kept from the web" not in body
    assert "root:" not in body
    assert "Traceback" not in body


def test_a_page_from_elsewhere_cannot_use_a_name_of_its_own_for_this_machine(port):
    status, _, _ = _ask(port, "/", host="attacker.example")
    assert status == 403


@pytest.mark.parametrize(
    "path", ["/labkit/alive", "/labkit/static/labkit.css", "/labkit/models", "/api/kernels"]
)
def test_nor_can_it_fetch_the_smallest_thing(port, path):
    assert _ask(port, path, host="attacker.example")[0] == 403


@pytest.mark.parametrize("path", ["/dashboards/L00", "/hands-on/L00"])
def test_another_site_cannot_open_a_lab_as_a_picture_or_a_frame(port, path):
    for place in ("image", "iframe", "script"):
        mode = "navigate" if place == "iframe" else "no-cors"
        from_elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode, "Sec-Fetch-Dest": place}
        assert _ask(port, path, headers=from_elsewhere)[0] == 403
    assert _ask(port, "/api/kernels")[2].strip() == "[]"


def test_an_action_without_the_page_s_own_token_is_refused(port):
    status, _, body = _ask(port, "/progress/L00/reset", method="POST", body="")
    assert status == 403
    assert "Traceback" not in body


def test_the_template_of_a_dashboard_cannot_be_chosen_from_the_address(port):
    status, _, body = _ask(port, "/dashboards/nope?template=lab&theme=dark")
    assert status == 404
    status, _, body = _ask(port, "/demo/L02?template=classic")
    assert status == 200
    assert "AI security lab" in body


def test_every_page_is_sent_with_a_policy_that_keeps_others_out(port):
    for path in ("/", "/progress", "/glossary", "/standards", "/demo/L02", "/nothing"):
        _, headers, body = _ask(port, path)
        policy = headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'self'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"(src|href)=\"https?://", body)


def test_our_own_pages_allow_no_inline_script(port):
    _, headers, body = _ask(port, "/")
    assert "unsafe-inline" not in headers["Content-Security-Policy"]
    assert not re.search(r"<script(?![^>]*(src=|application/json))", body)
    assert " style=" not in body


def test_an_unknown_lab_gets_a_friendly_answer_with_those_that_there_are(port):
    status, _, body = _ask(port, "/dashboards/L99")
    assert status == 404
    assert "L02" in body
    assert "Back to the labs" in body


def test_what_is_asked_for_is_escaped_where_it_is_shown(port):
    _, _, body = _ask(port, "/nothing/%3Cscript%3Ealert(1)%3C/script%3E")
    assert "<script>alert(1)" not in body


def test_on_another_address_a_token_is_asked_for(tmp_path):
    port, process, said = _start(tmp_path, "--host", "0.0.0.0")  # noqa: S104
    try:
        token = re.search(r"token=([\w-]{20,})", said).group(1)
        status, headers, _ = _ask(port, "/")
        assert status in (302, 403)
        assert "AI security" not in headers.get("Location", "")
        for path in (
            "/api/kernels",
            "/labkit/models",
            "/dashboards/L00",
            "/files/x",
            "/evidence/evidence.zip",
        ):
            assert _ask(port, path)[0] in (302, 403), path
        assert _ask(port, "/labkit/alive")[2] == "labkit"
        assert _ask(port, f"/?token={token}")[0] == 200
    finally:
        _stop(process)


def test_a_port_that_is_taken_is_said_before_anything_starts(tmp_path, port):
    done = subprocess.run(
        [sys.executable, "-m", "labkit.cli", "lab", "--no-browser", "--port", str(port)],
        env={**os.environ, "LABKIT_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "running already" in done.stderr
    assert f"PORT={port + 1}" in done.stderr
    assert f"http://127.0.0.1:{port}/" in done.stderr
    assert not Path(tmp_path / "data").exists()


def test_a_port_that_somebody_else_holds_is_said_with_a_way_out(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen(1)
        taken = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "labkit.cli", "lab", "--no-browser", "--port", str(taken)],
            env={**os.environ, "LABKIT_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert f"port {taken}" in done.stderr
    assert f"PORT={taken + 1}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_ends_the_server_and_every_kernel(tmp_path, number):
    import psutil

    port, process, _ = _start(tmp_path)
    cookie = _ask(port, "/")[1]["Set-Cookie"]
    assert cookie
    children = []
    try:
        status, _, _ = _ask(port, "/dashboards/L00", headers={"Sec-Fetch-Site": "none"})
        assert status == 200
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
    finally:
        process.send_signal(number)
    said = process.communicate(timeout=30)[0]
    assert process.returncode == 0
    assert "your progress is kept" in said
    assert "Traceback" not in said
    assert psutil.wait_procs(children, timeout=10)[1] == []


def test_a_participant_s_own_configuration_of_jupyter_is_not_read(tmp_path):
    configuration = tmp_path / "user" / ".jupyter"
    configuration.mkdir(parents=True)
    weak = "c = get_config()\nc.ServerApp.disable_check_xsrf = True\nc.ServerApp.allow_remote_access = True\n"
    for name in ("jupyter_server_config.py", "jupyter_config.py", "jupyter_lab_config.py"):
        (configuration / name).write_text(weak)
    port, process, _ = _start(
        tmp_path / "home",
        HOME=str(tmp_path / "user"),
        JUPYTER_CONFIG_DIR=str(configuration),
        JUPYTER_TOKEN="known",  # noqa: S106
        JUPYTER_SERVER_ALLOW_UNAUTHENTICATED_ACCESS="true",
    )
    try:
        assert _ask(port, "/", host="attacker.example")[0] == 403
        assert _ask(port, "/progress/L00/reset", method="POST", body="")[0] == 403
        assert _ask(port, "/")[0] == 200
    finally:
        _stop(process)


@pytest.mark.parametrize("bad", ["0", "99999", "eight"])
def test_a_port_that_is_none_is_refused_in_words(bad):
    done = subprocess.run(
        [sys.executable, "-m", "labkit.cli", "lab", "--port", bad], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "from 1 to 65535" in done.stderr


def test_a_participant_s_copy_is_never_overwritten(port, tmp_path):
    from labkit.course import find_lab
    from labkit.server.hands_on import copy_of

    lab = find_lab("L00")
    mine = copy_of(lab, tmp_path)
    mine.write_text("my own work")
    assert copy_of(lab, tmp_path).read_text() == "my own work"
    fresh = copy_of(lab, tmp_path, fresh=True)
    assert fresh.read_text() != "my own work"
    kept = [path for path in fresh.parent.iterdir() if path != fresh]
    assert [path.read_text() for path in kept] == ["my own work"]
