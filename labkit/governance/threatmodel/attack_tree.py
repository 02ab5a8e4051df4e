"""Attack trees: what an attacker has to do, as steps joined by AND and OR.

Schneier, "Attack trees", Dr. Dobb's Journal 1999; the values of a gate follow Mauw & Oostdijk,
"Foundations of attack trees", ICISC 2005.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from labkit.core.errors import InvalidInputError
from labkit.governance.threatmodel.risk import Control, all_subsets, costs_of

__all__ = [
    "Gate",
    "Path",
    "Step",
    "Tree",
    "best_path",
    "cheapest_cut",
    "guarded",
    "is_attack",
    "outline",
    "read_outline",
    "steps",
]

_MOST_CUTS = 14


@dataclass(frozen=True, slots=True)
class Step:
    """A leaf: something an attacker does.

    Attributes
    ----------
    id, title : str
    cost : float
        What it takes, in any unit that is the same for all.
    probability : float
        That it works, from 0 to 1.
    controls : tuple of str
        Ids of controls, any of which stops it.
    threat : str
        The threat that it makes use of, as in ``service/T``; empty when there is none.
    """

    id: str
    title: str
    cost: float
    probability: float = 1.0
    controls: tuple[str, ...] = ()
    threat: str = ""


@dataclass(frozen=True, slots=True)
class Gate:
    """A node: ``kind`` is ``"AND"`` (all of ``parts``) or ``"OR"`` (any of them)."""

    kind: str
    title: str
    parts: tuple[Tree, ...]

    def __post_init__(self) -> None:
        if self.kind not in ("AND", "OR") or not self.parts:
            raise InvalidInputError(
                f"expected AND or OR with one part or more for {self.title!r}, "
                f"got {self.kind!r} with {len(self.parts)}"
            )


Tree = Step | Gate


@dataclass(frozen=True, slots=True)
class Path:
    """The steps of one attack, their cost together, and the probability that all of them work."""

    steps: tuple[str, ...]
    cost: float
    probability: float


def steps(tree: Tree) -> Iterator[Step]:
    """Yield the leaves, from left to right."""
    if isinstance(tree, Step):
        yield tree
    else:
        for part in tree.parts:
            yield from steps(part)


def best_path(tree: Tree, *, by: str = "cost", stopped: Collection[str] = ()) -> Path | None:
    """Return the attack that costs least, or that works most often; None when all are stopped.

    At an OR an attacker takes the better part, at an AND all of them; costs add up, and
    probabilities multiply, which takes the steps as independent.

    Parameters
    ----------
    tree : Tree
        Each step stands in it once.
    by : str
        ``"cost"`` or ``"probability"``.
    stopped : collection of str
        Controls that are in place.
    """
    if by not in ("cost", "probability"):
        raise InvalidInputError(f"expected by as cost or probability, got {by!r}")
    if isinstance(tree, Step):
        if set(tree.controls) & set(stopped):
            return None
        return Path((tree.id,), tree.cost, tree.probability)
    found = [best_path(part, by=by, stopped=stopped) for part in tree.parts]
    if tree.kind == "OR":
        open_paths = [path for path in found if path is not None]
        if not open_paths:
            return None
        return min(open_paths, key=lambda path: path.cost if by == "cost" else -path.probability)
    if any(path is None for path in found):
        return None
    whole = [path for path in found if path is not None]
    return Path(
        tuple(step for path in whole for step in path.steps),
        sum(path.cost for path in whole),
        math.prod(path.probability for path in whole),
    )


def guarded(tree: Tree, controls: Sequence[Control]) -> Tree:
    """Return a tree in which each step is also stopped by the controls that help against its threat."""
    if isinstance(tree, Gate):
        return replace(tree, parts=tuple(guarded(part, controls) for part in tree.parts))
    helping = [control.id for control in controls if tree.threat and tree.threat in control.against]
    return replace(tree, controls=tuple(dict.fromkeys((*tree.controls, *helping))))


def is_attack(tree: Tree, chosen: Collection[str]) -> bool:
    """Whether doing the ``chosen`` steps reaches the top of the tree."""
    if isinstance(tree, Step):
        return tree.id in chosen
    reached = [is_attack(part, chosen) for part in tree.parts]
    return all(reached) if tree.kind == "AND" else any(reached)


def cheapest_cut(tree: Tree, controls: Sequence[Control], purse: float) -> tuple[tuple[str, ...], int] | None:
    """Return the cheapest controls after which no attack costs ``purse`` or less, and what they cost.

    Every set of the controls that stop a step is looked at, so the answer is exact.  None when
    even all of them leave a cheaper attack.
    """
    price = costs_of(controls)
    useful = sorted({name for step in steps(tree) for name in step.controls if name in price})
    if len(useful) > _MOST_CUTS:
        raise InvalidInputError(f"expected up to {_MOST_CUTS} controls that stop a step, got {len(useful)}")
    best: tuple[tuple[str, ...], int] | None = None
    for chosen in all_subsets(useful):
        cost = sum(price[name] for name in chosen)
        if best is not None and cost >= best[1]:
            continue
        left = best_path(tree, stopped=chosen)
        if left is None or left.cost > purse:
            best = (chosen, cost)
    return best


_LINE = re.compile(r"^(?P<indent> *)(?P<kind>AND|OR|STEP)\s+(?P<title>[^|]+?)\s*(?P<more>(\|[^|]*)*)$")


def outline(tree: Tree, depth: int = 0) -> str:
    """Return a tree as indented lines, which :func:`read_outline` reads."""
    indent = "  " * depth
    if isinstance(tree, Step):
        stops = f" | stopped by {', '.join(tree.controls)}" if tree.controls else ""
        threat = f" | threat {tree.threat}" if tree.threat else ""
        return f"{indent}STEP {tree.title} | cost {tree.cost:g} | works {tree.probability:g}{stops}{threat}"
    lines = [f"{indent}{tree.kind} {tree.title}"]
    return "\n".join([*lines, *(outline(part, depth + 1) for part in tree.parts)])


def read_outline(text: str) -> Tree:
    """Read a tree from lines such as ``AND Get in`` and ``  STEP Guess it | cost 5 | works 0.3``.

    Two spaces more than the line above make a part of it; steps are numbered from 1 in their order.
    ``| stopped by vault, pin`` names controls, and ``| threat service/T`` the threat that is used.

    Raises
    ------
    InvalidInputError
        Naming the line that cannot be read.
    """
    rows = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not rows:
        raise InvalidInputError("expected a tree, got nothing: begin with a line such as: OR Reach the goal")
    parsed = [_row(number, line) for number, line in rows]
    tree, end = _build(parsed, 0, 0, [0])
    if end < len(parsed):
        raise InvalidInputError(f"line {parsed[end][0]}: expected one goal at the top, got a second one")
    return tree


_Row = tuple[int, int, str, Step]


def _row(number: int, line: str) -> _Row:
    found = _LINE.match(line.rstrip())
    if found is None:
        raise InvalidInputError(
            f"line {number}: expected AND, OR or STEP and a title, such as "
            f"'  STEP Guess the number | cost 4 | works 0.7'; got {line.strip()!r}"
        )
    indent = len(found["indent"])
    if indent % 2:
        raise InvalidInputError(f"line {number}: expected two spaces for each level, got {indent}")
    step = Step("", found["title"], 1.0)
    for part in filter(None, (each.strip() for each in found["more"].split("|"))):
        name, _, value = part.partition(" ")
        amount = _amount(value)
        if name == "cost" and 0 <= amount < math.inf:
            step = replace(step, cost=amount)
        elif name == "works" and 0 <= amount <= 1:
            step = replace(step, probability=amount)
        elif name == "stopped" and value.startswith("by "):
            step = replace(step, controls=tuple(filter(None, re.split(r"[,\s]+", value[3:]))))
        elif name == "threat" and value.strip():
            step = replace(step, threat=value.strip())
        else:
            raise InvalidInputError(
                f"line {number}: expected 'cost' with a number from 0 up, 'works' with one from 0 to 1, "
                f"'stopped by' with controls or 'threat' with a threat; got {part!r}"
            )
    return number, indent // 2, found["kind"], step


def _amount(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def _build(rows: Sequence[_Row], place: int, depth: int, count: list[int]) -> tuple[Tree, int]:
    number, at, kind, step = rows[place]
    if at != depth:
        raise InvalidInputError(f"line {number}: expected {2 * depth} spaces in front, got {2 * at}")
    place += 1
    if kind == "STEP":
        count[0] += 1
        if place < len(rows) and rows[place][1] > depth:
            raise InvalidInputError(f"line {rows[place][0]}: a step has no parts; make it AND or OR")
        return replace(step, id=str(count[0])), place
    parts = []
    while place < len(rows) and rows[place][1] > depth:
        part, place = _build(rows, place, depth + 1, count)
        parts.append(part)
    if not parts:
        raise InvalidInputError(
            f"line {number}: expected parts below {kind} {step.title!r}, two spaces further in"
        )
    return Gate(kind, step.title, tuple(parts)), place
