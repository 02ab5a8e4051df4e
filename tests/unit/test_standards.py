"""The bundled lists of standards: complete, quick, and clear about what they do not hold."""

from __future__ import annotations

import subprocess
import sys

import pytest

from labkit.core import InvalidInputError, UnknownNameError
from labkit.governance import standards


def test_an_entry_says_what_it_is_and_how_far_to_trust_it():
    entry = standards.lookup("AML.T0043.000")

    assert (entry.title, entry.standard, entry.section) == (
        "White-Box Optimization",
        "mitre-atlas",
        "techniques",
    )
    assert entry.parent == "AML.T0043"
    assert entry.confidence in ("primary", "secondary", "background", "disputed")
    assert entry.as_of
    assert entry.edition
    assert entry.source


@pytest.mark.parametrize(
    "id",
    [
        *(
            "AML.T0043.001",
            "AML.T0043.002",
            "AML.T0015",
            "AML.T0042",
            "AML.T0005.001",
            "AML.M0003",
            "AML.M0010",
        ),
        *(
            "AML.M0015",
            "ML01:2023",
            "NISTAML.022",
            "NISTAML.025",
            "AITG-MOD-01",
            "MEASURE 2.5",
            "MEASURE 2.7",
        ),
        *("LLM01:2025", "LLM01:2026", "ASI01:2026", "AML.CS0056", "GOVERN 1.1", "MAP 4.1", "MANAGE 2.4"),
    ],
)
def test_every_kind_of_id_that_labs_use_is_known(id):
    assert standards.lookup(id).id == id


def test_every_id_in_the_index_leads_to_its_entry():
    for qualified in standards.index().values():
        for full in qualified:
            assert standards.lookup(full).qualified_id == full


def test_an_id_of_several_standards_must_say_which():
    with pytest.raises(InvalidInputError, match=r"iso-27001/A\.5 or iso-42001/A\.5"):
        standards.lookup("A.5")

    assert standards.lookup("iso-42001/A.5").standard == "iso-42001"


def test_an_unknown_id_is_answered_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"Did you mean 'MEASURE 2\.7'") as caught:
        standards.lookup("MEASURE 2.77")

    assert len(str(caught.value)) < 300


def test_an_id_that_was_renamed_says_what_it_is_called_now():
    with pytest.raises(UnknownNameError, match=r"AML\.T0115\.000"):
        standards.lookup("AML.T0019")


def test_the_counts_of_the_standards_add_up():
    listed = standards.standards()

    assert [standard.id for standard in listed] == sorted(standard.id for standard in listed)
    assert sum(standard.entries for standard in listed) == len(set().union(*standards.index().values()))


def test_looking_up_needs_no_torch():
    code = (
        "import sys; from labkit.governance import standards; "
        "standards.lookup('AML.T0015'); print('torch' in sys.modules)"
    )

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "False"
