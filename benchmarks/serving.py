"""What a class waits for when it opens a torch lab, beside plain Voilà.

The same lab, opened by one participant and by many at the same time, from a class that
``labkit serve`` serves and from plain Voilà with the ordinary kernel, in turns, each time from a
server that was just started and is ready.  *Interactive* means the same for both: the page is
complete, the kernel's channel is open, and the first slider has answered with new pictures.  Many
participants speak the widgets' protocol without a browser (:mod:`benchmarks.serving_client`); a
single one is measured with a real Chromium as well.  Its cache is empty at the entrance; on the
way to the lab it reads our catalogue for two seconds, which fetches the lab's scripts ahead, while
plain Voilà has no page before the lab.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import psutil
from tornado.httpclient import AsyncHTTPClient

from benchmarks.serving_browser import chromium, visit
from benchmarks.serving_client import Participant
from benchmarks.serving_servers import KINDS, Server, serving
from labkit import data
from labkit.models import load_victim

__all__ = ["TITLE", "run"]

TITLE = "a torch lab opened by one and by many at once, beside plain Voilà with the same notebook"

Row = dict[str, Any]
_LAB, _SLIDER = "L02", "Epsilon"
_PATIENCE = 240.0  # seconds until somebody who waits has failed
_SLIDES = 8
_PAUSE = (0.5, 2.5)  # seconds between two moves of one participant
_VISITS = 3  # of one participant to one server
# What was set out to be reached, by what is measured and how many participants there are.
_AIMS = {
    ("interactive p95, s", "one"): 1.5,
    ("interactive in Chromium p95, s", "one"): 1.5,
    ("slider p95, s", "one"): 0.15,
    ("slider in Chromium p95, s", "one"): 0.15,
    ("interactive p95, s", "many"): 4.0,
    ("slider p95, s", "many"): 0.5,
    ("unique memory of a kernel, largest, MB", "many"): 70.0,
}


@dataclass(slots=True)
class _Taken:
    """What was measured for one kind of server and one number of participants."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: list[str] = field(default_factory=list)
    tried: int = 0


def run(repeats: int = 2, people: int = 20) -> list[Row]:
    """Measure both servers in turns.

    Parameters
    ----------
    repeats : int
        How often each server is started for each number of participants.
    people : int
        How many open the lab at once.

    Returns
    -------
    list of dict
        ``people``, ``what``, the two kinds of server, their ratio, ``aim`` and ``met``.
    """
    for victim in ("cnn", "mlp"):
        load_victim(victim, data.load("digits"))
    AsyncHTTPClient.configure(None, max_clients=2 * people, max_body_size=10**8)
    taken = {(kind, count): _Taken() for count in (1, people) for kind in KINDS}
    gc.freeze()  # the participants' own process must not be what is measured
    for _ in range(repeats):
        for kind in KINDS:
            with serving(kind, _LAB) as server:
                for _ in range(_VISITS):
                    asyncio.run(_together(server, 1, taken[kind, 1]))
            with serving(kind, _LAB) as server:
                _with_browser(server, taken[kind, 1])
        for kind in KINDS:
            with serving(kind, _LAB) as server:
                asyncio.run(_together(server, people, taken[kind, people]))
    for (kind, count), each in taken.items():
        for failure in each.failures:
            print(f"  failed: {kind}, {count} at once: {failure}")
    return [row for count in dict.fromkeys((1, people)) for row in _rows(taken, count)]


async def _together(server: Server, people: int, taken: _Taken) -> None:
    """Have participants open the lab at once and then move its slider, each in their own time."""
    cookies = [await server.admit(f"Participant {number}") for number in range(people)]
    everybody = [Participant(server.page, _SLIDER, number, each) for number, each in enumerate(cookies)]
    before = _spent(server.everything())
    await asyncio.gather(*(each.open(_PATIENCE) for each in everybody))
    taken.values["processor until interactive, each, s"].append(
        (_spent(server.everything()) - before) / people
    )
    await asyncio.gather(*(each.slide(_SLIDES, _PATIENCE, _PAUSE) for each in everybody))
    _weigh(server, [each.visit.kernel for each in everybody if each.visit.kernel], taken)
    for each in everybody:
        each.close()
        found = each.visit
        taken.tried += 1
        if found.failure:
            taken.failures.append(found.failure)
            continue
        taken.values["page complete"].append(found.page)
        taken.values["interactive"].append(found.interactive)
        taken.values["slider"] += found.slides


def _with_browser(server: Server, taken: _Taken) -> None:
    taken.values["start of the server, s"].append(server.started)
    with chromium() as browser:
        for _ in range(_VISITS):
            interactive, slides = visit(browser, server, _SLIDES)
            taken.values["interactive in Chromium"].append(interactive)
            taken.values["slider in Chromium"] += slides


def _weigh(server: Server, numbers: list[str], taken: _Taken) -> None:
    """Note the memory that would be free without a kernel, and that of everything together."""
    unique = [each.memory_full_info().uss / 1e6 for each in server.kernels(numbers)]
    if not unique:
        return  # nobody got a kernel: the failures say why
    taken.values["unique memory of a kernel, mean, MB"].append(statistics.mean(unique))
    taken.values["unique memory of a kernel, largest, MB"].append(max(unique))
    whole = sum(each.memory_full_info().pss for each in _alive(server.everything())) / 1e6
    taken.values["memory of server and kernels, MB"].append(whole)


def _spent(processes: Iterable[psutil.Process]) -> float:
    """Return the processor seconds of processes, children that have ended included."""
    return sum(sum(each.cpu_times()[:2]) for each in _alive(processes))


def _alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


def _rows(taken: dict[tuple[str, int], _Taken], count: int) -> Iterable[Row]:
    plain, ours = (_summary(taken[kind, count]) for kind in KINDS)
    for what in dict.fromkeys([*plain, *ours]):
        aim = _AIMS.get((what, "one" if count == 1 else "many"))
        row: Row = {
            "people": count,
            "what": what,
            "plain Voilà": plain.get(what, ""),
            "ours": ours.get(what, ""),
        }
        both = plain.get(what), ours.get(what)
        row["plain/ours"] = both[0] / both[1] if both[0] and both[1] else ""
        row["aim"] = "" if aim is None else f"<= {aim:g}"
        row["met"] = "" if aim is None or both[1] is None else "yes" if both[1] <= aim else "no"
        yield row


def _summary(taken: _Taken) -> dict[str, float]:
    """Return the figures of one server: median and 95th percentile of times, means of the rest."""
    found: dict[str, float] = {}
    for what, values in taken.values.items():
        if what.endswith("largest, MB"):
            found[what] = max(values)
        elif what.endswith((", s", ", MB")):
            found[what] = statistics.mean(values)
        else:
            found[f"{what} p50, s"], found[f"{what} p95, s"] = statistics.median(values), _p95(values)
    found["failures"] = float(len(taken.failures))
    found["visits"] = float(taken.tried)
    return found


def _p95(values: list[float]) -> float:
    """Return the smallest value that 95 per cent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-95 * len(ordered) // 100) - 1)]
