"""Threat modelling: the arithmetic is exact, the files are strict, the architectures hold together."""

import csv
import io
import itertools
import json
import math
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit.core.errors import DataFormatError, InvalidInputError, UnknownNameError
from labkit.governance import standards
from labkit.governance.threatmodel import (
    CATEGORIES,
    Asset,
    Control,
    Element,
    Flow,
    Gate,
    Plan,
    Risk,
    Step,
    SystemModel,
    Threat,
    Zone,
    best_controls,
    best_path,
    cheapest_controls,
    cheapest_cut,
    compare,
    describe_tree,
    draw,
    draw_tree,
    every_pair,
    gaps,
    generate,
    high_risks,
    is_attack,
    level,
    mitigations,
    outline,
    read_model,
    read_outline,
    register_score,
    residual,
    say_path,
    steps,
    stopped_by,
    techniques,
    why_missed,
    write_model,
    write_register,
)
from labkit.governance.threatmodel.catalogue import catalogue

FAMILIES = ("triage", "loans", "robots")


# ---------------------------------------------------------------- attack trees


def trees(names):
    """Trees whose steps have ids of their own."""
    counter = itertools.count()

    def leaf(values):
        cost, works, controls = values
        return Step(f"s{next(counter)}", "step", float(cost), works, tuple(controls))

    leaves = st.tuples(
        st.integers(0, 9), st.sampled_from([0.1, 0.5, 1.0]), st.sets(st.sampled_from(names), max_size=2)
    ).map(leaf)
    return st.recursive(
        leaves,
        lambda part: st.builds(
            lambda kind, parts: Gate(kind, "gate", tuple(parts)),
            st.sampled_from(["AND", "OR"]),
            st.lists(part, min_size=1, max_size=3),
        ),
        max_leaves=7,
    )


CONTROLS = tuple(Control(name, name, cost) for name, cost in zip("abcd", (3, 5, 7, 9), strict=True))


def attacks(tree, stopped=()):
    """Every set of steps that reaches the goal, by trying them all."""
    open_steps = [step for step in steps(tree) if not set(step.controls) & set(stopped)]
    for size in range(len(open_steps) + 1):
        for chosen in itertools.combinations(open_steps, size):
            if is_attack(tree, {step.id for step in chosen}):
                yield chosen


@settings(max_examples=60, deadline=None)
@given(tree=trees("abcd"), stopped=st.sets(st.sampled_from("abcd")))
def test_the_best_path_is_what_trying_everything_finds(tree, stopped):
    ids = [step.id for step in steps(tree)]
    if len(set(ids)) < len(ids):
        return
    found = list(attacks(tree, stopped))
    cheapest = best_path(tree, stopped=stopped)
    likeliest = best_path(tree, by="probability", stopped=stopped)
    if not found:
        assert cheapest is None
        assert likeliest is None
        return
    assert cheapest.cost == pytest.approx(min(sum(step.cost for step in each) for each in found))
    assert likeliest.probability == pytest.approx(
        max(math.prod(step.probability for step in each) for each in found)
    )
    assert is_attack(tree, cheapest.steps)


@settings(max_examples=40, deadline=None)
@given(tree=trees("abcd"), purse=st.integers(0, 20))
def test_the_cheapest_cut_is_what_trying_everything_finds(tree, purse):
    cost = {control.id: control.cost for control in CONTROLS}
    enough = []
    for size in range(5):
        for chosen in itertools.combinations("abcd", size):
            left = best_path(tree, stopped=chosen)
            if left is None or left.cost > purse:
                enough.append(sum(cost[name] for name in chosen))
    found = cheapest_cut(tree, CONTROLS, purse)
    assert (found[1] if found else None) == (min(enough) if enough else None)


def test_a_tree_by_hand():
    tree = Gate(
        "OR",
        "goal",
        (Gate("AND", "both", (Step("a", "a", 2, 0.5), Step("b", "b", 3, 0.5))), Step("c", "c", 6, 0.2)),
    )
    assert best_path(tree).steps == ("a", "b")
    assert best_path(tree).cost == 5
    assert best_path(tree, by="probability").probability == 0.25


def test_an_outline_is_read_as_it_was_written():
    tree = generate("triage", 3).tree
    again = read_outline(outline(tree))
    assert outline(again) == outline(tree)
    assert best_path(again).cost == best_path(tree).cost


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "got nothing"),
        ("MAYBE x", "line 1: expected AND, OR or STEP"),
        ("OR goal", "line 1: expected parts below"),
        ("OR goal\n STEP a", "line 2: expected two spaces"),
        ("OR goal\n    STEP a", "line 2: expected 2 spaces in front, got 4"),
        ("OR goal\n  STEP a | cost x", "line 2: expected 'cost' with a number"),
        ("OR goal\n  STEP a | works 2", "line 2"),
        ("OR goal\n  STEP a | stopped vault", "line 2.*'stopped by' with controls"),
        ("OR goal\n  STEP a\n    STEP b", "line 3: a step has no parts"),
        ("STEP a\nSTEP b", "line 2: expected one goal"),
    ],
)
def test_an_outline_that_cannot_be_read_names_its_line(text, says):
    with pytest.raises(InvalidInputError, match=says):
        read_outline(text)


# ---------------------------------------------------------------- risks


risks = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=1, max_size=5).map(
    lambda pairs: tuple(Risk(f"r{place}", *pair) for place, pair in enumerate(pairs))
)
controls = st.lists(
    st.tuples(st.integers(1, 20), st.sets(st.sampled_from(["r0", "r1", "r2", "r3", "r4"]))), max_size=5
).map(
    lambda found: tuple(Control(f"c{i}", "c", cost, tuple(sorted(of))) for i, (cost, of) in enumerate(found))
)


@settings(max_examples=60, deadline=None)
@given(risks=risks, controls=controls, budget=st.integers(0, 50))
def test_the_best_choice_is_what_trying_everything_finds(risks, controls, budget):
    names = [control.id for control in controls]
    every = [each for size in range(len(names) + 1) for each in itertools.combinations(names, size)]
    price = {control.id: control.cost for control in controls}
    affordable = [each for each in every if sum(price[name] for name in each) <= budget]
    found = best_controls(risks, controls, budget)
    assert found.residual == pytest.approx(min(residual(risks, controls, each) for each in affordable))
    assert found.cost <= budget
    assert residual(risks, controls, found.controls) == pytest.approx(found.residual)
    cheapest = cheapest_controls(risks, controls, found.residual)
    assert cheapest.cost <= found.cost


@settings(max_examples=40, deadline=None)
@given(risks=risks, controls=controls)
def test_one_more_control_never_leaves_more_risk(risks, controls):
    names = [control.id for control in controls]
    for size in range(len(names)):
        assert residual(risks, controls, names[: size + 1]) <= residual(risks, controls, names[:size]) + 1e-9


def test_levels_have_no_hole():
    assert [level(score) for score in (0, 4, 5, 9, 10, 14, 15, 25)] == [
        *("low", "low", "medium", "medium"),
        *("high", "high", "critical", "critical"),
    ]
    with pytest.raises(InvalidInputError):
        level(26)


# ---------------------------------------------------------------- architectures


@pytest.mark.parametrize("family", FAMILIES)
def test_every_variant_holds_together(family):
    known = catalogue()
    seen, costs = set(), set()
    for seed in range(60):
        made = generate(family, seed)
        pairs = {(flaw.at, flaw.category) for flaw in made.planted}
        assert len(made.planted) == len(pairs) == 12
        assert pairs <= set(every_pair(made.model))
        assert len(high_risks(made)) >= 4
        for flaw in made.planted:
            assert flaw.flawed.format(**known.families[family].words) in made.model.find(flaw.at).notes
        sound = [flaw for flaw in known.flaws if flaw not in made.planted and _present(made, flaw)]
        for flaw in sound:
            assert flaw.sound.format(**known.families[family].words) in made.model.find(flaw.at).notes
        assert best_controls(made.risks, made.controls, made.budget).residual <= made.appetite
        assert residual(made.risks, made.controls, ()) > 2 * made.appetite
        assert 4 <= best_path(made.tree).cost <= made.purse
        assert len(best_path(made.tree).steps) == 2
        assert cheapest_cut(made.tree, made.controls, made.purse) is not None
        assert any(not control.against for control in made.controls)
        seen.add(tuple(flaw.id for flaw in made.planted))
        costs.add(best_path(made.tree).cost)
    assert len(seen) > 50
    assert len(costs) > 8
    assert sum(5 <= cost <= 17 for cost in costs) >= 0.8 * len(costs)  # as the hint of the lab says


def _present(made, flaw):
    return flaw.at in {part.id for part in (*made.model.elements, *made.model.flows)}


def test_a_variant_is_the_same_each_time_and_an_unknown_family_is_refused():
    assert generate("loans", 7) == generate("loans", 7)
    with pytest.raises(UnknownNameError, match="robots"):
        generate("robot", 1)


def test_every_id_of_the_catalogue_is_in_the_bundled_release():
    for flaw in catalogue().flaws:
        assert set(flaw.techniques) <= set(techniques())
        assert set(flaw.mitigations) <= set(mitigations())
    assert len(techniques()) > 150
    assert standards.lookup("AML.T0070").title == techniques()["AML.T0070"]


def test_every_flaw_tells_its_two_states_apart_and_says_why():
    for flaw in catalogue().flaws:
        assert flaw.flawed != flaw.sound
        assert len(flaw.why) > 60
        assert flaw.title not in (flaw.flawed, flaw.sound)


# ---------------------------------------------------------------- findings


def test_finding_everything_and_nothing_and_ticking_every_box():
    made = generate("triage", 1)
    truth = [(flaw.at, flaw.category) for flaw in made.planted]
    whole = compare(made, truth)
    assert (whole.recall, whole.precision, whole.false) == (1, 1, {})
    nothing = compare(made, [])
    assert (nothing.recall, nothing.precision) == (0, 0)
    lazy = compare(made, every_pair(made.model))
    assert lazy.recall == 1
    assert lazy.precision < 0.25


@pytest.mark.parametrize("family", FAMILIES)
def test_the_why_of_a_false_alarm_quotes_the_note_that_answers_the_question_and_no_other(family):
    quoted = silent = 0
    for seed in range(10):
        made = generate(family, seed)
        truth = {(flaw.at, flaw.category) for flaw in made.planted}
        for (where, what), why in compare(made, every_pair(made.model)).false.items():
            note = made.note(where, what)
            there = {flaw.category for flaw in made.planted if flaw.at == where}
            others = [each.sentence for each in made.notes if each.at == where and each != note]
            assert not [sentence for sentence in others if sentence in why]
            assert (where, what) not in truth
            if note is not None:
                quoted += 1
                assert not note.planted
                assert f"was seen to: “{note.sentence}”" in why
            elif there:
                assert all(CATEGORIES[letter].name.lower() in why for letter in there)
            else:
                silent += 1
                assert f"nothing in the notes points to {CATEGORIES[what].name.lower()}" in why
    assert quoted > 50
    assert silent > 50


def test_a_sound_note_is_quoted_also_where_another_note_is_a_bad_one():
    for seed in range(30):
        made = generate("triage", seed)
        bad = {note.at for note in made.notes if note.planted}
        mixed = next((note for note in made.notes if not note.planted and note.at in bad), None)
        if mixed:
            found = compare(made, [(mixed.at, mixed.category)])
            assert mixed.sentence in found.false[mixed.at, mixed.category]
            assert (mixed.at, mixed.category) in found.near
            return
    raise AssertionError("no variant has a part with a good and a bad note")


def test_what_is_no_part_or_no_letter_is_refused():
    made = generate("triage", 1)
    with pytest.raises(UnknownNameError):
        compare(made, [("nowhere", "T")])
    with pytest.raises(InvalidInputError, match="letter of STRIDE"):
        compare(made, [(made.planted[0].at, "X")])


def test_the_why_of_a_miss_grows_from_the_question_to_the_note_to_the_reason():
    made = generate("loans", 4)
    for flaw in made.planted:
        sentence = made.note(flaw.at, flaw.category).sentence
        first, second = why_missed(made, flaw), why_missed(made, flaw, quote=True)
        last = why_missed(made, flaw, whole=True)
        assert CATEGORIES[flaw.category].question in first
        assert sentence not in first
        assert sentence in second
        assert flaw.title not in second
        assert sentence in last
        assert flaw.title in last
        assert "{" not in last


# ---------------------------------------------------------------- the register


OWNERS = {"security lead"}


def rows_of(flaws):
    return [
        Threat(f.at, f.category, f.technique, f.mitigations[0], f.likelihood, f.impact, "security lead")
        for f in flaws
    ]


def test_a_high_risk_is_handled_by_rating_owner_technique_and_a_fitting_mitigation():
    made = generate("loans", 2)
    rows = rows_of(high_risks(made))
    assert register_score(made, rows, OWNERS).share == 1
    assert register_score(made, rows, OWNERS).problems == ()
    place = next(i for i, f in enumerate(high_risks(made)) if f.technique and f.likelihood == 3)
    first, others = rows[place], rows[:place] + rows[place + 1 :]
    for change, problem, says in [
        ({"likelihood": 1, "impact": 1}, "underrated", "for more"),
        ({"likelihood": 0}, "underrated", "not rated yet"),
        ({"likelihood": 5}, "overrated", "likelihood 5 is more than one step above"),
        ({"owner": ""}, "ownerless", "nobody"),
        ({"mitigation": "AML.M0034"}, "unfit", "AML.M0034"),
        ({"technique": ""}, "untagged", "no technique"),
        ({"technique": "AML.T0088"}, "untagged", "AML.T0088"),
    ]:
        score = register_score(made, [replace(first, **change), *others], OWNERS)
        assert score.share < 1
        (found,) = score.problems
        assert (found.kind, found.where, found.category) == (problem, *first.key)
        assert says in found.why
    (absent,) = register_score(made, others, OWNERS).problems
    assert absent.kind == "absent"


def test_a_rating_may_lie_one_step_beside_the_key():
    made = generate("triage", 2)
    rows = rows_of(high_risks(made))
    louder = [replace(row, impact=min(5, row.impact + 1)) for row in rows]
    assert louder != rows
    assert register_score(made, louder, OWNERS).share == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_no_register_that_rates_everything_alike_is_whole(family):
    for seed in range(10):
        made = generate(family, seed)
        for likelihood, impact in itertools.product(range(1, 6), repeat=2):
            rows = [replace(row, likelihood=likelihood, impact=impact) for row in rows_of(made.planted)]
            score = register_score(made, rows, OWNERS)
            assert score.share == 0
            assert score.problems[0].kind == "flat"
            # Nor does one row that differs help, when all the others cry wolf.
            if (likelihood, impact) == (5, 5):
                loud = register_score(made, [replace(rows[0], impact=4), *rows[1:]], OWNERS)
                assert loud.share < 1
                assert loud.count("overrated") > 0


def test_rows_that_cry_wolf_count_against_a_register():
    made = generate("robots", 3)
    rows = rows_of(made.planted)
    assert register_score(made, rows, OWNERS).share == 1
    lesser = next(flaw for flaw in made.planted if flaw not in high_risks(made))
    loud = [
        replace(row, likelihood=5, impact=5) if row.key == (lesser.at, lesser.category) else row
        for row in rows
    ]
    assert [each.kind for each in register_score(made, loud, OWNERS).problems] == ["overrated"]
    nothing = next(key for key in every_pair(made.model) if key not in {row.key for row in rows})
    low, high = Threat(*nothing, "", "", 1, 2), Threat(*nothing, "", "", 4, 4)
    assert register_score(made, [*rows, low], OWNERS).share == 1
    assert register_score(made, [*rows, low], OWNERS).unplanted == 1
    (found,) = register_score(made, [*rows, high], OWNERS).problems
    assert (found.kind, found.where) == ("unfounded", nothing[0])


# ---------------------------------------------------------------- files and pictures


def own_model(**changes):
    parts = {
        "name": "Mine",
        "zones": (Zone("out", "Outside"), Zone("in", "Inside")),
        "elements": (Element("u", "User", "external", "out"), Element("p", "Service <b>", "process", "in")),
        "flows": (Flow("f", "u", "p", "orders"),),
    }
    return SystemModel(**{**parts, **changes})


def test_a_model_is_read_as_it_was_written():
    made = generate("robots", 5).model
    plan = Plan(
        (Control("vault", "Vault", 9, ("assistant/T",)),), ("vault",), 50, "OR goal\n  STEP a | cost 2"
    )
    whole = replace(made, threats=(Threat("assistant", "T", "AML.T0070", "", 3, 4, "me"),), plan=plan)
    assert whole.assets
    assert read_model(write_model(whole)) == whole


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda d: d.update(format="other"), "format"),
        (lambda d: d["elements"].append(dict(d["elements"][0])), "used twice"),
        (lambda d: d["elements"][0].update(kind="cloud"), "cloud"),
        (lambda d: d["elements"][0].update(zone="nowhere"), "nowhere"),
        (lambda d: d["flows"][0].update(target="nowhere"), "nowhere"),
        (lambda d: d["flows"][0].update(target=d["flows"][0]["source"]), "between two elements"),
        (lambda d: d["elements"][0].update(colour="red"), "colour"),
        (lambda d: d["elements"][0].update(name="x" * 300), "1 to 200"),
        (lambda d: d["elements"][0].update(name=""), "text"),
        (lambda d: d.update(elements=3), "list"),
        (lambda d: d["elements"].append(3), "table"),
        (lambda d: d.update(threats=[{"target": "p", "category": "X"}]), "STRIDE"),
        (lambda d: d.update(threats=[{"target": "p", "category": "T", "likelihood": 9}]), "1 to 5"),
        (lambda d: d["zones"][0].pop("id"), "id"),
        (lambda d: d["zones"][0].update(name=""), "name of a zone"),
        (lambda d: d["zones"][0].update(name="two\nlines"), "one line"),
        (lambda d: d["flows"][0].update(data="x" * 201), "1 to 200 characters, got 201"),
        (lambda d: d["flows"][0].update(data=""), "data of a flow"),
        (lambda d: d["flows"][0].update(notes=["x" * 201]), "note on"),
        (lambda d: d["elements"][0].update(notes="abc"), "notes as a list"),
        (lambda d: d.update(assets=[{"id": "a", "name": "A", "at": "x", "worth": 3}]), "holds 'A'"),
        (lambda d: d.update(assets=[{"id": "a", "name": "A", "at": "p", "worth": 6}]), "from 1 to 5"),
        (lambda d: d.update(plan={"chosen": ["vault"]}), "vault"),
        (lambda d: d.update(plan={"tree": "MAYBE"}), "line 1"),
        (lambda d: d.update(plan={"budget": -1}), "budget"),
        (lambda d: d.update(colour="red"), "colour"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_the_reason(change, says):
    data = json.loads(write_model(own_model()))
    change(data)
    with pytest.raises(DataFormatError, match=says):
        read_model(json.dumps(data))
    with pytest.raises(DataFormatError):
        read_model("{")


def test_a_tree_says_in_words_what_it_shows():
    tree = generate("triage", 3).tree
    cheapest = best_path(tree)
    titles = {step.id: step.title for step in steps(tree)}
    said = say_path("the cheapest attack", tree, cheapest)
    assert f"costs {cheapest.cost:g} and works {cheapest.probability:.0%}" in said
    assert all(titles[id] in said for id in cheapest.steps)
    control = next(name for step in steps(tree) for name in step.controls)
    words = describe_tree(tree, marked=cheapest.steps, stopped=[control])
    assert f"{stopped_by(tree, control)[0]} (stopped)" in words
    assert (
        f"Marked: {'; '.join(titles[step.id] for step in steps(tree) if step.id in cheapest.steps)}" in words
    )
    assert say_path("the cheapest attack", tree, None) == "There is no cheapest attack: every way is stopped."


def test_the_tree_of_a_plan_is_stopped_by_what_helps_against_its_threats():
    text = "OR goal\n  STEP a | cost 2 | works 0.5 | threat p/T\n  STEP b | cost 5 | stopped by wall"
    plan = Plan((Control("vault", "Vault", 9, ("p/T",)),), ("vault",), 50, text)
    assert outline(read_outline(text)) == text.replace("cost 5 |", "cost 5 | works 1 |")
    tree = plan.attack_tree()
    assert [step.controls for step in steps(tree)] == [("vault",), ("wall",)]
    assert best_path(tree, stopped=plan.chosen).cost == 5


def test_pictures_are_well_formed_and_say_what_they_show():
    for svg in (
        draw(own_model(), marked={"p"}),
        draw(generate("triage", 2).model),
        draw_tree(generate("triage", 2).tree),
    ):
        root = ET.fromstring(svg)  # noqa: S314 - our own text
        assert root.get("role") == "img"
        words = root.find("{http://www.w3.org/2000/svg}desc").text
        assert len(words) > 30
    assert "Service &lt;b&gt;" in draw(own_model())
    assert "across a trust boundary" in draw(own_model())


def test_an_empty_drawing_is_a_drawing():
    ET.fromstring(draw(SystemModel("Nothing yet", (Zone("a", "A"),))))  # noqa: S314 - our own text


def test_the_register_runs_nothing_in_a_spreadsheet_and_puts_the_worst_first():
    threats = (
        Threat("p", "T", "AML.T0070", "AML.M0025", 1, 2, "=cmd()"),
        Threat("u", "S", "", "", 5, 5, "me"),
    )
    rows = list(csv.DictReader(io.StringIO(write_register(own_model(threats=threats)))))
    assert [row["level"] for row in rows] == ["critical", "low"]
    assert rows[1]["owner"] == "'=cmd()"
    assert rows[1]["technique_title"] == "RAG Poisoning"


def test_a_system_of_ones_own_is_told_where_nobody_looked():
    found = {gap.what for gap in gaps(own_model())}
    assert any("crosses a trust boundary" in what for what in found)
    assert any("is a process" in what for what in found)
    assert any("no asset" in what for what in found)
    asset = (Asset("orders", "The orders", "p", 3),)
    looked = own_model(
        assets=asset, threats=(Threat("f", "T", "", "", 1, 1), Threat("p", "E", "", "AML.M0028", 4, 4, "me"))
    )
    assert gaps(looked) == []
    bad = own_model(assets=asset, threats=(Threat("f", "T"), Threat("p", "E", "", "", 4, 4)))
    assert sorted(gap.what for gap in gaps(bad)) == [
        "is high and has no mitigation",
        "is high and has no owner",
        "is not rated",
    ]
