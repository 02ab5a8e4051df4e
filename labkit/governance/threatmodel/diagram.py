"""Draw a data-flow diagram as SVG: plain, self-contained, and described in words.

Zones are columns, from what is trusted least to what is trusted most; a rectangle is an
external entity, a rounded box a process, two lines a store.  Flows carry numbers that the
list below the picture explains, because labels on arrows collide; a diamond with a number
marks an asset.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from html import escape

from labkit.governance.threatmodel.model import Element, Flow, SystemModel
from labkit.governance.threatmodel.svg import PAD, STYLE, svg

__all__ = ["describe", "draw"]

_BOX_WIDTH, _BOX_HEIGHT = 150, 46
_GAP_X, _GAP_Y = 88, 46
_HEAD = 26


@dataclass(frozen=True, slots=True)
class _Box:
    x: float
    y: float

    @property
    def middle(self) -> tuple[float, float]:
        return self.x + _BOX_WIDTH / 2, self.y + _BOX_HEIGHT / 2

    def covers(self, x: float, y: float) -> bool:
        """Whether a number at this point would lie on the box."""
        return self.x - 9 < x < self.x + _BOX_WIDTH + 9 and self.y - 9 < y < self.y + _BOX_HEIGHT + 9


def draw(model: SystemModel, *, marked: Collection[str] = ()) -> str:
    """Return the diagram as SVG.

    Parameters
    ----------
    model : SystemModel
    marked : collection of str
        Ids of elements and flows to draw with a thick line.
    """
    boxes, columns, height = _place(model)
    width = sum(columns.values()) + PAD
    parts = [STYLE, _ARROWS]
    x = float(PAD / 2)
    for zone in model.zones:
        wide = columns[zone.id] - PAD / 2
        parts.append(f'<rect class="z" x="{x:g}" y="4" width="{wide:g}" height="{height - 8:g}" rx="8"/>')
        parts.append(f'<text class="h" x="{x + 8:g}" y="21">{escape(zone.name)}</text>')
        x += columns[zone.id]
    labels: list[str] = []
    used: list[tuple[float, float]] = []
    taken: dict[frozenset[str], int] = {}
    for number, flow in enumerate(model.flows, start=1):
        pair = frozenset((flow.source, flow.target))
        taken[pair] = taken.get(pair, 0) + 1
        line, curve = _arrow(model, flow, boxes, taken[pair] - 1, flow.id in marked)
        parts.append(line)
        labels.append(_number(number, curve, boxes, used, model.crosses(flow)))
    parts += [_shape(element, boxes[element.id], element.id in marked) for element in model.elements]
    parts += labels
    parts += _diamonds(model, boxes)
    return svg(width, height, f"Data-flow diagram of {model.name}", describe(model), parts)


def describe(model: SystemModel) -> str:
    """Return the diagram in words: zones with their elements, the flows by number, then the assets."""
    names = {element.id: element.name for element in model.elements}
    zones = [
        f"{zone.name}: {', '.join(f'{e.name} ({e.kind})' for e in model.elements if e.zone == zone.id)}."
        for zone in model.zones
    ]
    flows = [
        f"{number}: {names[flow.source]} to {names[flow.target]}, {flow.data}"
        + (", across a trust boundary." if model.crosses(flow) else ".")
        for number, flow in enumerate(model.flows, start=1)
    ]
    assets = [
        f"{number}: {asset.name}, at {model.title(asset.at)}, worth {asset.worth} of 5."
        for number, asset in enumerate(model.assets, start=1)
    ]
    parts = [*zones, *(["Flows.", *flows] if flows else []), *(["Assets.", *assets] if assets else [])]
    return " ".join(parts) or "Nothing is drawn yet."


def _place(model: SystemModel) -> tuple[dict[str, _Box], dict[str, float], float]:
    """Return a box for each element, a width for each zone, and the height of the picture."""
    boxes: dict[str, _Box] = {}
    columns: dict[str, float] = {}
    height, x = 120.0, float(PAD / 2)
    for place, zone in enumerate(model.zones):
        inside = [element for element in model.elements if element.zone == zone.id]
        across = 2 if len(inside) > 4 else 1
        wide = across * _BOX_WIDTH + (across - 1) * _GAP_X * 0.7 + _GAP_X
        # Every second column begins lower, so that arrows between neighbours do not lie on one line.
        drop = (place % 2) * (_BOX_HEIGHT + _GAP_Y) / 2
        for number, element in enumerate(inside):
            row, column = divmod(number, across)
            stagger = column * (_BOX_HEIGHT + _GAP_Y) / 2
            boxes[element.id] = _Box(
                x + _GAP_X / 2 + column * (_BOX_WIDTH + _GAP_X * 0.7),
                _HEAD + PAD + drop + stagger + row * (_BOX_HEIGHT + _GAP_Y),
            )
            height = max(height, boxes[element.id].y + _BOX_HEIGHT + PAD + 10)
        columns[zone.id] = wide
        x += wide
    return boxes, columns, height


_ARROWS = (
    '<defs><marker id="a" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    'orient="auto-start-reverse"><path d="M0 0 10 5 0 10z" fill="#33404d"/></marker></defs>'
)


_Curve = tuple[tuple[float, float], tuple[float, float], tuple[float, float]]


def _arrow(
    model: SystemModel, flow: Flow, boxes: Mapping[str, _Box], nth: int, marked: bool
) -> tuple[str, _Curve]:
    """Return the line of a flow, and its curve: start, bend and end."""
    start, end = boxes[flow.source], boxes[flow.target]
    (x1, y1), (x2, y2) = _edge(start, end), _edge(end, start)
    # Flows there and back bend to different sides.
    bend = 26 * (1 if nth % 2 == 0 else -1) * (1 if flow.source < flow.target else -1)
    dx, dy = x2 - x1, y2 - y1
    length = max(1.0, (dx * dx + dy * dy) ** 0.5)
    cx, cy = (x1 + x2) / 2 - dy / length * bend, (y1 + y2) / 2 + dx / length * bend
    kinds = "f" + (" x" if model.crosses(flow) else "") + (" on" if marked else "")
    line = (
        f'<path class="{kinds}" d="M{x1:.1f} {y1:.1f}Q{cx:.1f} {cy:.1f} {x2:.1f} {y2:.1f}" '
        'marker-end="url(#a)"/>'
    )
    return line, ((x1, y1), (cx, cy), (x2, y2))


def _number(
    number: int, curve: _Curve, boxes: Mapping[str, _Box], used: list[tuple[float, float]], crosses: bool
) -> str:
    """Return the number of a flow, where neither a box nor another number lies."""
    places = [_along(curve, share / 20) for share in (10, 8, 12, 6, 14, 4, 16, 3, 17)]
    free = [
        (x, y)
        for x, y in places
        if not any(box.covers(x, y) for box in boxes.values())
        and all((x - a) ** 2 + (y - b) ** 2 > 21**2 for a, b in used)
    ]
    x, y = (free or places)[0]
    used.append((x, y))
    dot = "m" if crosses else "n"
    return (
        f'<circle class="{dot}" cx="{x:.1f}" cy="{y:.1f}" r="9"/>'
        f'<text class="l" x="{x:.1f}" y="{y + 4:.1f}">{number}</text>'
    )


def _along(curve: _Curve, share: float) -> tuple[float, float]:
    (x1, y1), (cx, cy), (x2, y2) = curve
    rest = 1 - share
    return (
        rest * rest * x1 + 2 * rest * share * cx + share * share * x2,
        rest * rest * y1 + 2 * rest * share * cy + share * share * y2,
    )


def _edge(box: _Box, towards: _Box) -> tuple[float, float]:
    """Return where the line to the middle of another box leaves this one."""
    (x, y), (tx, ty) = box.middle, towards.middle
    dx, dy = tx - x, ty - y
    if dx == dy == 0:
        return x, y
    half_x, half_y = _BOX_WIDTH / 2 + 2, _BOX_HEIGHT / 2 + 2
    scale = min(half_x / abs(dx) if dx else 9e9, half_y / abs(dy) if dy else 9e9)
    return x + dx * scale, y + dy * scale


def _shape(element: Element, box: _Box, marked: bool) -> str:
    kinds = "e on" if marked else "e"
    x, y, w, h = box.x, box.y, _BOX_WIDTH, _BOX_HEIGHT
    if element.kind == "store":
        shape = (
            f'<rect x="{x:g}" y="{y:g}" width="{w}" height="{h}" fill="#ffffff"/>'
            f'<path class="{kinds}" fill="none" d="M{x:g} {y:g}h{w}M{x:g} {y + h:g}h{w}"/>'
        )
    else:
        radius = 20 if element.kind == "process" else 0
        shape = f'<rect class="{kinds}" x="{x:g}" y="{y:g}" width="{w}" height="{h}" rx="{radius}"/>'
    return shape + _lines(element.name, box.middle[0], box.middle[1], 20)


def _lines(text: str, x: float, y: float, letters: int) -> str:
    rows = textwrap.wrap(text, letters)[:3] or [""]
    first = y - 8 * (len(rows) - 1) + 4
    return "".join(
        f'<text x="{x:.1f}" y="{first + 15 * row:.1f}">{escape(line)}</text>' for row, line in enumerate(rows)
    )


def _diamonds(model: SystemModel, boxes: Mapping[str, _Box]) -> list[str]:
    """Return the marks of the assets, at the lower edge of the part that holds each."""
    marks, used = [], dict.fromkeys(boxes, 0)
    for number, asset in enumerate(model.assets, start=1):
        if asset.at not in boxes:
            continue  # it lies on a flow, and the list says so
        x = boxes[asset.at].x + 14 + 21 * used[asset.at]
        y = boxes[asset.at].y + _BOX_HEIGHT
        used[asset.at] += 1
        marks.append(
            f'<path class="a" d="M{x:g} {y - 11:g}l11 11l-11 11l-11 -11z"/>'
            f'<text class="l" x="{x:g}" y="{y + 4:g}">{number}</text>'
        )
    return marks
