"""Every lab there is, and what can be computed over all of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from labkit.core.errors import DeclarationError, UnknownNameError
from labkit.core.paths import content_dir
from labkit.course.declaration import read_lab
from labkit.course.lab import DOMAINS, ROUTES, Lab
from labkit.course.locate import Place
from labkit.course.tables import read_source

__all__ = ["by_domain", "find_lab", "labs", "next_lab", "prerequisites", "standards_index"]

_Stamp = tuple[tuple[str, int, int], ...]


def labs(root: Path | None = None, *, references: bool = False) -> list[Lab]:
    """Return every lab below ``root``: the core route first, then by id.

    Parameters
    ----------
    root : Path, optional
        Folder that holds one folder a lab; by default the labs that ship with labkit.
    references : bool
        Whether thresholds must be backed by recorded runs, see
        :func:`~labkit.course.declaration.read_lab`.

    Raises
    ------
    DeclarationError
        When a declaration is wrong, two labs share an id, or prerequisites are unknown or
        go round in a circle.
    """
    root = content_dir("notebooks") if root is None else root
    return list(_labs(root, references, _stamp(root)))


def find_lab(name: str, root: Path | None = None, *, references: bool = False) -> Lab:
    """Return the lab called ``name``: its id, its slug or both, in any case.

    Raises
    ------
    UnknownNameError
        When there is no such lab.
    """
    wanted = name.strip().casefold()
    known = labs(root, references=references)
    for lab in known:
        if wanted in (lab.id.casefold(), lab.slug.casefold(), lab.folder.name.casefold()):
            return lab
    raise UnknownNameError("lab", name, [lab.folder.name for lab in known])


def by_domain(among: list[Lab] | None = None) -> Mapping[str, list[Lab]]:
    """Return the labs of each exam domain, D1 to D7, the empty domains included."""
    among = labs() if among is None else among
    return {domain: [lab for lab in among if lab.domain == domain] for domain in DOMAINS}


def standards_index(among: list[Lab] | None = None) -> Mapping[str, list[Lab]]:
    """Return for each standards id, sorted, the labs that work on it."""
    found: dict[str, list[Lab]] = {}
    for lab in labs() if among is None else among:
        for name in lab.standards:
            found.setdefault(name, []).append(lab)
    return dict(sorted(found.items()))


def prerequisites(lab: Lab, among: list[Lab] | None = None) -> list[Lab]:
    """Return every lab that should come before ``lab``, in an order that works."""
    known = {each.id: each for each in (labs() if among is None else among)}
    found: dict[str, Lab] = {}

    def visit(each: Lab) -> None:
        for id in each.prerequisites:
            if id not in found:
                visit(known[id])
                found[id] = known[id]

    visit(lab)
    return list(found.values())


def next_lab(lab: Lab, among: list[Lab] | None = None) -> Lab | None:
    """Return the lab that follows ``lab`` on its route, or None at the end of it."""
    route = [each for each in (labs() if among is None else among) if each.route == lab.route]
    ids = [each.id for each in route]
    position = ids.index(lab.id) + 1 if lab.id in ids else len(ids)
    return route[position] if position < len(route) else None


def _stamp(root: Path) -> _Stamp:
    """Return what changes when a declaration does, so that an edit is seen at once."""
    names = ("lab.toml", "lab.py", "reference.json")
    files = sorted(path for folder in root.glob("*/") for name in names if (path := folder / name).is_file())
    return tuple((str(path), (stat := path.stat()).st_mtime_ns, stat.st_size) for path in files)


@lru_cache(maxsize=8)
def _labs(root: Path, references: bool, stamp: _Stamp) -> tuple[Lab, ...]:
    folders = [Path(name).parent for name, _, _ in stamp if Path(name).name == "lab.toml"]
    found = [read_lab(folder, references=references) for folder in folders]
    _check_ids(found)
    _check_prerequisites(found)
    return tuple(sorted(found, key=lambda lab: (ROUTES.index(lab.route), lab.id)))


def _error(lab: Lab, place: Place, problem: str) -> DeclarationError:
    return read_source(lab.folder / "lab.toml").source.error(place, problem)


def _check_ids(found: list[Lab]) -> None:
    seen: dict[str, Lab] = {}
    for lab in found:
        for name in (lab.id, lab.slug):
            if name in seen:
                raise _error(lab, ("id",), f"{name!r} is also the name of {seen[name].folder.name}")
            seen[name] = lab


def _check_prerequisites(found: list[Lab]) -> None:
    known = {lab.id: lab for lab in found}
    for lab in found:
        named: list[tuple[Place, str]] = [(("prerequisites",), id) for id in lab.prerequisites]
        named += [(("recall", at, "from"), recall.source) for at, recall in enumerate(lab.recall)]
        for place, id in named:
            if id and id not in known:
                raise _error(
                    lab,
                    place,
                    f"{lab.id} refers to the lab {id!r}, which does not exist. Known: {', '.join(known)}.",
                )
    for lab in found:
        _check_circle(lab, known, (lab.id,))


def _check_circle(lab: Lab, known: Mapping[str, Lab], path: tuple[str, ...]) -> None:
    for id in lab.prerequisites:
        if id in path:
            raise _error(
                lab, ("prerequisites",), f"prerequisites go round in a circle: {' → '.join([*path, id])}"
            )
        _check_circle(known[id], known, (*path, id))
