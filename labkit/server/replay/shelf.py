"""The recorded pages of a server: prepared in the background, given out, and renewed when a lab changes."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from labkit.core.errors import LabkitError
from labkit.course import Lab, labs
from labkit.server.replay.record import Record
from labkit.server.warm.shared import warmth

__all__ = ["RecordedPage", "Shelf", "scenario_asked"]

_CALL = "labkit.server.replay.prepare:prepare"
_BEAT = 0.1  # seconds between two looks at a preparation
_WAIT = 45.0  # seconds that somebody waits at most for a page that is being prepared
_GRUDGE = 600.0  # seconds until a page that was refused may be tried again
_TRAINING = 60.0  # seconds after which a victim that was not trained is looked for again
_PATIENCE = 120.0  # seconds that a preparation may take

Compose = Callable[[Lab, Record], Awaitable[tuple[bytes, bytes]]]
_Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True, slots=True)
class RecordedPage:
    """A page that lacks nothing but the number of its kernel.

    Attributes
    ----------
    name : str
        What the warm parent calls the state that its kernels begin with.
    before, after : bytes
        The page up to the number of the kernel, and from there on.
    """

    name: str
    before: bytes
    after: bytes
    stamp: _Stamp = field(repr=False, default=())
    rehearsed: bool = True


class Shelf:
    """Recorded pages by lab and scenario.

    Parameters
    ----------
    compose : coroutine function
        ``compose(lab, record)`` returns the two parts of a page.
    log : logging.Logger
    """

    def __init__(self, compose: Compose, log: logging.Logger) -> None:
        self._compose, self._log = compose, log
        self._pages: dict[str, RecordedPage] = {}
        self._refused: dict[str, _Stamp] = {}
        self._queue: OrderedDict[str, Lab] = OrderedDict()
        self._worker: asyncio.Task[None] | None = None
        self._current = ""
        self._awaited: set[str] = set()
        self._count = itertools.count(1)

    @property
    def labs(self) -> list[str]:
        """The ids of the labs of which a page is there."""
        return sorted({key.partition("/")[0] for key in self._pages})

    @property
    def preparing(self) -> bool:
        """Whether more pages are on their way."""
        return self._worker is not None and not self._worker.done()

    def find(self, lab: Lab, query: str) -> RecordedPage | None:
        """Return the page for a request, or None when the notebook has to be run for it.

        A page that is not there yet is prepared meanwhile, for whoever comes next.
        """
        kept = warmth()
        if kept is None:
            return None
        scenario = scenario_asked(lab, query)
        page = self._pages.get(f"{lab.id}/{scenario}")
        if page is None or page.stamp != _stamp(lab) or not kept.prepared(page.name):
            self.want(lab, scenario, first=True)
            return None
        if not page.rehearsed:
            # Its first kernel trains the victim; once that is done, kernels can share it.
            asyncio.get_running_loop().call_later(_TRAINING, self.want, lab, scenario)
        return page

    async def wait_for(self, lab: Lab, query: str) -> RecordedPage | None:
        """Return the page for a request as :meth:`find`, after a while if it is being prepared.

        The first who asks does not wait, the notebook is run for them; for a class that
        comes together it is quicker to wait than to run the notebook for each.
        """
        page, key = self.find(lab, query), f"{lab.id}/{scenario_asked(lab, query)}"
        if page is not None or key not in self._awaited:
            self._awaited.add(key)
            return page
        for _ in range(int(_WAIT / _BEAT)):
            if not (key == self._current or key in self._queue):
                break
            await asyncio.sleep(_BEAT)
        return self.find(lab, query)

    def want(self, lab: Lab, scenario: str, *, first: bool = False) -> None:
        """Have a page prepared in the background, unless that was refused; ``first`` before all others."""
        key = f"{lab.id}/{scenario}"
        if self._refused.get(key) == _stamp(lab):
            return
        self._queue[key] = lab
        if first:
            self._queue.move_to_end(key, last=False)
        if not self.preparing:
            self._worker = asyncio.ensure_future(self._work())

    def fill(self) -> None:
        """Prepare the first scenario of every lab, one after the other."""
        try:
            for lab in labs():
                if (lab.folder / "lab.ipynb").is_file():
                    self.want(lab, scenario_asked(lab, ""))
        except LabkitError as error:  # a lab whose declaration is wrong says so where it is opened
            self._log.warning("no page is prepared: %s", error)

    def drop(self, page: RecordedPage) -> None:
        """Give a page up that could not be used; it is prepared anew when somebody asks for it."""
        self._pages = {key: each for key, each in self._pages.items() if each is not page}
        kept = warmth()
        if kept is not None:
            kept.forget(page.name)

    async def _work(self) -> None:
        """Prepare one page after the other: each takes a processor for a second or two."""
        while self._queue:
            key, lab = self._queue.popitem(last=False)
            stamp, page = _stamp(lab), self._pages.get(key)
            if page is not None and page.stamp == stamp and page.rehearsed and self._usable(page):
                continue
            self._current = key
            made = await self._prepare(lab, key, stamp)
            self._current = ""
            self._awaited.discard(key)
            if made is None:
                self._refused[key] = stamp
                asyncio.get_running_loop().call_later(_GRUDGE, self._refused.pop, key, None)
                self._log.info("%s is not recorded; its notebook is run for everybody", key)
                continue
            self._pages[key] = made
            if page is not None:
                self.drop(page)

    async def _prepare(self, lab: Lab, key: str, stamp: _Stamp) -> RecordedPage | None:
        name = f"{key}#{next(self._count)}"
        try:
            record = await self._recorded(name)
            if record is None:
                return None
            before, after = await self._compose(lab, record)
        except Exception:
            self._log.exception("the page of %s was not composed", key)
            return None
        return RecordedPage(name, before, after, stamp, record.rehearsed)

    def _usable(self, page: RecordedPage) -> bool:
        kept = warmth()
        return kept is not None and kept.prepared(page.name)

    async def _recorded(self, name: str) -> Record | None:
        kept = warmth()
        if kept is None:
            return None
        beats = iter(range(int(_PATIENCE / _BEAT)))
        while not kept.ready and next(beats, None) is not None:
            await asyncio.sleep(_BEAT)
        kept.prepare(name, _CALL)
        for _ in beats:
            if kept.prepared(name):
                return Record.from_json(kept.record(name))
            if not kept.preparing(name):
                break
            await asyncio.sleep(_BEAT)
        kept.forget(name)
        return None


def scenario_asked(lab: Lab, query: str) -> str:
    """Return the scenario that a page's address asks for, as ``open_lab`` reads it."""
    asked = parse_qs(query).get("scenario", [""])[-1] or os.environ.get("LABKIT_SCENARIO", "")
    known = [each.id for each in lab.scenarios]
    return asked if asked in known else known[0]


def _stamp(lab: Lab) -> _Stamp:
    """Return what changes when a file of the lab does."""
    return tuple(
        (each.name, (about := each.stat()).st_mtime_ns, about.st_size)
        for each in sorted(lab.folder.iterdir())
        if each.suffix in {".toml", ".ipynb", ".py", ".json"}
    )
