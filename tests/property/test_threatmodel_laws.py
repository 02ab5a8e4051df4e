"""Whatever the studio's editor accepts can be written, read again, drawn, and put into a table."""

import csv
import io
import xml.etree.ElementTree as ET
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import LabkitError
from labkit.governance.threatmodel import (
    Element,
    Flow,
    SystemModel,
    Threat,
    Zone,
    describe,
    draw,
    draw_tree,
    edits,
    every_pair,
    gaps,
    outline,
    read_model,
    write_model,
    write_register,
)

START = SystemModel(
    "My system",
    (Zone("out", "Outside"), Zone("in", "Inside")),
    (Element("u", "User", "external", "out"), Element("p", "Service", "process", "in")),
    (Flow("f", "u", "p", "orders"),),
)
# Anything that can be typed or pasted: nothing, blanks, markup, control characters, far too much.
TEXTS = st.one_of(
    st.text(max_size=12),
    st.text(alphabet=st.characters(), min_size=195, max_size=205),
    st.sampled_from(
        ["", "  ", "<b>&\"'", "=cmd()", "a|b", "two\nlines", "\x00", "\ud800", "\ufffe", "x" * 201]
    ),
)
TREES = st.one_of(
    TEXTS,
    st.sampled_from(
        ["OR a\n  STEP b", "OR a\n  AND b\n    STEP c | cost 3 | threat p/T\n  STEP d | works 0.1", "STEP x"]
    ),
)
NUMBERS = st.integers(-2, 8)


def _id(model, kind, place):
    found = {
        "zone": model.zones,
        "part": model.elements,
        "any": (*model.zones, *model.elements, *model.flows, *model.assets),
        "target": (*model.elements, *model.flows),
    }[kind]
    return found[place % len(found)].id if found else "nowhere"


def _threat(model, place, likelihood, impact, owner):
    pairs = every_pair(model)
    if not pairs:
        return model
    made = Threat(*pairs[place % len(pairs)], "AML.T0070", "AML.M0005", likelihood, impact, owner)
    return replace(model, threats=(*(each for each in model.threats if each.key != made.key), made))


def _plan(model, **changes):
    return replace(model, plan=replace(model.plan, **changes))


def _against(model):
    return [each.id for each in model.threats][:2]


PLACES = st.integers(0, 20)
KINDS = st.sampled_from(["process", "store", "external", "cloud"])
EDITS = st.one_of(
    st.builds(lambda a: lambda m: edits.add_zone(m, a), TEXTS),
    st.builds(lambda a, k, z: lambda m: edits.add_element(m, a, k, _id(m, "zone", z)), TEXTS, KINDS, PLACES),
    st.builds(
        lambda s, t, d: lambda m: edits.add_flow(m, _id(m, "part", s), _id(m, "part", t), d),
        *(PLACES, PLACES, TEXTS),
    ),
    st.builds(
        lambda a, p, w: lambda m: edits.add_asset(m, a, _id(m, "target", p), w), TEXTS, PLACES, NUMBERS
    ),
    st.builds(
        lambda p, name, kind, zone, notes: (
            lambda m: edits.change(
                m, _id(m, "any", p), name=name, kind=kind, zone=_id(m, "zone", zone), notes=notes
            )
        ),
        *(PLACES, TEXTS, KINDS, PLACES, st.one_of(st.none(), st.lists(TEXTS, max_size=3))),
    ),
    st.builds(lambda p: lambda m: edits.remove(m, _id(m, "any", p)), PLACES),
    st.builds(
        lambda p, a, b, o: lambda m: _threat(m, p, a, b, o),
        PLACES,
        NUMBERS,
        NUMBERS,
        st.sampled_from(["", "me"]),
    ),
    st.builds(lambda t, c: lambda m: edits.add_control(m, t, c, _against(m)), TEXTS, st.integers(-1, 50)),
    st.just(lambda m: _plan(m, chosen=tuple(control.id for control in m.plan.controls))),
    st.just(lambda m: edits.remove_control(m, m.plan.controls[0].id if m.plan.controls else "none")),
    st.builds(lambda text: lambda m: _plan(m, tree=text), TREES),
    st.builds(lambda name: lambda m: replace(m, name=name), TEXTS),
)


@settings(max_examples=150)
@given(st.lists(EDITS, max_size=8))
def test_whatever_the_editor_accepts_is_read_as_it_was_written(changes):
    model = START
    for change in changes:
        try:
            model = change(model)
        except LabkitError:
            continue
    text = write_model(model)
    text.encode()
    assert read_model(text) == model
    assert write_model(read_model(text)) == text
    ET.fromstring(draw(model))  # noqa: S314 - our own text
    assert describe(model)
    assert len(list(csv.reader(io.StringIO(write_register(model), newline="")))) == len(model.threats) + 1
    assert gaps(model) is not None
    tree = model.plan.attack_tree()
    if tree is not None:
        ET.fromstring(draw_tree(tree, stopped=model.plan.chosen))  # noqa: S314 - our own text
        assert outline(tree)


@given(st.lists(EDITS, max_size=6), PLACES)
def test_what_is_taken_out_leaves_nothing_behind(changes, place):
    model = START
    for change in changes:
        try:
            model = change(model)
        except LabkitError:
            continue
    id = _id(model, "target", place)
    try:
        left = edits.remove(model, id)
    except LabkitError:
        return
    assert id not in left.ids
    assert id not in {threat.target for threat in left.threats} | {asset.at for asset in left.assets}
    assert not [flow for flow in left.flows if id in (flow.source, flow.target)]
