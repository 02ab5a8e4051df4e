"""Who opens a page while its kernel works hears everything that is said from then on."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import uuid

import pytest
import websocket

pytestmark = pytest.mark.timeout(240)

BUSY = """
import time
for _ in range(6000):
    time.sleep(0.01)
    print("working", flush=True)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = ("lab", "--no-browser", "--no-training", "--no-warm", "--port", str(port))
    process = subprocess.Popen(
        [sys.executable, "-m", "labkit.cli", *arguments],
        env={**os.environ, "LABKIT_HOME": str(tmp_path_factory.mktemp("home"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        for line in process.stdout:
            if "The lab is ready" in line:
                break
        yield port
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.stdout.close()


def ask(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.getheaders(), answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def kernel(server):
    _, headers, _ = ask(server, "GET", "/lab")
    cookies = "; ".join(value.partition(";")[0] for name, value in headers if name == "Set-Cookie")
    secret = re.search(r"_xsrf=([^;]+)", cookies)[1]
    headers = {"Cookie": cookies, "X-XSRFToken": secret, "Content-Type": "application/json"}
    status, _, body = ask(server, "POST", "/api/kernels", json.dumps({"name": "python3"}), headers)
    assert status == 201, body
    name = json.loads(body)["id"]
    yield name, cookies
    ask(server, "DELETE", f"/api/kernels/{name}", headers=headers)


def connect(port, kernel):
    name, cookies = kernel
    return websocket.create_connection(
        f"ws://127.0.0.1:{port}/api/kernels/{name}/channels?session_id={uuid.uuid4().hex}",
        cookie=cookies,
        origin=f"http://127.0.0.1:{port}",
        timeout=30,
    )


def send(wire, channel, kind, **content):
    header = {
        **{"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "test", "username": "", "version": "5.3"},
        "date": "",
    }
    message = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": channel}
    wire.send(json.dumps({**message, "buffers": []}))
    return header["msg_id"]


def heard(wire, asked, kind, patience=20.0):
    """Whether a message of this kind that answers ``asked`` comes."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        said = json.loads(wire.recv())
        if said["parent_header"].get("msg_id") == asked and said["header"]["msg_type"] == kind:
            return True
    return False


def test_what_a_busy_kernel_answers_to_a_new_page_is_never_lost(server, kernel):
    first = connect(server, kernel)
    code = {"silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    asked = send(first, "shell", "execute_request", code=BUSY, **code)
    assert heard(first, asked, "stream")
    # The reply takes another way than what is published: the status tells whether we are heard there.
    for _ in range(25):
        page = connect(server, kernel)
        asked = send(page, "control", "kernel_info_request")
        assert heard(page, asked, "status"), "the page stands still"
        page.close()
    first.close()
