"""Read a ``lab.toml`` into a :class:`~labkit.course.lab.Lab`.

Whatever is wrong in the file ends in a ``DeclarationError`` that names file and line:
here what can be seen key by key, in :mod:`labkit.course.consistency` what only shows when
the parts are held against each other, in :mod:`labkit.course.references` what recorded
runs contradict.
"""

from __future__ import annotations

import re
from pathlib import Path
from types import MappingProxyType
from typing import Any

from labkit.course.checkpoints import read_checkpoint
from labkit.course.consistency import check_lab
from labkit.course.lab import BLOOM, DOMAINS, ROUTES, Artefact, DemoState, Lab, Objective, Scenario
from labkit.course.questions import read_item, read_prediction, read_recall
from labkit.course.references import check_references
from labkit.course.tables import Table, read_source

__all__ = ["read_lab"]

_ID = re.compile(r"[A-Z][A-Z0-9]{1,7}")
_SLUG = re.compile(r"[a-z0-9][a-z0-9-]*")
_NORMS = ("linf", "l2")


def read_lab(folder: Path, *, references: bool = True) -> Lab:
    """Return the lab that ``folder/lab.toml`` declares.

    Parameters
    ----------
    folder : Path
        A folder named after the lab, such as ``L02-evasion-range``.
    references : bool
        Whether every threshold must be backed by a run in ``reference.json``; only the
        command that records those runs reads a lab without.

    Raises
    ------
    DeclarationError
        When anything in the declaration is wrong; the message starts with file and line.
    """
    top = read_source(folder / "lab.toml")
    lab = _read(folder, top)
    top.finish()
    check_lab(lab, top.source)
    if references:
        check_references(lab, top.source)
    return lab


def _read(folder: Path, top: Table) -> Lab:
    id = top.text("id")
    if not _ID.fullmatch(id):
        raise top.error("id", f"expected an id of capital letters and digits such as L02, got {id!r}")
    prefix, _, slug = folder.name.partition("-")
    if prefix != id or not _SLUG.fullmatch(slug):
        raise top.error("id", f"expected the folder to be called {id}-some-words, got {folder.name!r}")
    return Lab(
        folder=folder,
        id=id,
        slug=slug,
        title=top.text("title"),
        summary=top.text("summary"),
        story=top.text("story"),
        role=top.text("role"),
        minutes=top.integer("minutes"),
        prerequisites=top.texts("prerequisites", default=()),
        domain=top.choice("domain", tuple(DOMAINS)),
        route=top.choice("route", ROUTES),
        standards=top.texts("standards"),
        glossary=top.texts("glossary"),
        at_scale=top.text("at_scale"),
        artefact=_artefact(top.table("artefact")),
        scenarios=tuple(_scenario(table) for table in top.tables("scenario", least=1)),
        objectives=tuple(_objective(table) for table in top.tables("objective", least=1)),
        checkpoints=tuple(read_checkpoint(table) for table in top.tables("checkpoint", least=1)),
        recall=tuple(read_recall(table) for table in top.tables("recall", least=3)),
        predictions=tuple(read_prediction(table) for table in top.tables("prediction")),
        items=tuple(read_item(table) for table in top.tables("item")),
        demo=tuple(_demo(table) for table in top.tables("demo")),
    )


def _artefact(table: Table) -> Artefact:
    name = table.text("name")
    if not _SLUG.fullmatch(name):
        raise table.error("name", f"expected small letters, digits and hyphens, got {name!r}")
    artefact = Artefact(name=name, title=table.text("title"))
    table.finish()
    return artefact


def _scenario(table: Table) -> Scenario:
    about: dict[str, Any] = {key: table.text(key) for key in ("id", "title", "story")}
    # What a lab has no use for is left out; a model and its data come together.
    if "dataset" in table or "victim" in table:
        about |= {key: table.text(key) for key in ("dataset", "victim")}
    if "norm" in table or "epsilon" in table:
        about |= {"norm": table.choice("norm", _NORMS), "epsilon": table.number("epsilon")}
        if not about["epsilon"] > 0:
            raise table.error("epsilon", f"expected a budget above 0, got {about['epsilon']}")
    about |= {key: table.integer(key) for key in ("samples", "query_budget") if key in table}
    scenario = Scenario(**about, settings=MappingProxyType(table.mapping("settings")))
    table.finish()
    return scenario


def _objective(table: Table) -> Objective:
    objective = Objective(id=table.text("id"), text=table.text("text"), bloom=table.choice("bloom", BLOOM))
    table.finish()
    return objective


def _demo(table: Table) -> DemoState:
    demo = DemoState(
        title=table.text("title"),
        say=table.text("say"),
        panel=table.text("panel"),
        state=MappingProxyType(table.mapping("state")),
    )
    table.finish()
    return demo
