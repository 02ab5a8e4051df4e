"""What an exam is aligned with stands in its blueprint, and what a form examined in its awards."""

import json
from collections import Counter, defaultdict
from dataclasses import replace

import pytest

from labkit.core.errors import DeclarationError
from labkit.credentials.award import read_award
from labkit.credentials.frameworks import alignments
from labkit.exams.aligning import aligned, alignments_of, other_editions
from labkit.exams.bank import read_bank
from labkit.exams.blueprint import exam_folder, read_blueprint
from labkit.exams.records import practice_award, sheet_of
from labkit.exams.statistics import simulate_sheets
from tests.exam_example import make_exam

BLUEPRINT = read_blueprint()
DECLARED = '[standards]\n"iso-42001" = "First"\n"AML.T0043" = "2026.09"\n'


def blueprint_with(folder, standards=DECLARED, first='["iso-42001", "AML.T0043"]', fourth='["AML.T0043"]'):
    """Read the example's blueprint with alignments of its two domains."""
    path = make_exam(folder) / "blueprint.toml"
    text = path.read_text()
    for title, ids in (("First", first), ("Fourth", fourth)):
        text = text.replace(f'title = "{title}"\n', f'title = "{title}"\nstandards = {ids}\n')
    path.write_text(text.replace("[[domain]]", f"{standards}\n[[domain]]", 1))
    return read_blueprint(path)


def test_a_domain_names_what_it_is_aligned_with_and_the_edition_is_said_once(tmp_path):
    blueprint = blueprint_with(tmp_path)
    assert alignments_of(blueprint) == {
        "D1": [{"id": "iso-42001", "edition": "First"}, {"id": "AML.T0043", "edition": "2026.09"}],
        "D4": [{"id": "AML.T0043", "edition": "2026.09"}],
    }
    # An exam that was written for another edition goes on to say so; its author is told.
    found = other_editions(blueprint)
    assert any("iso-42001: the blueprint was written for the edition 'First'" in each for each in found)


@pytest.mark.parametrize(
    ("changes", "line", "said"),
    [
        ({"standards": DECLARED.replace("iso-42001", "iso-42002")}, 7, "iso-42002"),
        ({"standards": DECLARED.replace('"First"', '" "')}, 7, "expected an edition of 'iso-42001'"),
        ({"standards": DECLARED.replace("AML.T0043", "A.5")}, 8, "stands in several standards"),
        ({"standards": DECLARED.replace("AML.T0043", "crosswalk")}, 8, "crosswalk"),
        ({"first": '["iso-42001", "gdpr"]'}, 13, "gdpr"),
        ({"fourth": '["AML.T0043", "AML.T0043"]'}, 19, "every standard once"),
        ({"first": '["AML.T0043"]'}, 7, "no domain is aligned with 'iso-42001'"),
    ],
)
def test_what_no_bundled_list_has_is_named_with_file_and_line(tmp_path, changes, line, said):
    with pytest.raises(DeclarationError) as caught:
        blueprint_with(tmp_path, **changes)
    assert f"blueprint.toml:{line}: " in str(caught.value)
    assert said in str(caught.value)


def test_an_award_is_aligned_with_what_its_form_examined():
    declared = {
        "D1": [{"id": "a", "edition": "1"}, {"id": "b", "edition": "2"}],
        "D4": [{"id": "b", "edition": "2"}],
    }
    both = {"D1": {"points": 5, "earned": 0}, "D4": {"points": 2, "earned": 2}}
    assert aligned(declared, both) == declared["D1"]
    assert aligned(declared, {**both, "D1": {"points": 0, "earned": 0}}) == declared["D4"]
    assert aligned(declared, {}) == []


def test_the_practitioner_exam_is_aligned_with_what_its_items_rest_on():
    cited = defaultdict(Counter)
    for item in read_bank(exam_folder() / "items").live():
        cited[item.domain].update({source.id.partition("/")[0] for source in item.sources})
    for domain in BLUEPRINT.domains:
        assert domain.standards
        assert all(cited[domain.id][each.id] >= 3 for each in domain.standards), domain.id
    assert other_editions(BLUEPRINT) == []


def test_practice_earns_an_award_with_the_standards_of_its_domains():
    sheet = next(each for each in simulate_sheets(BLUEPRINT, 30, 5) if each["decision"]["passed"])
    content = {**sheet, "mode": "practice"}
    award = practice_award(sheet_of(content), BLUEPRINT, name="Ada")
    found = read_award(json.dumps(award))
    ids = [id for id, _ in found.standards]
    assert {"eu-ai-act", "mitre-atlas", "nist-ai-100-2"} <= set(ids)
    shown = alignments(found.standards)
    assert [each["targetCode"] for each in shown] == ids
    assert all(
        edition in each["targetFramework"] for (_, edition), each in zip(found.standards, shown, strict=True)
    )

    content["domains"] = {**content["domains"], "D1": {"points": 0, "earned": 0}}
    fewer = practice_award(sheet_of(content), BLUEPRINT, name="Ada")["standards"]
    assert "eu-ai-act" not in {each["id"] for each in fewer}
    # What another domain is aligned with, too, stays.
    assert "nist-ai-rmf" in {each["id"] for each in fewer}
    bare = replace(BLUEPRINT, domains=tuple(replace(each, standards=()) for each in BLUEPRINT.domains))
    assert practice_award(sheet_of(content), bare, name="Ada")["standards"] == []
