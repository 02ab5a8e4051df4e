"""On a JupyterHub: the hub's user is the learner, and every page lies under the address that the hub gives.

JupyterHub itself is no dependency; this starts the server as its spawner does (``binder/start``, the
variables, an address of its own), and leaves out what is the hub's part: its sign-in.
"""

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
from pathlib import Path

import pytest

from labkit.course import ProgressLog
from tests.security.test_room_isolation import _home

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(sys.platform == "win32", reason="a hub runs on Linux or macOS"),
]

PREFIX = "/user/ada/"
START = Path(__file__).resolve().parents[2] / "binder" / "start"
SAID = "the sign-in of the hub"  # what this test shows in its place


class Hub:
    def __init__(self, home):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.log = ProgressLog(home / "data" / "progress.sqlite")
        variables = {
            "JUPYTERHUB_USER": "ada",
            "JUPYTERHUB_SERVICE_PREFIX": PREFIX,
            "JUPYTERHUB_BASE_URL": "/",
            "JUPYTERHUB_SERVICE_URL": f"http://127.0.0.1:{self.port}{PREFIX}",
            "JUPYTERHUB_API_URL": "http://127.0.0.1:9/hub/api",
            "JUPYTERHUB_API_TOKEN": SAID,
        }
        # What a single-user server sets from these variables.
        given = [
            f"--ServerApp.base_url={PREFIX}",
            f"--ServerApp.port={self.port}",
            f"--IdentityProvider.token={SAID}",
            "--ServerApp.open_browser=False",
            "--allow-root",
        ]
        self.process = subprocess.Popen(
            [sys.executable, str(START), sys.executable, "-m", "jupyter_server", *given],
            env={**os.environ, **variables, "LABKIT_HOME": str(home)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        deadline = time.monotonic() + 90
        while self.ask("labkit/alive", known=False)[1] != "labkit":
            assert time.monotonic() < deadline, "the server did not begin to answer"
            assert self.process.poll() is None
            time.sleep(0.2)

    def ask(self, path, data=None, *, known=True, prefix=PREFIX):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{prefix}{path}",
            None if data is None else urllib.parse.urlencode(data).encode(),
            {"Authorization": f"token {SAID}"} if known else {},
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")
        except OSError:
            return 0, ""

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    running = Hub(_home(tmp_path_factory.mktemp("hub")))
    yield running
    running.stop()


def addresses(page):
    found = set(re.findall(r"""(?:href|src|action|data-lab|data-models)="(/[^"#?]*)""", page))
    assert found
    return found


@pytest.mark.parametrize("path", ["", "progress", "glossary", "standards", "demo/L02"])
def test_pages_and_all_that_they_name_lie_under_the_address_of_the_user(hub, path):
    status, page = hub.ask(path)
    assert status == 200
    assert [each for each in addresses(page) if not each.startswith(PREFIX)] == []


def test_a_dashboard_runs_and_everything_that_it_loads_is_there(hub):
    status, page = hub.ask("dashboards/L00")
    assert status == 200
    assert "voila_finish" in page
    named = addresses(page)
    assert [each for each in named if not each.startswith(PREFIX)] == []
    loaded = [each for each in named if each.endswith((".js", ".css", ".svg"))]
    assert len(loaded) >= 5
    assert {each: hub.ask("", prefix=each)[0] for each in loaded} == dict.fromkeys(loaded, 200)
    assert hub.ask("", prefix="/")[0] == 404


def test_the_head_of_an_answer_is_no_longer_than_proxies_take(hub):
    asked = urllib.request.Request(
        f"http://127.0.0.1:{hub.port}{PREFIX}", headers={"Authorization": f"token {SAID}"}
    )
    with urllib.request.urlopen(asked, timeout=60) as answer:  # noqa: S310
        assert sum(len(name) + len(value) + 4 for name, value in answer.headers.items()) < 4000


def test_the_hubs_user_is_the_learner(hub):
    assert "“ada”" in hub.ask("progress")[1]
    assert hub.ask("progress/L00/reset", {})[0] == 200
    events = hub.log.events()
    assert "reset" in {event.kind for event in events}
    assert {event.learner for event in events} == {"ada"}


def test_hands_on_work_opens_in_the_users_own_jupyterlab(hub):
    status, page = hub.ask("hands-on/L00")
    assert status == 200
    assert f"{PREFIX}static/" in page
    assert hub.ask("api/contents/L00-start-here/lab.ipynb?content=0")[0] == 200


def test_what_needs_a_class_on_one_machine_is_not_there_and_strangers_see_nothing(hub):
    for path in ("board", "enter", "room/news"):
        assert hub.ask(path)[0] == 404
    for path in ("", "progress", "dashboards/L00", "evidence"):
        assert "AI security lab" not in hub.ask(path, known=False)[1]
