"""What a kernel may use, and what follows when it uses more."""

import asyncio
import logging
import os
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from labkit.server.keeping import Keeper, Limits, memory_left, memory_total, room_limits
from labkit.server.keeping.courtesy import at_work
from labkit.server.keeping.limits import guard_memory, is_scarce, reason_to_end, warning_for
from labkit.server.keeping.usage import Usage, survey

MB = 1_000_000
LIMITS = Limits(idle=100.0, left=50.0, memory=400 * MB, work=60.0)


@pytest.mark.parametrize(
    ("about", "reason"),
    [
        ({}, None),
        ({"idle": 101.0}, "idle"),
        ({"alone": 51.0}, "left"),
        ({"work": 61.0}, "work"),
        ({"memory": 401}, "memory"),
        ({"memory": 399}, None),
        ({"memory": 250, "scarce": True}, "memory"),
        ({"memory": 150, "scarce": True}, None),
        ({"memory": 401, "idle": 500.0}, "memory"),
    ],
)
def test_a_kernel_ends_for_the_reason_that_weighs_most(about, reason):
    asked = {"idle": 0.0, "alone": 0.0, **about}
    usage = Usage(asked.pop("memory", 10) * MB)
    assert reason_to_end(usage, LIMITS, **asked) == reason


def test_what_is_not_limited_ends_nothing():
    assert reason_to_end(Usage(10**12), Limits(), idle=0.0, alone=0.0, work=10**9) is None
    assert reason_to_end(None, LIMITS, idle=0.0, alone=0.0) is None


def test_a_warning_comes_before_the_limit_and_names_both():
    assert warning_for(Usage(290 * MB), LIMITS) == ""
    assert "310 MB of the 400 MB" in warning_for(Usage(310 * MB), LIMITS)
    assert warning_for(Usage(10**12), Limits()) == ""


@pytest.mark.parametrize(
    ("total", "capacity", "megabytes"), [(1, 1, 500), (4, 18, 1000), (16, 90, 2000), (8, 1, 4000)]
)
def test_the_share_of_a_lab_fits_the_machine(total, capacity, megabytes):
    assert room_limits(total * 10**9, capacity).memory == megabytes * MB


def test_memory_is_scarce_when_little_of_it_is_left():
    assert is_scarce(200 * MB, 4000 * MB)
    assert is_scarce(900 * MB, 16_000 * MB)
    assert not is_scarce(1100 * MB, 16_000 * MB)


def test_this_machine_has_memory_and_some_of_it_is_left():
    assert 0 < memory_left() <= memory_total()


def test_work_counts_from_where_it_began_and_a_rest_ends_it():
    first = at_work({}, {1: 1.0, 2: 0.01}, 2.0, {})
    assert first == {1: 1.0}
    second = at_work({1: 1.0, 2: 0.01}, {1: 2.5, 2: 0.02}, 2.0, first)
    assert second == {1: 2.5}
    assert at_work({1: 2.5}, {1: 2.51}, 2.0, second) == {}


@pytest.mark.skipif(sys.platform != "linux", reason="threads are told apart on Linux")
def test_a_process_is_measured_with_all_that_it_started():
    program = (
        "import subprocess, sys, threading\n"
        "own = b'x' * 30_000_000\n"
        "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
        "child = \"own = b'x' * 50_000_000; print(flush=True); open(0).read()\"\n"
        "started = subprocess.Popen([sys.executable, '-c', child], stdin=-1, stdout=-1)\n"
        "started.stdout.readline()\n"
        "print(flush=True)\n"
        "input()\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1) as process:
        process.stdout.readline()
        found = survey([process.pid, 2**22 + 1], exact_above=0)
        bound = survey([process.pid], exact_above=10**12)
        process.communicate(b"\n")
    assert list(found) == [process.pid]
    assert 80 * MB < found[process.pid].memory < 130 * MB
    assert bound[process.pid].memory >= found[process.pid].memory - 10 * MB
    assert len(found[process.pid].threads) == 1
    assert process.pid not in found[process.pid].threads


def test_a_process_that_has_ended_is_left_out():
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    assert survey([process.pid], exact_above=0) == {}
    assert os.getpid() in survey([os.getpid()], exact_above=0)


# What has ended and was waited for by nobody, as a lab leaves it that starts a program and forgets it.
_CARELESS = (
    "import os, sys, time\n"
    "own = b'x' * 60_000_000\n"
    "child = os.fork()\n"
    "if not child: os._exit(0)\n"
    "os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)\n"
    "print(child, flush=True)\n"
    "sys.stdin.read()\n"
)
_GROWN = "import sys\nown = b'x' * 60_000_000\nprint(flush=True)\nsys.stdin.read()\n"


@contextmanager
def running(program):
    """Run a program until the end of the block; yield it and what it said first."""
    with subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1) as process:
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.communicate(b"")


@pytest.mark.skipif(sys.platform != "linux", reason="what a system says of what has ended differs")
def test_a_child_that_nobody_waited_for_hides_nothing_of_its_kernel():
    with running(_CARELESS) as (process, child):
        found = survey([process.pid, int(child)], exact_above=0)
        guard_memory(int(child), 10 * MB)  # which must not raise either
    assert 60 * MB < found[process.pid].memory < 130 * MB


class Kernels(dict):
    """As much of Jupyter's manager of kernels as the watch asks for; the processes are real."""

    _kernel_connections = {}  # noqa: RUF012 - its name there

    def add(self, kernel, process, *, broken=False):
        async def is_alive():
            if broken:
                raise RuntimeError("this kernel cannot be asked")
            return True

        self[kernel] = SimpleNamespace(
            provisioner=SimpleNamespace(pid=process), is_alive=is_alive, last_activity=datetime.now(UTC)
        )

    def get_kernel(self, kernel):
        return self[kernel]

    async def shutdown_kernel(self, kernel, now):
        del self[kernel]


@pytest.mark.skipif(sys.platform != "linux", reason="what a system says of what has ended differs")
def test_a_kernel_that_cannot_be_looked_at_saves_no_other_from_its_limits():
    kernels, log = Kernels(), logging.getLogger("test")
    log.disabled = True
    with running(_CARELESS) as (careless, _), running(_GROWN) as (grown, _):
        kernels.add("broken", os.getpid(), broken=True)
        kernels.add("careless", careless.pid)
        kernels.add("grown", grown.pid)
        keeper = Keeper(kernels, Limits(memory=50 * MB), None, log)

        async def scene():
            for kernel in ("broken", "careless", "grown"):
                kernels[kernel].provisioner.pid, process = None, kernels[kernel].provisioner.pid
                keeper.adopt(kernel, "ada")  # without a bound by the system: these processes have begun
                kernels[kernel].provisioner.pid = keeper.known(kernel).process = process
            await keeper.look()

        asyncio.run(scene())
    assert {each: keeper.ending(each) for each in ("careless", "grown")} == {
        "careless": ("ada", "memory"),
        "grown": ("ada", "memory"),
    }
