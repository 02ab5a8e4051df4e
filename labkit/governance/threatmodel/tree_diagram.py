"""Draw an attack tree as SVG, and say in words what it shows."""

from __future__ import annotations

import textwrap
from collections.abc import Collection
from html import escape

from labkit.governance.threatmodel.attack_tree import Gate, Path, Step, Tree, steps
from labkit.governance.threatmodel.svg import PAD, STYLE, svg

__all__ = ["describe_tree", "draw_tree", "say_path", "stopped_by"]

_LEAF, _LEVEL = 46, 236
_NODE_WIDTH, _NODE_HEIGHT = 196, 38


def draw_tree(tree: Tree, *, marked: Collection[str] = (), stopped: Collection[str] = ()) -> str:
    """Return an attack tree as SVG, the goal on the left.

    Parameters
    ----------
    tree : Tree
    marked : collection of str
        Ids of steps to draw with a thick line, such as those of the cheapest attack.
    stopped : collection of str
        Controls in place; the steps that they stop are crossed out.
    """
    parts: list[str] = []
    words = describe_tree(tree, marked=marked, stopped=stopped)
    _, leaves, depth = _draw_node(tree, 0, 0, set(marked), set(stopped), parts)
    width, height = depth * _LEVEL + _NODE_WIDTH + 2 * PAD, leaves * _LEAF + PAD
    return svg(width, height, f"Attack tree: {tree.title}", words, [STYLE, *parts])


def _draw_node(
    tree: Tree, first: int, depth: int, marked: set[str], stopped: set[str], parts: list[str]
) -> tuple[float, int, int]:
    """Draw from leaf number ``first`` down; return the middle, the leaves used and the depth reached."""
    left = depth * _LEVEL + PAD
    if isinstance(tree, Step):
        y = PAD / 2 + (first + 0.5) * _LEAF
        off = bool(set(tree.controls) & stopped)
        fact = "stopped" if off else f"cost {tree.cost:g}, works {tree.probability:.0%}"
        parts.append(_node(tree.title, fact, left, y, "e on" if tree.id in marked else "e", 4))
        if off:
            across = f"M{left + 6} {y + 15:.1f}L{left + _NODE_WIDTH - 6} {y - 15:.1f}"
            parts.append(f'<path class="f" d="{across}"/>')
        return y, 1, depth
    used, deepest, middles = 0, depth, []
    for part in tree.parts:
        middle, leaves, reached = _draw_node(part, first + used, depth + 1, marked, stopped, parts)
        middles.append(middle)
        used, deepest = used + leaves, max(deepest, reached)
    y = (middles[0] + middles[-1]) / 2
    right, turn = left + _NODE_WIDTH, left + (_NODE_WIDTH + _LEVEL) / 2
    parts += [f'<path class="f" d="M{right} {y:.1f}H{turn:g}V{m:.1f}H{left + _LEVEL}"/>' for m in middles]
    parts.append(_node(tree.title, "all of" if tree.kind == "AND" else "any of", left, y, "e", 16))
    return y, used, deepest


def _node(title: str, fact: str, left: float, y: float, kinds: str, radius: int) -> str:
    rows = textwrap.wrap(title, 29)[:2] or [""]
    lines = [(row, False) for row in rows] + [(fact, True)]
    first = y - 6.5 * (len(lines) - 1) + 4
    words = "".join(
        f'<text class="{"t b" if strong else "t"}" x="{left + _NODE_WIDTH / 2:g}" '
        f'y="{first + 13 * place:.1f}">{escape(line)}</text>'
        for place, (line, strong) in enumerate(lines)
    )
    top = y - _NODE_HEIGHT / 2 - (2 if len(rows) > 1 else 0)
    height = _NODE_HEIGHT + (4 if len(rows) > 1 else 0)
    return (
        f'<rect class="{kinds}" x="{left:g}" y="{top:.1f}" width="{_NODE_WIDTH}" height="{height}" '
        f'rx="{radius}"/>{words}'
    )


def describe_tree(tree: Tree, *, marked: Collection[str] = (), stopped: Collection[str] = ()) -> str:
    """Return an attack tree in words, with what is marked in it and what is stopped."""
    titles = [step.title for step in steps(tree) if step.id in set(marked)]
    said = f" Marked: {'; '.join(titles)}." if titles else ""
    return _say_tree(tree, set(stopped)) + "." + said


def _say_tree(tree: Tree, stopped: set[str]) -> str:
    if isinstance(tree, Step):
        if set(tree.controls) & stopped:
            return f"{tree.title} (stopped)"
        return f"{tree.title} (cost {tree.cost:g}, works {tree.probability:.0%})"
    joiner = " and " if isinstance(tree, Gate) and tree.kind == "AND" else " or "
    return f"{tree.title}: [{joiner.join(_say_tree(part, stopped) for part in tree.parts)}]"


def say_path(what: str, tree: Tree, path: Path | None) -> str:
    """Return an attack as a sentence; ``what`` is the one that is meant, such as "the cheapest attack"."""
    if path is None:
        return f"There is no {what.removeprefix('the ')}: every way is stopped."
    titles = {step.id: step.title for step in steps(tree)}
    chain = ", then ".join(f"“{titles[id]}”" for id in path.steps)
    price = f"costs {path.cost:g} and works {path.probability:.0%} of the time"
    return f"{what[:1].upper()}{what[1:]} {price}: {chain}."


def stopped_by(tree: Tree, control: str) -> tuple[str, ...]:
    """Return the titles of the steps that a control stops."""
    return tuple(step.title for step in steps(tree) if control in step.controls)
