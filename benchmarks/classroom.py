"""A class goes through two labs at once, while the instructor's board shows it.

Participants enter a class that ``labkit serve`` serves, open the labs and do what leads to each
checkpoint through the widgets' protocol, all at the same time; an instructor reads the board
meanwhile and says something that everybody has to hear, and in the end exports the table, begins a
lab anew for somebody, freezes it and opens it.  Whatever does not work is a failure in the table.
"""

from __future__ import annotations

import asyncio
import csv
import io
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient

from benchmarks.visitor import Visitor
from benchmarks.widget_page import WidgetPage
from labkit.core.errors import LabkitError
from labkit.core.paths import cache_dir

__all__ = ["TITLE", "run"]

TITLE = "a class goes through the evasion range and the poisoning lab while the board shows it"

Row = dict[str, Any]
_PATIENCE = 900.0
_SAID = "Ten minutes left."


async def _evasion_range(page: WidgetPage) -> None:
    attack = await page.panel("Other pictures")
    await page.dial(attack, "Epsilon", 0.15)
    await page.dial(attack, "Steps", 40)
    await page.press(attack, "Hand in")
    await _reached(page, 1)

    asking = await page.panel("Start asking")
    await page.dial(asking, "Epsilon", 0.15)
    await page.dial(asking, "Questions each", 500)
    await page.work(asking, "Start asking", _PATIENCE)
    await page.press(asking, "Hand in")
    await _reached(page, 2)

    unmask = await page.panel("Run the ticked tests")
    await page.tick(unmask, "BPDA")
    await page.work(unmask, "Run the ticked tests", _PATIENCE)
    await page.press(unmask, "Count the survivors", _PATIENCE)
    left = await page.says(r"What survives BPDA[^%]*?([\d.]+) ?%", _PATIENCE, unmask)
    await page.dial(unmask, "Accuracy that is really left (0 to 1)", float(left) / 100)
    await page.press(unmask, "Hand in")
    await _reached(page, 3)

    defend = await page.panel("Train a model")
    for label, value in (("Training epsilon", 0.15), ("Attack steps", 5), ("Epochs", 20)):
        await page.dial(defend, label, value)
    await page.work(defend, "Train a model", _PATIENCE)
    await page.pick(defend, "Model to hand in", page.options(defend, "Model to hand in")[1])
    await page.press(defend, "Hand in", _PATIENCE)
    await _reached(page, 5)


def _in_each_corner(size: int) -> list[str]:
    """Return a square of ``size`` pixels in each corner, as the painter's field takes it."""
    left = "#" * size + "." * (8 - size)
    return [
        "/".join(([line] * size + ["." * 8] * (8 - size))[::order])
        for line in (left, left[::-1])
        for order in (1, -1)
    ]


_SIGNS = [*_in_each_corner(3), *_in_each_corner(4)]


async def _poisoning(page: WidgetPage) -> None:
    plant = await page.panel("Train a reader")
    await page.dial(plant, "Poison rate (%)", 2)
    await page.says("11 of 560 samples poisoned", _PATIENCE, plant)
    for sign in _SIGNS:
        await page.write(plant, "Sign as text", sign)
        await page.work(plant, "Train a reader", _PATIENCE)
        await page.work(plant, "Hand in", _PATIENCE)
        # Where a sign works well depends on the variant: who falls short paints another, then a larger one.
        if re.search("[1-5] of 5 checkpoints reached", page.text()):
            break
    else:
        raise LabkitError("no sign works in this variant")

    collide = await page.panel("Make the poison")
    wanted = await page.says(r"You want it read as (\w+)", _PATIENCE, collide)
    await page.pick(collide, "Poison samples", f"labelled {wanted}")
    for label, value in (("Epsilon", 0.25), ("Poison rate (%)", 2), ("Steps", 60)):
        await page.dial(collide, label, value)
    await page.press(collide, "Make the poison")
    await page.says(f"your document is read as {wanted}", _PATIENCE, collide)
    await page.press(collide, "Hand in")
    await _reached(page, 2)

    clean = await page.panel("Screen the delivery")
    await page.pick(clean, "Tool", "Neighbours (kNN)")
    await page.pick(clean, "Neighbours are", "samples of vouched batches")
    await page.dial(clean, "How many", 5)
    await page.dial(clean, "Goes above", 0.7)
    await page.tick(clean, "without a voucher")
    await page.press(clean, "Screen the delivery")
    await page.says("samples would go", _PATIENCE, clean)
    await page.press(clean, "Hand in")
    await _reached(page, 3)

    blind = await page.panel("Compare all four")
    await page.pick(blind, "Neighbours are", "the acceptance set, checked by hand")
    await page.pick(blind, "Compared by", "what the reader in use makes of them")
    await page.dial(blind, "How many", 5)
    await page.press(blind, "Compare all four")
    await page.says("Share of suspects", _PATIENCE, blind)
    # What poison has in common is its label: the last column tells more than the one before.
    line = r"(drop \w+|the acceptance set, among itself)\s+[\d.]+%\s+([\d.]+)%"
    shares = dict(re.findall(line, page.text(blind), re.IGNORECASE))
    usual = float(shares.pop("the acceptance set, among itself"))
    for drop, share in shares.items():
        verdict = "poisoned" if float(share) > usual + 5 else "clean"
        await page.pick(blind, f"Verdict on {drop}", verdict)
    await page.press(blind, "Hand in")
    await _reached(page, 4)

    price = await page.panel("Measure the price")
    await page.press(price, "Take the recipe of the cleaning")
    await page.says("The dials are set", _PATIENCE, price)
    # A recipe that cleaned one delivery may find too little in another: whoever falls short turns the dials.
    for neighbours, above in ((5, 0.7), (7, 0.6), (3, 0.5)):
        await page.dial(price, "How many", neighbours)
        await page.dial(price, "Goes above", above)
        await page.work(price, "Measure the price", _PATIENCE)
        await page.work(price, "Hand in", _PATIENCE)
        if "5 of 5 checkpoints reached" in page.text():
            break
    await _reached(page, 5)


async def _reached(page: WidgetPage, count: int) -> None:
    await page.says(rf"[{count}-5] of 5 checkpoints reached", _PATIENCE)


_LABS: dict[str, Callable[[WidgetPage], Awaitable[None]]] = {"L02": _evasion_range, "L04": _poisoning}


async def _participant(server: str, number: int, spent: dict[str, list[float]]) -> str:
    """Enter, go through the labs, and return what went wrong; empty when nothing did."""
    visitor, heard = Visitor(server), list[str]()
    lab, listening = "the entrance", None
    try:
        await visitor.enter(f"Participant {number}")
        listening = asyncio.create_task(visitor.follow("room/news", heard))
        for lab, goes in _LABS.items():
            began = time.perf_counter()
            answer = await visitor.ask(f"dashboards/{lab}")
            page = WidgetPage(server, visitor.cookie)
            try:
                await page.open(answer.body.decode(), _PATIENCE)
                await goes(page)
            finally:
                page.close()
            spent[lab].append(time.perf_counter() - began)
        lab = "what the instructor said"
        if not any(_SAID in line for line in heard):
            raise LabkitError(f"expected to hear {_SAID!r}, got {heard}")
    except Exception as error:
        return f"participant {number}, {lab}: {type(error).__name__}: {error}"
    finally:
        if listening is not None:
            listening.cancel()
    return ""


class _Instructor:
    """Reads the board while the class works, and does with it what an instructor does."""

    def __init__(self, server: str, people: int) -> None:
        self._visitor = Visitor(server)
        self._people = people
        self.seen: dict[str, list[int]] = {lab: [] for lab in _LABS}

    async def watch(self, token: str) -> None:
        """Say something once everybody is here, and keep how many had reached the last objective."""
        await self._visitor.ask(f"board/enter?token={token}")
        said = False
        while True:
            for lab in _LABS:
                table = await self._table(lab)
                if not said and f"of {self._people} here now" in table:
                    await self._act(action="push", text=_SAID, lab=lab)
                    said = True
                self.seen[lab].append(self._reached(table))
            await asyncio.sleep(2)

    async def close(self) -> None:
        """Export the table, begin one lab anew for somebody, freeze it and open it, and look at the result.

        Raises
        ------
        LabkitError
            When the board shows something else than what happened.
        """
        lab = next(iter(_LABS))
        before = self._reached(await self._table(lab))
        table = (await self._visitor.ask("board/export.csv")).body.decode("utf-8-sig")
        lines = [line for line in csv.DictReader(io.StringIO(table)) if line["state"] == "reached"]
        for each in _LABS:
            reached = {line["participant"] for line in lines if line["lab"] == each}
            _expect(
                f"participants with passed checkpoints of {each} in the export", self._people, len(reached)
            )
        board = (await self._visitor.ask(f"board?lab={lab}")).body.decode()
        somebody = re.findall(r'<option value="(p-[0-9a-f]+)">', board)[0]
        await self._act(action="reset", participant=somebody, what="lab", lab=lab)
        _expect("who finished after one began anew", before - 1, self._reached(await self._table(lab)))
        for state in ("frozen", "open"):
            await self._act(action="state", lab=lab, state=state)
            _expect(f"the lab as {state}", True, f"is {state} now" in self._answer)

    async def _table(self, lab: str) -> str:
        return (await self._visitor.ask(f"board/table?lab={lab}")).body.decode()

    async def _act(self, **form: str) -> None:
        self._answer = (await self._visitor.ask("board/act", form)).body.decode()

    def _reached(self, table: str) -> int:
        counts = re.findall(rf"(\d+) of {self._people}</td>", table)
        return int(counts[-1]) if counts else 0


def _expect(what: str, wanted: object, got: object) -> None:
    if got != wanted:
        raise LabkitError(f"{what}: expected {wanted}, got {got}")


async def _class(
    server: str, token: str, people: int
) -> tuple[dict[str, list[float]], dict[str, list[int]], list[str]]:
    AsyncHTTPClient.configure(None, max_clients=4 * people)
    spent: dict[str, list[float]] = {lab: [] for lab in _LABS}
    instructor = _Instructor(server, people)
    watching = asyncio.create_task(instructor.watch(token))
    failures = await asyncio.gather(*(_participant(server, number, spent) for number in range(1, people + 1)))
    await asyncio.sleep(4.5)  # two more looks at the board
    try:
        if watching.done():
            watching.result()  # it ends by an error only
        watching.cancel()
        if not any(failures):
            await instructor.close()
    except Exception as error:
        failures.append(f"the board: {type(error).__name__}: {error}")
    return spent, instructor.seen, [each for each in failures if each]


def run(people: int = 20) -> list[Row]:
    """Serve a class and let ``people`` go through both labs at the same time.

    Returns
    -------
    list of dict
        For each lab: who finished it, seconds until half and until all had, what the board
        showed in the end, and failures.
    """
    from labkit import data
    from labkit.models import load_victim

    load_victim("cnn", data.load("digits"))
    with tempfile.TemporaryDirectory(prefix="labkit-class-", ignore_cleanup_errors=True) as home:
        (Path(home) / "cache").mkdir()
        (Path(home) / "cache" / "victims").symlink_to(cache_dir() / "victims", target_is_directory=True)
        process, server, token = _serve(home)
        try:
            time.sleep(15)  # the server prepares the pages of the labs; a class does not begin in that second
            spent, seen, failures = asyncio.run(_class(server, token, people))
        finally:
            process.terminate()
            process.wait(timeout=60)
    for failure in failures:
        print(f"  failed: {failure}")
    rows: list[Row] = [
        {
            "lab": lab,
            "people": people,
            "finished": len(times),
            "median s": statistics.median(times) if times else float("nan"),
            "last s": max(times, default=float("nan")),
            "board in the end": seen[lab][-1] if seen[lab] else 0,
            "looks at the board": len(seen[lab]),
            "failures": sum(f", {lab}:" in failure for failure in failures),
        }
        for lab, times in spent.items()
    ]
    # What failed outside of a lab: at the entrance, or at the board.
    elsewhere = len(failures) - sum(int(row["failures"]) for row in rows)
    return [*rows, {"lab": "elsewhere", "people": people, "failures": elsewhere}]


def _serve(home: str) -> tuple[subprocess.Popen[str], str, str]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "labkit.cli", "serve", "--class", "benchmark", "--no-browser"),
            *("--no-training", "--port", str(_free_port())),
        ],
        env={**os.environ, "LABKIT_HOME": home},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    assert process.stdout is not None  # noqa: S101 - piped above
    for line in process.stdout:
        said += line
        if "Stop it with" in line:
            break
    found = re.search(r"(http://[\d.:]+)/board/enter\?token=(\S+)", said)
    if found is None:
        raise LabkitError(f"the class was not served: {said}")
    return process, found[1], found[2]


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
