"""No kernel is left behind, whatever dies first; and none can reach what is not its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap

import psutil
import pytest

from labkit.server.warm.keeper import possible
from tests.unit.warm_kernels import descriptors, gone, until

pytestmark = pytest.mark.skipif(not possible(), reason="kernels are forked on Linux only")

# A program that starts kernels, as the server does; it prints who there is and waits.
_PROGRAM = textwrap.dedent(
    """
    import asyncio, json, logging, os, sys
    from jupyter_client.manager import AsyncKernelManager
    from labkit.server import warm
    from labkit.server.environment import prepare_environment
    prepare_environment()
    warmth = warm.start(logging.getLogger("warm"))
    if "importing" in sys.argv:
        while warmth.pid is None: pass
        print(json.dumps({"parent": warmth.pid}), flush=True)
        input()
    assert warmth.wait(120)

    async def cell(code):
        manager = AsyncKernelManager(kernel_name="python3", client_factory=warm.PromptClient)
        await manager.start_kernel(env=dict(os.environ))
        client = manager.client()
        client.start_channels()
        await client.wait_for_ready(timeout=120)
        said = []
        reply = client.execute_interactive(code, output_hook=said.append)
        task = asyncio.ensure_future(reply)
        while not any(m["msg_type"] == "stream" for m in said):
            await asyncio.sleep(0.05)
        task.cancel()
        text = "".join(m["content"]["text"] for m in said if m["msg_type"] == "stream")
        return manager.provisioner.pid, text.strip()

    async def play():
        idle, _ = await cell("print(1)")
        # Holds the interpreter for days, once what it printed has gone out.
        busy, _ = await cell("import time; print(1, flush=True); time.sleep(1); sum(range(10**15))")
        await asyncio.sleep(1.5)
        family, child = await cell(
            "import subprocess; print(subprocess.Popen(['sleep', '1000']).pid, flush=True)"
        )
        kernels = [idle, busy, family]
        print(json.dumps({"parent": warmth.pid, "kernels": kernels, "child": int(child)}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, input)

    asyncio.run(play())
    """
)


@pytest.fixture
def program(tmp_path):
    started = []

    def start(*arguments):
        home = {"LABKIT_HOME": str(tmp_path / "home")}
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, *arguments],
            env={**os.environ, **home},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        for line in process.stdout:
            if line.startswith("{"):
                return process, json.loads(line)
        raise AssertionError("it ended early")

    yield start
    for process in started:
        for each in [*_family(process.pid), process]:
            each.kill()
        process.communicate()


def _family(pid):
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _all_gone(*pids):
    until(lambda: all(gone(pid) for pid in pids), timeout=20)


def test_kill_the_server_and_nothing_is_left(program):
    process, found = program()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _all_gone(found["parent"], *found["kernels"], found["child"])


def test_kill_the_parent_then_the_server_and_nothing_is_left(program):
    process, found = program()
    os.kill(found["parent"], signal.SIGKILL)
    until(lambda: gone(found["parent"]))
    assert not any(gone(pid) for pid in found["kernels"])  # they run on
    family = [each.pid for each in _family(process.pid)]  # the next parent, perhaps
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _all_gone(*found["kernels"], found["child"], *family)


def test_kill_the_server_while_its_parent_imports_and_nothing_is_left(program):
    process, found = program("importing")
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    _all_gone(found["parent"])


def test_a_server_that_ends_by_itself_leaves_nothing(program):
    process, found = program()
    process.stdin.write("\n")
    process.stdin.flush()
    process.wait(timeout=60)
    _all_gone(found["parent"], *found["kernels"], found["child"])


def test_what_a_kernel_started_ends_with_it(program):
    _, found = program()
    os.kill(found["kernels"][2], signal.SIGKILL)
    _all_gone(found["child"])
    assert not gone(found["kernels"][0])


def test_a_kernel_holds_no_way_to_the_server_or_to_other_kernels(program):
    process, found = program()
    server, parent = descriptors(process.pid), descriptors(found["parent"])
    lifelines = set()
    for pid in found["kernels"]:
        own = {t for n, t in descriptors(pid).items() if n > 2 and t.startswith("socket:")}
        assert not own & set(server.values())
        lifelines |= own & set(parent.values())
    assert len(lifelines) == len(found["kernels"])  # one each, and nothing is read from it


def test_the_parent_listens_nowhere(program):
    _, found = program()
    parent = psutil.Process(found["parent"])
    assert parent.net_connections(kind="inet") == []
    assert [each for each in parent.net_connections(kind="unix") if each.laddr] == []
    assert parent.num_threads() == 1
