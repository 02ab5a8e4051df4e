"""Frameworks, the crosswalk, gaps, and statements of applicability."""

import pytest

from labkit.core import InvalidInputError, UnknownNameError
from labkit.governance import standards
from labkit.governance.controls import (
    HEAT,
    LISTS,
    Cell,
    Context,
    Line,
    annex_a,
    arguable,
    documents,
    duties,
    factors,
    find_theme,
    frameworks,
    gaps,
    heat_map,
    need_of,
    rank,
    read_line,
    reasons,
    related,
    review,
    themes,
    themes_of,
    title_of,
)

BASE = {
    "certificate": "not-needed",
    "customers": "nothing",
    "region": "EU",
    "size": "large",
    "maturity": "starting",
    "role": "uses",
    "product": "models",
}


def best(**changes):
    return rank(Context({**BASE, **changes}))[0]


def test_a_wanted_certificate_about_ai_leads_to_a_management_system():
    fit = best(certificate="wanted", customers="ai-certificate")
    assert fit.framework.id == "iso-42001"
    assert {"certificate", "customers"} <= set(fit.decisive)


def test_without_a_certificate_guidance_is_enough():
    assert best(region="US", customers="ai-risk-practice").framework.id == "nist-ai-rmf"


def test_a_law_is_never_ranked_and_applies_by_its_facts():
    ranked = {fit.framework.id for fit in rank(Context(BASE))}
    assert {"eu-ai-act", "gdpr", "hipaa-security-rule", "pci-dss"}.isdisjoint(ranked)
    bound = duties(Context(BASE, frozenset({"serves-eu", "personal-data"})))
    assert [each.id for each in bound] == ["eu-ai-act", "gdpr"]
    assert duties(Context(BASE)) == ()


def test_points_come_with_reasons_and_only_what_was_read_counts_as_read():
    for fit in rank(Context(BASE)):
        assert fit.points == sum(reason.points for reason in fit.reasons)
        assert all(reason.why for reason in fit.reasons)
    assert {each.id for each in frameworks() if each.confidence == "background"} == {"soc-2"}


def test_a_framework_says_what_is_bundled_of_it():
    (aisvs,) = (each for each in frameworks() if each.id == "aisvs")
    chapters = [name for name in standards.index() if name.startswith(f"{aisvs.standard}/C")]
    assert len({standards.lookup(name).id for name in chapters}) == 12
    assert "C1 to C12" in aisvs.text
    for each in frameworks():
        assert ("No table of it is bundled" in each.text) == (not each.standard)


def test_unknown_factors_and_values_are_refused():
    with pytest.raises(UnknownNameError, match="factor"):
        rank(Context({"mood": "good"}))
    with pytest.raises(UnknownNameError, match="region"):
        rank(Context({"region": "Mars"}))
    assert set(BASE) == set(factors())


# ------------------------------------------------------------------ crosswalk


def test_every_reference_of_the_crosswalk_is_an_entry_of_its_list():
    for theme in themes():
        for source in LISTS:
            for control in theme.references[source]:
                assert title_of(source, control)


def test_the_crosswalk_reads_both_ways():
    assert "A.6.2.8" in related("eu_ai_act", "Art. 12", "iso_42001")
    assert "Art. 12" in related("iso_42001", "A.6.2.8", "eu_ai_act")
    assert [theme.id for theme in themes_of("eu_ai_act", "Art. 12")] == ["logging-monitoring"]
    with pytest.raises(UnknownNameError):
        related("iso_42001", "A.6.2.8", "iso_9001")
    with pytest.raises(UnknownNameError):
        themes_of("nowhere", "A.1")
    with pytest.raises(UnknownNameError):
        find_theme("weather")


def test_what_can_be_argued_for_is_an_entry_of_annex_a_that_no_theme_names_already():
    ids = {control.id for control in annex_a()}
    entries = {(s, c) for theme in themes() for s in LISTS for c in theme.references[s]}
    found = {each: arguable(*each) for each in entries if arguable(*each)}
    assert len(found) == 29
    for (source, control), near in found.items():
        assert near <= ids - set(related(source, control, "iso_42001")), (source, control)
    assert arguable("eu_ai_act", "Art. 12") == frozenset()
    with pytest.raises(UnknownNameError):
        arguable("nowhere", "A.1")


def test_every_theme_says_that_its_mapping_is_a_judgement():
    assert {theme.confidence for theme in themes()} == {"background"}


def test_gaps_count_what_is_done_planned_and_left():
    found = {gap.theme: gap for gap in gaps({"A.7.5", "A.7.3", "A.3.2"}, {"A.7.5"}, {"A.7.3"})}
    assert (found["data-provenance"].done, found["data-provenance"].planned) == (1, 1)
    assert found["data-provenance"].level == "partly"
    assert found["access-control"].level == "open"
    assert found["human-oversight"].level == "outside"
    assert gaps({"A.7.5"}, {"A.7.5"})[0].level == "covered"


# ------------------------------------------------------------------ heat


def test_every_theme_and_list_has_a_cell_and_nothing_is_warm_where_nothing_was_chosen():
    cells = heat_map(())
    assert set(cells) == {(theme.id, source) for theme in themes() for source in LISTS}
    assert {cell.step for cell in cells.values()} == {"nothing", "empty"}
    for theme in themes():
        for source in LISTS:
            cell = cells[(theme.id, source)]
            assert cell.total == len(set(theme.references[source]))
            assert (cell.step == "empty") == (not theme.references[source])


def test_a_cell_tells_the_share_of_its_entries_that_the_chosen_controls_help_with():
    cells = heat_map({"A.7.5"})
    own = cells[("data-provenance", "iso_42001")]
    assert own.helped == ("A.7.5",)
    assert own.share == pytest.approx(1 / own.total)
    shared = [
        (theme.id, source, entry)
        for theme in themes()
        for source in LISTS
        if source != "iso_42001"
        for entry in theme.references[source]
        if {"A.7.5"} & set(theme.references["iso_42001"])
    ]
    for theme, source, entry in shared:
        everywhere = all("A.7.5" in each.references["iso_42001"] for each in themes_of(source, entry))
        assert (entry in cells[(theme, source)].helped) == everywhere


def test_with_all_38_controls_only_what_annex_a_does_not_speak_of_is_left():
    controls = {each.id for each in annex_a()}
    silent = {theme.id for theme in themes() if not controls & set(theme.references["iso_42001"])}
    for (_, source), cell in heat_map(controls).items():
        for entry in cell.left:
            clause = source == "iso_42001" and entry not in controls
            assert clause or silent & {each.id for each in themes_of(source, entry)}, (source, entry)


def test_the_steps_of_the_heat_follow_the_share():
    def step(helped, left):
        return Cell("a", "gdpr", tuple("x" * helped), tuple("y" * left)).step

    assert [step(0, 0), step(0, 2), step(1, 2), step(1, 1), step(2, 0)] == [
        "empty",
        "nothing",
        "some",
        "half",
        "all",
    ]
    assert set(HEAT) == {"empty", "nothing", "some", "half", "all"}


# ------------------------------------------------------------------ statement of applicability

BOUGHT = {"uses-at-work", "bought-in"}
AI_POLICY, SUPPLIERS = "A.2.2", "A.10.3"
REGISTER = [each for each in documents() if each.id in ("ai-policy", "supplier-review")]
SOUND = {
    AI_POLICY: Line(True, status="in place", evidence=("ai-policy",)),
    SUPPLIERS: Line(True, status="in place", evidence=("supplier-review",)),
    "A.7.2": Line(False, reason="not-developed-here"),
    "A.3.2": Line(True, status="planned", due="2027-03-31"),
}


def kinds(changes):
    statement = {name: line for name, line in {**SOUND, **changes}.items() if line is not None}
    return [each.kind for each in review(statement, list(SOUND), REGISTER, BOUGHT)]


def test_a_sound_statement_has_no_orphan():
    assert kinds({}) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"A.3.2": None}, ["undecided"]),
        ({"A.3.2": Line(True, status="planned")}, ["no date"]),
        ({"A.3.2": Line(True, status="planned", due="in spring")}, ["no date"]),
        ({"A.3.2": Line(True)}, ["no status"]),
        ({"A.3.2": Line(True, status="in place")}, ["no evidence"]),
        ({"A.3.2": Line(True, status="in place", evidence=("ai-policy",))}, ["wrong evidence"]),
        ({"A.3.2": Line(False, reason="too-costly")}, ["excluded though needed"]),
        ({AI_POLICY: Line(True, status="planned", due="2027-01-01")}, ["loose evidence"]),
        ({"A.7.2": Line(True, status="planned", due="2027-01-01")}, ["idle control"]),
        ({"A.7.2": Line(False)}, ["no valid reason"]),
        ({"A.7.2": Line(False, reason="too-costly")}, ["no valid reason"]),
        (
            {"A.7.2": Line(False, reason="not-developed-here", evidence=("ai-policy",))},
            ["evidence for nothing"],
        ),
        ({"A.9.9": Line(True, status="planned", due="2027-01-01")}, ["unknown control"]),
    ],
)
def test_whatever_hangs_in_the_air_is_found(changes, expected):
    assert kinds(changes) == expected


def test_annex_a_has_38_controls_in_order_and_evidence_for_each():
    assert len(annex_a()) == 38
    assert annex_a()[0].id == "A.2.2"
    assert annex_a()[-1].id == "A.10.4"
    assert {control for document in documents() for control in document.controls} == {
        each.id for each in annex_a()
    }


def test_needs_follow_from_what_the_organisation_does():
    assert not need_of("A.7.2", BOUGHT).needed
    assert need_of("A.7.2", {"builds-under-own-name"}).needed
    assert need_of(SUPPLIERS, BOUGHT).needed
    assert need_of("A.10.4", BOUGHT).reason == "no-customers"
    assert need_of("A.2.2", ()).needed
    for use in ("A.9.2", "A.9.3", "A.9.4"):
        assert need_of(use, {"uses-at-work"}).needed
        assert need_of(use, {"offered-to-customers"}).reason == "not-used-here"


def test_lines_are_read_from_mappings_and_refused_with_what_is_wrong():
    assert read_line({"applicable": True, "status": "in place", "evidence": ["a"]}).evidence == ("a",)
    with pytest.raises(InvalidInputError, match="applicable"):
        read_line({"status": "in place"})
    with pytest.raises(InvalidInputError, match="True or False"):
        read_line({"applicable": "yes"})
    with pytest.raises(UnknownNameError, match="reason"):
        read_line({"applicable": False, "reason": "rain"})
    assert set(reasons())
