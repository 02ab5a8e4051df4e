"""How many threads suit the small models of the lab on this machine.

Times one training step, one gradient step of an attack and one answer to a slider, with
one thread and with as many as the machine has cores; once on a quiet machine, once on a
crowded one, where every other core has a neighbour at the same work with the same number
of threads, as in a classroom.  Runs with different numbers of threads take turns and
medians are compared, so the ratios hold where the milliseconds do not.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event, Semaphore
from typing import Any

import torch
from torch.nn import functional

from labkit.core.machine import threads
from labkit.core.seeds import make_generator
from labkit.models import TorchClassifier, build

__all__ = ["TITLE", "run"]

TITLE = "one thread against all cores, quiet and with a neighbour on every other core"

Row = dict[str, Any]
_SHAPES: dict[str, tuple[int, ...]] = {"digits": (1, 8, 8), "signs": (3, 32, 32)}


def run(repeats: int = 15, seconds: float = 0.5) -> list[Row]:
    """Measure every task, quiet and crowded, with every number of threads.

    Parameters
    ----------
    repeats : int
        Most runs of each task with each number of threads, for each of two turns.
    seconds : float
        No further run of a task is started after this time.

    Returns
    -------
    list of dict
        ``task``, ``neighbours``, ``threads``, ``median_ms``, and ``times_one_thread``: how
        many times as long as with one thread (above 1 is slower).
    """
    cores = os.cpu_count() or 1
    counts = sorted({1, cores})
    tasks = {
        f"{architecture} on {data}: {name}": work
        for architecture in ("cnn", "resnet")
        for data, shape in _SHAPES.items()
        for name, work in _tasks(architecture, shape).items()
    }
    rows: list[Row] = []
    for neighbours in (0, max(1, cores - 1)):
        taken: dict[tuple[str, int], list[float]] = {}
        for count in counts * 2:
            with _neighbours(neighbours, count), threads(count):
                for task, work in tasks.items():
                    taken.setdefault((task, count), []).extend(_times(work, repeats, seconds))
        medians = {key: statistics.median(times) for key, times in taken.items()}
        rows += [
            {
                "task": task,
                "neighbours": neighbours,
                "threads": count,
                "median_ms": round(1000 * medians[task, count], 3),
                "times_one_thread": round(medians[task, count] / medians[task, 1], 2),
            }
            for task in tasks
            for count in counts
        ]
    return rows


def _tasks(architecture: str, shape: tuple[int, ...]) -> dict[str, Callable[[], object]]:
    module = build(architecture, shape, 10, seed=0)
    model = TorchClassifier(module, shape, 10)
    x = torch.rand(256, *shape, generator=make_generator(0))
    y = torch.arange(256) % 10
    weights = list(module.parameters())

    def train_step() -> object:
        return torch.autograd.grad(functional.cross_entropy(module(x[:64]), y[:64]), weights)

    def attack_step() -> object:
        inputs = x.clone().requires_grad_()
        return torch.autograd.grad(functional.cross_entropy(model.forward(inputs), y), inputs)

    def one_answer() -> object:
        with torch.no_grad():
            return model.forward(x[:1])

    return {
        "training step, 64 samples": train_step,
        "attack step, 256 samples": attack_step,
        "one answer": one_answer,
    }


def _times(work: Callable[[], object], repeats: int, seconds: float) -> list[float]:
    """Return the seconds of up to ``repeats`` runs, after two that do not count."""
    times: list[float] = []
    until = time.perf_counter() + seconds
    for _ in range(repeats + 2):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
        if len(times) > 3 and times[-1] + started > until:
            break
    return times[2:]


@contextmanager
def _neighbours(number: int, count: int) -> Iterator[None]:
    """Keep processes busy with the work of a kernel, each on ``count`` threads."""
    spawn = multiprocessing.get_context("spawn")
    stop, ready = spawn.Event(), spawn.Semaphore(0)
    others = [spawn.Process(target=_work_on, args=(stop, ready, count)) for _ in range(number)]
    for other in others:
        other.start()
    for _ in others:
        ready.acquire()
    try:
        yield
    finally:
        stop.set()
        for other in others:
            other.join()


def _work_on(stop: Event, ready: Semaphore, count: int) -> None:
    attack_step = _tasks("resnet", _SHAPES["digits"])["attack step, 256 samples"]
    with threads(count):
        attack_step()
        ready.release()
        while not stop.is_set():
            attack_step()
