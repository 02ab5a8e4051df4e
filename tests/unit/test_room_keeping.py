"""What a kernel may use, and what follows when it uses more."""

import os
import subprocess
import sys

import pytest

from labkit.server.keeping import Limits, memory_left, memory_total, room_limits
from labkit.server.keeping.courtesy import at_work
from labkit.server.keeping.limits import is_scarce, reason_to_end, warning_for
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
