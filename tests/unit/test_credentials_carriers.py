"""A badge comes out of every file that is handed out, and of nothing that only looks like one."""

import json
import sys
import time
import tracemalloc

import pytest

from labkit.cli import main
from labkit.core.errors import DataFormatError
from labkit.credentials.carriers import badge_in
from labkit.credentials.carriers.svg import baked
from labkit.credentials.documents import write_documents
from labkit.credentials.published import read_published
from labkit.credentials.verify import verify
from tests.unit.badge_files import ROOT, attached, files_of, pdf, stream
from tests.unit.offices import NOW, issued, office_at

pytest.importorskip("typst")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An office and the folder of a credential with all its documents."""
    office, keys = office_at(tmp_path_factory.mktemp("carriers") / "office")
    folder = issued(office, keys)
    write_documents(folder, pdf=True)
    return office, folder, files_of(folder)


def test_what_was_handed_out_is_valid_and_what_carried_it_is_named(made):
    office, folder, files = made
    published = [read_published(office.public)]
    good = [each for each in files if not each.said]
    assert {"certificate.pdf", "certificate.svg", "certificate.html"} <= {each.name for each in good}
    for each in good:
        report = verify(each.content, published, at=NOW, recipient="ada@example.org")
        assert report.valid, (each.name, report)
        assert report.carrier == ("" if each.kind == "json" else each.kind), each.name
        assert report.facts["holder"] == "Ada Lovelace"
    assert (
        badge_in((folder / "certificate.pdf").read_bytes()).text
        == (folder / "badge.json").read_text().strip()
    )


def test_every_other_file_is_refused_and_says_why(made):
    office, _, files = made
    published = [read_published(office.public)]
    bad = [each for each in files if each.said]
    assert len(bad) > 40
    for each in bad:
        with pytest.raises(DataFormatError) as caught:
            badge_in(each.content)
        assert each.said in str(caught.value), (each.name, str(caught.value))
        report = verify(each.content, published, at=NOW)
        assert not report.valid
        assert report.facts == {}
        assert each.said in report.checks[0].say


def test_a_flood_costs_neither_time_nor_memory(made):
    floods = [
        each for each in made[2] if "flood" in each.name or "grow" in each.name or "nested" in each.name
    ]
    assert len(floods) == 3
    # Objects that each begin inside a text of the one before: a reader that starts anew at each takes hours.
    many = [b"(" + b"(" * 300 for _ in range(4000)]
    floods = [*(each.content for each in floods), pdf(ROOT, *many), pdf(ROOT, b"[" + b"1 " * 100_000)]
    for content in floods:
        tracemalloc.start()
        began = time.monotonic()
        with pytest.raises(DataFormatError):
            badge_in(content)
        spent, (_, peak) = time.monotonic() - began, tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 60 * 2**20
        assert spent < 10


def test_a_badge_that_was_changed_in_a_certificate_is_not_valid(made):
    office, folder, _ = made
    badge = (folder / "badge.json").read_text()
    forged = badge.replace("Ada Lovelace", "Eve Mallory")
    assert forged != badge
    report = verify(pdf(ROOT, attached(3), stream(forged.encode())), [read_published(office.public)], at=NOW)
    assert (report.valid, report.facts, report.carrier) == (False, {}, "pdf")


def test_a_name_with_the_signs_of_markup_stays_in_every_document(tmp_path):
    office, keys = office_at(tmp_path / "office")
    address = "data:application/json;base64,AA=="
    name = f'Ada ]]> <!DOCTYPE x> </a> \\< & {address} href="{address}'
    folder = issued(office, keys, candidate={"name": name, "identifier": "a@example.org"})
    write_documents(folder, pdf=True)
    for kind in ("pdf", "svg", "html"):
        report = verify(
            (folder / f"certificate.{kind}").read_bytes(), [read_published(office.public)], at=NOW
        )
        assert report.valid, (kind, report)
        assert report.facts["holder"] == name


def test_signs_that_end_a_section_are_written_otherwise_and_mean_the_same():
    badge = json.dumps({"a": "x ]]> <b> \\ \\<", "b": "\\>"})
    assert "]]>" not in baked(badge)[9:-3]
    assert json.loads(baked(badge)[9:-3]) == json.loads(badge)


def test_the_command_shows_who_and_what_and_that_the_page_around_it_proves_nothing(made, capsys):
    office, folder, _ = made
    words = ["credential", "verify", str(folder / "certificate.pdf"), "--issuer", str(office.public)]
    assert main([*words, "--at", "2026-12-01T12:00:00Z"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("    Ada Lovelace\n    AI security practitioner\n    valid from 2026-11-21") < 60
    assert "Only the badge inside certificate.pdf was verified." in shown
    assert shown.endswith("\nVALID\n")
    assert main([*words, "--at", "2036-12-01T12:00:00Z"]) == 1
    shown = capsys.readouterr().out
    assert shown.startswith("What the issuer signed. It is NOT VALID all the same")
    words[2] = str(folder / "badge.json")
    main([*words, "--at", "2026-12-01T12:00:00Z"])
    assert "Only the badge inside" not in capsys.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="no such device there")
def test_a_file_without_end_is_not_read_to_its_end(capsys):
    assert main(["credential", "verify", "/dev/zero"]) == 2
    assert "larger than 2 MiB" in capsys.readouterr().err
