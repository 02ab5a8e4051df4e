"""Kernels that are forked behave like kernels that are launched."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from labkit.server import warm
from labkit.server.environment import prepare_environment
from labkit.server.warm.keeper import possible
from labkit.server.warm.process import ForkedProcess
from tests.unit.warm_kernels import PATIENCE, descriptors, gone, open_kernel, until

pytestmark = pytest.mark.skipif(not possible(), reason="kernels are forked on Linux only")

_PREPARATIONS = """
import threading, time

class Found:
    record = b"the record"
    def __init__(self, name): self.name = name
    def begin(self, environment):
        return {"prepared": self.name, "learner": environment.get("LABKIT_LEARNER")}

def good(name): return Found(name)
def bad(name): raise ValueError("no such page")
def threaded(name):
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    return Found(name)
"""


@pytest.fixture(scope="module")
def warmth(tmp_path_factory):
    """A warm parent for this module, in the environment that the server prepares."""
    folder = tmp_path_factory.mktemp("warm")
    (folder / "labkit_test_preparations.py").write_text(_PREPARATIONS)
    kept = dict(os.environ)
    os.environ["LABKIT_HOME"] = str(folder / "home")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
    prepare_environment()
    warm.register()
    started = warm.start(logging.getLogger("warm"))
    try:
        assert started.wait(PATIENCE), started.report()
        yield started
    finally:
        warm.stop()
        os.environ.clear()
        os.environ.update(kept)


@pytest.fixture
def kernel(warmth):
    assert warmth.wait(PATIENCE)
    with open_kernel() as opened:
        yield opened


def test_a_kernel_is_forked_and_has_everything_imported(warmth, kernel):
    assert isinstance(kernel.process, ForkedProcess)
    assert psutil.Process(kernel.pid).ppid() == warmth.pid
    assert kernel.run("import sys; print('torch' in sys.modules, 'captum' in sys.modules)") == "True True"
    assert kernel.run("import os; print(os.getpid(), os.getsid(0))") == f"{kernel.pid} {kernel.pid}"


def test_the_parent_has_one_thread_and_has_imported_everything(warmth):
    assert psutil.Process(warmth.pid).num_threads() == 1
    assert warmth.report()["threads"] == 1
    assert warmth.report()["failed"] == []


def test_no_two_kernels_draw_the_same_numbers_or_names(warmth):
    code = (
        "import random, tempfile, uuid, multiprocessing, numpy, torch;"
        "print(random.random(), numpy.random.rand(), torch.rand(1).item(),"
        "next(tempfile._get_candidate_names()), uuid.uuid4(), "
        "multiprocessing.current_process().authkey.hex())"
    )
    with open_kernel() as one, open_kernel() as other:
        first, second = one.run(code).split(), other.run(code).split()
    assert len(first) == 6
    assert all(a != b for a, b in zip(first, second, strict=True))


def test_a_kernel_has_the_environment_and_the_folder_it_was_given(warmth, tmp_path):
    given = {"QUERY_STRING": "scenario=x", "LABKIT_LEARNER": "ada", "LABKIT_SEED": "7"}
    with open_kernel(env=given, cwd=str(tmp_path)) as kernel:
        found = json.loads(kernel.run("import os, json; print(json.dumps(dict(os.environ)))"))
        assert {name: found[name] for name in given} == given
        assert kernel.run("print(os.getcwd())") == str(tmp_path)
        assert kernel.run("import subprocess; print(subprocess.getoutput('echo $LABKIT_LEARNER'))") == "ada"
        assert found["JPY_PARENT_PID"] == str(os.getpid())
    with open_kernel() as kernel:
        assert kernel.run("import os; print(os.environ.get('LABKIT_LEARNER'))") == "None"


def test_one_thread_computes_in_each_kernel(kernel):
    assert (
        kernel.run("import os, torch; print(torch.get_num_threads(), os.environ['OMP_NUM_THREADS'])") == "1 1"
    )


def test_a_number_of_threads_that_is_asked_for_holds(warmth, monkeypatch):
    monkeypatch.setenv("LABKIT_THREADS", "2")
    with open_kernel() as kernel:
        assert isinstance(kernel.process, subprocess.Popen)  # the parent was started with one
        assert kernel.run("import os; print(os.environ['OMP_NUM_THREADS'])") == "2"


@pytest.mark.parametrize(
    "loop",
    [
        "while True: pass",
        "import time; time.sleep(1000)",
        "import torch; x = torch.ones(300, 300)\nwhile True: x = (x @ x).tanh()",
        "import threading; threading.Event().wait()",
    ],
)
def test_a_cell_can_be_interrupted(kernel, loop):
    # Any kernel refuses what comes in the moment after an error, unless it is told not to.
    request = kernel.client.execute(f"print('begun', flush=True)\n{loop}", stop_on_error=False)
    until(lambda: _printed(kernel, request))
    kernel.manager.interrupt_kernel()
    reply = kernel.client.get_shell_msg(timeout=PATIENCE)
    assert reply["content"]["ename"] == "KeyboardInterrupt"
    assert kernel.run("print(1 + 1)") == "2"


def _printed(kernel, request):
    message = kernel.client.get_iopub_msg(timeout=PATIENCE)
    return message["parent_header"].get("msg_id") == request and message["msg_type"] == "stream"


def test_an_interrupt_between_cells_changes_nothing(kernel):
    kernel.run("a = 5")
    kernel.manager.interrupt_kernel()
    assert kernel.run("print(a)") == "5"


def test_a_restart_gives_another_process_and_an_empty_namespace(kernel):
    before = kernel.pid
    kernel.run("a = 5")
    kernel.manager.restart_kernel()
    kernel.client.wait_for_ready(timeout=PATIENCE)
    assert kernel.pid != before
    assert gone(before)
    assert isinstance(kernel.process, ForkedProcess)
    assert "NameError" in kernel.run("a")


def test_a_shutdown_leaves_nothing(warmth):
    with open_kernel() as kernel:
        process, file = kernel.process, kernel.manager.connection_file
        pid = kernel.pid
        began = time.monotonic()
        kernel.client.stop_channels()
        kernel.manager.shutdown_kernel()
        assert time.monotonic() - began < 30
        assert process.returncode == 0
    assert not psutil.pid_exists(pid)  # reaped as well
    assert not Path(file).exists()
    assert psutil.Process(warmth.pid).children() == []


@pytest.mark.parametrize(
    ("end", "code"),
    [
        ("import os; os._exit(3)", 3),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -signal.SIGKILL),
        ("import ctypes; ctypes.string_at(0)", -signal.SIGSEGV),
    ],
)
def test_the_exit_code_is_the_true_one(kernel, end, code):
    process = kernel.process
    kernel.client.execute(end)
    assert process.wait(timeout=PATIENCE) == code
    assert process.poll() == code
    process.send_signal(signal.SIGTERM)  # nobody is there to get it


def test_waiting_for_a_kernel_that_runs_ends_in_time(kernel):
    with pytest.raises(subprocess.TimeoutExpired):
        kernel.process.wait(timeout=0.1)


def test_a_kernel_that_dies_is_started_again_by_itself(warmth):
    from jupyter_client.ioloop import AsyncIOLoopKernelManager

    async def play():
        manager = AsyncIOLoopKernelManager(kernel_name="python3", client_factory=warm.PromptClient)
        manager.autorestart = True
        await manager.start_kernel(env=dict(os.environ))
        manager._restarter.time_to_dead = 0.2
        manager._restarter.stop()
        manager._restarter._pcallback = None
        manager._restarter.start()
        try:
            first = manager.provisioner.pid
            os.kill(first, signal.SIGKILL)
            for _ in range(200):
                await asyncio.sleep(0.1)
                if manager.has_kernel and manager.provisioner.pid != first:
                    break
            assert manager.provisioner.pid != first
            assert isinstance(manager.provisioner.process, ForkedProcess)
            assert await manager.is_alive()
        finally:
            # jupyter_client takes it amiss to be told to end while it starts.
            manager.stop_restarter()
            for _ in range(600):
                if manager.ready.done():
                    break
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.5)
            await manager.shutdown_kernel(now=True)
            await manager.cleanup_resources()

    asyncio.run(play())


def test_threads_processes_and_pools_work_in_a_kernel(kernel):
    assert (
        kernel.run(
            "from concurrent.futures import ThreadPoolExecutor\n"
            "with ThreadPoolExecutor(4) as pool: print(sum(pool.map(abs, range(-5, 5))))"
        )
        == "25"
    )
    assert (
        kernel.run(
            "import subprocess, sys; print(subprocess.run([sys.executable, '-c', 'exit(3)']).returncode)"
        )
        == "3"
    )
    assert (
        kernel.run(
            "import multiprocessing as m\n"
            "with m.get_context('fork').Pool(2) as pool: print(pool.map(abs, [-1, -2]))"
        )
        == "[1, 2]"
    )
    assert (
        kernel.run(
            "import torch; torch.set_num_threads(2); a = torch.ones(500, 500); print((a @ a).sum().item())"
        )
        == "125000000.0"
    )
    assert (
        kernel.run("x = torch.ones(3, requires_grad=True); x.pow(2).sum().backward(); print(x.grad.tolist())")
        == "[2.0, 2.0, 2.0]"
    )


def test_no_open_file_is_shared_with_the_parent_or_another_kernel(warmth):
    with open_kernel() as one, open_kernel() as other:
        mine, parent, brother = (descriptors(pid) for pid in (one.pid, warmth.pid, other.pid))
        assert mine[0] == "/dev/null"
        # What is shared: standard output and errors, and with the parent the lifeline of this kernel.
        sockets = {
            target
            for number, target in mine.items()
            if number > 2 and target.startswith(("socket:", "pipe:"))
        }
        assert len(sockets & set(parent.values())) == 1
        assert not sockets & set(brother.values())


def test_a_file_that_the_parent_had_open_is_read_from_each_kernel_for_itself(warmth):
    code = (
        "import io, hashlib; from matplotlib.figure import Figure\n"
        "f = Figure(); f.text(0.1, 0.5, 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich')\n"
        "b = io.BytesIO(); f.savefig(b, format='png', metadata={'Software': None})\n"
        "print(hashlib.sha256(b.getvalue()).hexdigest())"
    )
    with open_kernel() as one, open_kernel() as other:
        requests = [each.client.execute(code, silent=True) for each in (one, other)]  # at the same time
        assert all(requests)
        assert one.run(code) == other.run(code) != ""


def test_input_asks_the_participant_or_says_that_it_cannot(kernel):
    assert "StdinNotImplementedError" in kernel.run("input('name')", allow_stdin=False)
    request = kernel.client.execute("print('hello', input('name? '))", allow_stdin=True)
    asked = kernel.client.get_stdin_msg(timeout=PATIENCE)
    assert asked["content"]["prompt"] == "name? "
    kernel.client.input("ada")
    reply = kernel.client.get_shell_msg(timeout=PATIENCE)
    while reply["parent_header"]["msg_id"] != request:
        reply = kernel.client.get_shell_msg(timeout=PATIENCE)
    assert reply["content"]["status"] == "ok"


def test_widgets_and_inline_figures_work(kernel):
    said = kernel.ask("import ipywidgets; ipywidgets.IntSlider()")
    kinds = [message["msg_type"] for message in said]
    assert kinds.count("comm_open") == 3  # the slider, its layout, its style
    assert "display_data" in kinds or "execute_result" in kinds
    assert (
        kernel.run("from comm import get_comm_manager; print(sorted(get_comm_manager().targets))").count(
            "widget"
        )
        == 2
    )
    said = kernel.ask("import matplotlib.pyplot as plt; plt.plot([1, 2]); None")
    assert any("image/png" in message["content"].get("data", {}) for message in said)


def test_what_is_collected_again_is_what_came_after_the_fork(kernel):
    assert kernel.run("import gc; print(gc.isenabled(), gc.get_freeze_count() > 100_000)") == "True True"


def test_output_of_the_process_itself_reaches_the_cell(warmth, monkeypatch):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it, ipykernel leaves that to pytest
    with open_kernel() as kernel:
        assert "from below" in kernel.run("import os; os.system('echo from below')")


@pytest.mark.parametrize(
    ("environment", "options"),
    [
        ({"PYTHONHASHSEED": "0"}, {}),
        ({"OMP_NUM_THREADS": "2", "MPLBACKEND": "agg"}, {}),
        ({}, {"stdout": subprocess.PIPE}),
        ({}, {"independent": True}),
    ],
)
def test_what_a_fork_cannot_give_is_launched(warmth, environment, options):
    with open_kernel(env=environment, **options) as kernel:
        assert isinstance(kernel.process, subprocess.Popen)
        assert kernel.run("print(1 + 1)") == "2"
        if kernel.process.stdout is not None:
            kernel.process.stdout.close()


def test_a_folder_that_is_not_there_is_the_same_error_as_at_a_launch(warmth, tmp_path):
    with pytest.raises(FileNotFoundError), open_kernel(cwd=str(tmp_path / "nowhere")):
        pass


def test_without_a_warm_parent_a_kernel_is_launched(warmth, monkeypatch):
    monkeypatch.setattr("labkit.server.warm.shared._warmth", None)
    with open_kernel(env={"LABKIT_PREPARED": "good"}) as kernel:
        assert isinstance(kernel.process, subprocess.Popen)
        assert kernel.run("import os; print(os.environ.get('LABKIT_PREPARED'))") == "None"


def test_a_launched_kernel_ends_by_itself_and_says_nothing(warmth, monkeypatch, capfd):
    monkeypatch.setattr("labkit.server.warm.shared._warmth", None)
    for _ in range(12):  # one in six of ipykernel's own has to be killed
        with open_kernel() as kernel:
            process = kernel.process
            kernel.manager.shutdown_wait_time = PATIENCE
            kernel.manager.shutdown_kernel()
            assert process.returncode == 0
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.parametrize("begun", ["forked", "launched"])
def test_a_kernel_finds_what_lies_in_its_folder_and_is_not_made_of_it(warmth, monkeypatch, tmp_path, begun):
    if begun == "launched":
        monkeypatch.setattr("labkit.server.warm.shared._warmth", None)
    for name in ("random", "labkit", "ipykernel"):
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('this is not {name}')")
    (tmp_path / "mine.py").write_text("found = 'in this folder'")
    with open_kernel(cwd=str(tmp_path)) as kernel:
        assert kernel.run("import mine; print(mine.found)") == "in this folder"


def test_a_prepared_state_is_what_a_kernel_begins_with(warmth):
    warmth.prepare("good", "labkit_test_preparations:good")
    until(lambda: warmth.prepared("good"))
    assert warmth.record("good") == b"the record"
    with open_kernel(env={"LABKIT_PREPARED": "good", "LABKIT_LEARNER": "ada"}) as kernel:
        assert kernel.manager.provisioner.prepared
        assert kernel.run("print(prepared, learner)") == "good ada"
        assert kernel.run("import os; print(os.environ.get('LABKIT_PREPARED'))") == "None"
        assert psutil.Process(kernel.pid).ppid() != warmth.pid
    with open_kernel() as kernel:
        assert "NameError" in kernel.run("prepared")  # nothing of it is in the others
    warmth.forget("good")
    assert not warmth.prepared("good")


@pytest.mark.parametrize("name", ["bad", "threaded", "missing"])
def test_a_preparation_that_fails_harms_nothing(warmth, name):
    warmth.prepare(name, f"labkit_test_preparations:{name}")
    until(lambda: not warmth.preparing(name))
    assert not warmth.prepared(name)
    with open_kernel(env={"LABKIT_PREPARED": name}) as kernel:
        assert not kernel.manager.provisioner.prepared
        assert psutil.Process(kernel.pid).ppid() == warmth.pid
    warmth.forget(name)


def test_a_forgotten_state_lives_as_long_as_its_kernels(warmth):
    warmth.prepare("good", "labkit_test_preparations:good")
    until(lambda: warmth.prepared("good"))
    with open_kernel(env={"LABKIT_PREPARED": "good"}) as kernel:
        branch = psutil.Process(kernel.pid).ppid()
        warmth.forget("good")
        assert kernel.run("print(prepared)") == "good"
        assert not gone(branch)
    until(lambda: gone(branch))


def test_a_dead_parent_is_replaced_and_its_kernels_run_on(warmth):
    with open_kernel() as kernel:
        kernel.run("a = 5")
        os.kill(warmth.pid, signal.SIGKILL)
        assert kernel.run("print(a)") == "5"
        assert kernel.process.poll() is None
        with open_kernel() as later:  # waits for the new parent
            assert isinstance(later.process, ForkedProcess)
            assert psutil.Process(later.pid).ppid() == warmth.pid
        kernel.client.execute("import os; os._exit(3)")
        assert kernel.process.wait(timeout=PATIENCE) != 0


def test_readiness_is_proven_and_no_output_is_lost(warmth):
    async def play():
        from jupyter_client.manager import AsyncKernelManager

        for _ in range(5):
            manager = AsyncKernelManager(kernel_name="python3", client_factory=warm.PromptClient)
            await manager.start_kernel(env=dict(os.environ))
            client = manager.client()
            client.start_channels()
            try:
                await client.wait_for_ready(timeout=PATIENCE)
                heard = []
                await client.execute_interactive(
                    "print('at once')", timeout=PATIENCE, output_hook=heard.append
                )
                assert "at once" in [m["content"].get("text", "").strip() for m in heard]
            finally:
                client.stop_channels()
                await manager.shutdown_kernel(now=True)
                await manager.cleanup_resources()

    asyncio.run(play())


def test_waiting_for_a_kernel_that_died_says_so(warmth):
    async def play():
        from jupyter_client.manager import AsyncKernelManager

        manager = AsyncKernelManager(kernel_name="python3", client_factory=warm.PromptClient)
        await manager.start_kernel(env=dict(os.environ))
        client = manager.client()
        client.start_channels()
        try:
            os.kill(manager.provisioner.pid, signal.SIGKILL)
            with pytest.raises(RuntimeError, match="died"):
                await client.wait_for_ready(timeout=PATIENCE)
        finally:
            client.stop_channels()
            await manager.shutdown_kernel(now=True)
            await manager.cleanup_resources()

    asyncio.run(play())


def test_nbclient_runs_a_notebook_through_it(warmth):
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(_WHO)])
    NotebookClient(notebook, kernel_name="python3", timeout=PATIENCE).execute(env=dict(os.environ))
    assert notebook.cells[0].outputs[0].text == f"True {warmth.pid}\n"


def test_nbval_runs_a_notebook_through_it(warmth, tmp_path):
    import nbformat

    cell = nbformat.v4.new_code_cell("import sys; assert 'captum' in sys.modules")
    notebook = nbformat.v4.new_notebook(cells=[cell])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, tmp_path / "forked.ipynb")
    options = ["-c", os.devnull, "--rootdir", str(tmp_path), "-p", "no:cacheprovider", "-q", "--nbval-lax"]
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    run = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "forked.ipynb"],
        cwd=tmp_path,
        env={**environment, "LABKIT_WARM": "yes"},
        capture_output=True,
        text=True,
    )
    assert "1 passed" in run.stdout, run.stdout


_WHO = "import os, sys; print('captum' in sys.modules, os.getppid())"


def test_the_provisioner_is_found_by_its_entry_point():
    code = (
        "from jupyter_client.provisioning.factory import KernelProvisionerFactory as F;"
        "print(F().provisioners['labkit-warm'].load().__name__)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "WarmProvisioner"
