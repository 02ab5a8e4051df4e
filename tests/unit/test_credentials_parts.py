"""Parts of credentials: awards, issuers, keys, registers, documents."""

import base64
import hashlib
import json
import re
import sys
import zlib
from pathlib import Path
from xml.etree import ElementTree

import pytest

from labkit.core.errors import (
    DataFormatError,
    EngineNotInstalledError,
    IntegrityError,
    InvalidInputError,
    LabkitError,
    UnknownNameError,
)
from labkit.credentials import contexts
from labkit.credentials import keys as keys_module
from labkit.credentials.award import read_award
from labkit.credentials.contexts import PINNED, load
from labkit.credentials.documents import as_html, as_pdf, as_svg, check_pdf, facts_of, write_documents
from labkit.credentials.encoding import multikey, read_multikey
from labkit.credentials.frameworks import ADDRESSES, alignments
from labkit.credentials.issuer import base_address, issuer_from_json, kind_of_id, make_issuer
from labkit.credentials.issuing import issue, publish
from labkit.credentials.keys import Keys, make_keys, open_keys, seal_keys
from labkit.credentials.lines import append_lines, read_lines
from labkit.governance.standards import standards
from tests.unit.offices import AWARD, NOW, PASSWORD, award, issued, office_at


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    office, keys = office_at(tmp_path_factory.mktemp("parts") / "office")
    return office, keys, issued(office, keys)


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"passed": False},
        {"passed": "true"},
        {"passed": 1},
        {"mode": "rehearsal"},
        {"mode": "proctored-ish"},
        {"candidate": "Ada"},
        {"candidate": {"name": "Ada"}},
        {"candidate": {"name": "Ada\n", "identifier": "a@example.org"}},
        {"candidate": {"name": "A" * 500, "identifier": "a@example.org"}},
        {"number": "../../etc"},
        {"exam": "a b"},
        {"share": 1.2},
        {"share": True},
        {"share": "0.8"},
        {"domains": {"D1": {"points": 5, "earned": 7}}},
        {"domains": []},
        {"graded_at": "yesterday"},
        {"graded_at": "2026-11-20"},
        {"released_at": "2020-01-01T00:00:00Z"},
        {"released_by": []},
        {"released_by": ["one", "one"]},
        {"released_by": "somebody"},
        {"valid_months": 0},
        {"valid_months": 1.5},
        {"standards": ["iso-42001"]},
        {"standards": [{"id": "iso-42001"}]},
        {"standards": {"id": "iso-42001", "edition": "1"}},
        {"sheet_sha256": "abc"},
        {"form_commitment": ""},
    ],
)
def test_an_award_that_is_none_is_refused(changes):
    with pytest.raises(DataFormatError):
        read_award(award(**changes), "proctored")


def test_an_award_says_how_it_was_sat_or_is_told_so():
    assert read_award(award(mode="practice")).mode == "practice"
    assert read_award(award(), "unproctored").mode == "unproctored"
    assert read_award(award(mode="proctored")).mode == "proctored"
    with pytest.raises(DataFormatError, match="not 'proctored'"):
        read_award(award(mode="practice"), "proctored")
    with pytest.raises(DataFormatError, match="--supervision"):
        read_award(award())


def test_the_award_of_a_practice_exam_is_read_as_its_records_write_it():
    found = read_award(
        award(
            mode="practice",
            number="PRACTICE-AB12CD34EF56",
            domains={"D1": 0.9, "D4": 1.0},
            graded_at="2026-11-21T10:00:00+00:00",
            released_at="2026-11-21T10:00:00+00:00",
            released_by=[],
            standards=[],
            form_commitment=f"sheet-sha256:{'ab' * 32}",
        )
    )
    assert (found.mode, found.released_by) == ("practice", ())


def test_a_domain_without_points_has_no_share():
    found = read_award(
        award(domains={"D1": {"points": 0, "earned": 0}, "D2": {"points": 4, "earned": 1}}), "proctored"
    )
    assert found.domains == {"D2": 0.25}


def test_a_badge_has_the_members_that_open_badges_requires(made):
    badge = json.loads((made[2] / "badge.json").read_text())
    assert {"@context", "id", "type", "name", "credentialSubject", "issuer", "validFrom"} <= set(badge)
    subject = badge["credentialSubject"]
    assert {"id", "type", "achievement", "identifier", "licenseNumber"} <= set(subject)
    assert {"id", "type", "criteria", "description", "name"} <= set(subject["achievement"])
    for each in subject["achievement"]["alignment"]:
        assert {"type", "targetName", "targetUrl"} <= set(each)
        assert "edition" in each["targetFramework"]
    for each in subject["achievement"]["resultDescription"]:
        assert {"id", "type", "name", "resultType"} <= set(each)
    # One status, and no list of them: what is suspended stands in a list beside the one that is named.
    assert badge["credentialStatus"]["statusPurpose"] == "revocation"
    assert "not accredited" not in badge["name"]
    assert (
        "neither the software nor, by it, the issuer is accredited"
        in subject["achievement"]["criteria"]["narrative"]
    )
    # Nobody learns an address from a badge, nor the domains unless that is wanted.
    assert "example.org" not in json.dumps(subject["identifier"])
    assert "Domain" not in json.dumps(badge)


def test_two_badges_for_one_person_do_not_show_that_they_belong_together(made):
    office, keys, folder = made
    first = json.loads((folder / "badge.json").read_text())["credentialSubject"]
    other = json.loads((issued(office, keys, number="LK-0777") / "badge.json").read_text())[
        "credentialSubject"
    ]
    assert first["id"] != other["id"]
    assert first["identifier"][1]["identityHash"] != other["identifier"][1]["identityHash"]


def test_domains_are_told_where_they_are_wanted(made):
    office, keys, _ = made
    told = read_award(award(number="LK-0778"), "proctored")
    folder = issue(office, keys, told, at=NOW, domains=True)
    names = [
        each["name"]
        for each in json.loads((folder / "badge.json").read_text())["credentialSubject"]["achievement"][
            "resultDescription"
        ]
    ]
    assert names == ["Exam mode", "Score", "Domain D1", "Domain D2"]


def test_every_bundled_standard_has_an_address_and_an_edition():
    known = {each.id for each in standards()} - {"crosswalk"}
    assert known == set(ADDRESSES)
    assert len(alignments((id, "2nd") for id in known)) == len(known)
    with pytest.raises(UnknownNameError):
        alignments([("no-such-standard", "1st")])


def test_a_badge_is_aligned_with_the_edition_that_was_examined(made):
    badge = json.loads((made[2] / "badge.json").read_text())
    found = badge["credentialSubject"]["achievement"]["alignment"]
    assert [each["targetCode"] for each in found] == ["iso-42001", "AML.T0043", "nist-ai-rmf"]
    assert [each["targetFramework"].rpartition(", edition: ")[2] for each in found] == [
        each["edition"] for each in AWARD["standards"]
    ]
    assert found[1]["targetName"] == "Craft Adversarial Data"
    assert found[1]["targetFramework"].startswith("MITRE ATLAS")
    assert all(each["targetUrl"].startswith("https://") for each in found)


@pytest.mark.parametrize(
    ("id", "kind", "base"),
    [
        ("did:web:example.org", "did:web", "https://example.org/"),
        ("did:web:example.org:exams:ai", "did:web", "https://example.org/exams/ai/"),
        ("did:web:localhost%3A8443", "did:web", "https://localhost:8443/"),
        ("https://example.org/exams/issuer.json", "https", "https://example.org/exams/"),
    ],
)
def test_where_an_issuer_publishes(id, kind, base):
    assert kind_of_id(id) == kind
    assert base_address(id) == base


@pytest.mark.parametrize(
    "id",
    [
        "",
        "example.org",
        "http://example.org/i.json",
        "https://example.org",
        "https://user@example.org/i.json",
        "https://example.org/i.json?x=1",
        "did:web:",
        "did:web:a/b",
        "did:web:..:x y",
        "did:web:example.org#key",
        "did:key:z6Mk",
    ],
)
def test_what_is_no_issuer(id):
    with pytest.raises(InvalidInputError):
        kind_of_id(id)


def test_a_document_that_lists_foreign_keys_is_not_believed():
    public = make_keys().public()
    good = make_issuer("did:web:example.org", "x", "", public).as_json()
    assert issuer_from_json(json.dumps(good).encode()).methods
    foreign = json.loads(json.dumps(good))
    foreign["verificationMethod"][0]["controller"] = "did:web:evil.example"
    foreign["assertionMethod"].pop()
    assert len(issuer_from_json(json.dumps(foreign).encode()).methods) == 1
    swapped = make_issuer("", "x", "", public).as_json()
    own = swapped["verificationMethod"][0]
    own["publicKeyMultibase"] = make_keys().public()["ed25519"]
    with pytest.raises(DataFormatError, match="the one that its id spells"):
        issuer_from_json(json.dumps(swapped).encode())
    for rubbish in (
        b"",
        b"[]",
        b"{}",
        b'{"id": 5}',
        b'{"id":"did:web:a.b","verificationMethod":[1],"assertionMethod":[]}',
    ):
        with pytest.raises(LabkitError):
            issuer_from_json(rubbish)


def test_a_multikey_of_another_length_or_kind_is_refused():
    key = make_keys().public()["ed25519"]
    assert read_multikey(key)[0] == "ed25519"
    for wrong in (key[:-1], key + "1", "z", "", "x" + key[1:], multikey("p256", bytes(32)), "z0OIl"):
        with pytest.raises(DataFormatError):
            read_multikey(wrong)


def test_keys_show_nothing_when_printed(tmp_path, monkeypatch):
    monkeypatch.setitem(keys_module._SCRYPT, "n", 2**10)
    keys = make_keys()
    assert repr(keys) == str(keys) == "Keys()"
    seal_keys(keys, tmp_path / "keys.json", PASSWORD)
    content = (tmp_path / "keys.json").read_text()
    for seed in keys.seeds.values():
        assert base64.urlsafe_b64encode(seed).decode().rstrip("=") not in content
    assert open_keys(tmp_path / "keys.json", PASSWORD) == keys


def test_outside_of_tests_a_guess_costs_sixty_four_megabytes():
    assert keys_module._SCRYPT == {"n": 2**16, "r": 8, "p": 1}


@pytest.mark.parametrize("name", ["kdf", "cipher", "sealed"])
def test_a_changed_file_of_keys_does_not_open(tmp_path, monkeypatch, name):
    monkeypatch.setitem(keys_module._SCRYPT, "n", 2**10)
    path = tmp_path / "keys.json"
    seal_keys(make_keys(), path, PASSWORD)
    raw = json.loads(path.read_text())
    if name == "kdf":
        raw["kdf"]["n"] = 2**11
    elif name == "cipher":
        raw["cipher"]["nonce"] = base64.urlsafe_b64encode(bytes(12)).decode()
    else:
        raw["sealed"] = raw["sealed"][:-8] + "AAAAAAAA"
    path.write_text(json.dumps(raw))
    with pytest.raises(IntegrityError, match="lost"):
        open_keys(path, PASSWORD)


def test_a_file_that_asks_for_all_the_memory_there_is_is_not_opened(tmp_path, monkeypatch):
    monkeypatch.setitem(keys_module._SCRYPT, "n", 2**10)
    path = tmp_path / "keys.json"
    seal_keys(make_keys(), path, PASSWORD)
    raw = json.loads(path.read_text())
    raw["kdf"]["n"] = 2**30
    path.write_text(json.dumps(raw))
    with pytest.raises(DataFormatError):
        open_keys(path, PASSWORD)


def test_contexts_are_the_pinned_ones_and_no_address_is_opened():
    published = hashlib.sha256((Path(contexts.__file__).parent / "credentials-v2.json").read_bytes()[:-1])
    assert published.hexdigest() == "59955ced6697d61e03f2b2556febe5308ab16842846f5b586d7f1f7adec92734"
    for url in PINNED:
        assert load(url)["documentUrl"] == url
    with pytest.raises(DataFormatError):
        load("https://www.w3.org/2018/credentials/v1")


def test_an_unfinished_line_was_never_written(tmp_path):
    path = tmp_path / "lines.jsonl"
    append_lines(path, [{"a": 1}])
    with path.open("a") as file:
        file.write('{"b": 2')
    assert read_lines(path) == [{"a": 1}]
    append_lines(path, [{"c": 3}])
    assert read_lines(path) == [{"a": 1}, {"c": 3}]
    path.write_text("rubbish\n")
    with pytest.raises(IntegrityError):
        read_lines(path)


def test_what_a_power_cut_left_out_of_the_log_is_added_at_the_next_signature(tmp_path):
    office, keys = office_at(tmp_path / "office")
    issued(office, keys)
    (office.public / "log" / "entries.jsonl").write_text("")
    (office.public / "log" / "checkpoints.jsonl").write_text("")
    publish(office, keys, at=NOW)
    assert [each["event"] for each in office.log.entries()] == ["issued"]
    assert office.log.problems(office.issuer) == []


def test_the_log_holds_no_name_and_no_reason(tmp_path):
    from labkit.credentials.issuing import change_status

    office, keys = office_at(tmp_path / "office")
    issued(office, keys)
    change_status(office, keys, AWARD["number"], "revoked", "a private matter", at=NOW)
    published = b"\n".join(path.read_bytes() for path in office.public.rglob("*") if path.is_file())
    # A token says in base64 what it says; a short name would be found in a signature by chance.
    tokens = re.findall(rb"\b(ey[\w-]{8,})\.([\w-]+)\.[\w-]+", published)
    assert tokens
    said = [base64.urlsafe_b64decode(part + b"==") for token in tokens for part in token]
    for private in (b"Ada Lovelace", b"ada@", b"private matter", b"LK-0001", b"examiner-1"):
        assert not any(private in each for each in (published, *said))


def test_nothing_secret_lies_in_what_is_published_or_handed_out(made):
    office, keys, _ = made
    seeds = [
        form
        for seed in keys.seeds.values()
        for form in (
            seed,
            seed.hex().encode(),
            base64.b64encode(seed)[:40],
            base64.urlsafe_b64encode(seed)[:40],
        )
    ]
    for path in office.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(each in content for each in seeds), path


def test_documents_show_what_the_badge_says_and_escape_it(tmp_path):
    office, keys = office_at(tmp_path / "office")
    name = 'Ada <b>"&\' #panic("x") $1$ 李'
    folder = issued(office, keys, candidate={"name": name, "identifier": "a@example.org"})
    badge = (folder / "badge.json").read_text()
    facts = facts_of(json.loads(badge))
    assert facts.holder == name
    html, svg = as_html(facts, badge), as_svg(facts, badge)
    assert "<b>" not in html
    assert "<script" not in html
    root = ElementTree.fromstring(svg)  # noqa: S314
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert name in texts
    baked = root.find("{https://purl.imsglobal.org/ob/v3p0}credential")
    assert json.loads(baked.text) == json.loads(badge)
    assert facts.code in _decoded(facts.code)
    assert len(facts.code) < 200


def test_a_certificate_names_standards_whole_or_says_how_many_are_left_out(made):
    from dataclasses import replace

    badge = (made[2] / "badge.json").read_text()
    facts = facts_of(json.loads(badge))
    many = replace(facts, standards=tuple(f"Standard {at}, " + "edition " * 20 for at in range(30)))
    svg = as_svg(many, badge)
    shown = {int(each) for each in re.findall(r">Standard (\d+),", svg)}
    left = int(re.search(r"and (\d+) more, which the badge lists", svg)[1])
    assert len(shown) + left == 30
    assert "more, which" not in as_svg(facts, badge)


def _decoded(code):
    import segno

    # What goes in: a version that a telephone reads from paper.
    made = segno.make(code, error="m", micro=False)
    assert made.version <= 10
    return code


def test_the_pdf_carries_the_badge_byte_for_byte_and_is_the_same_each_time(made):
    pytest.importorskip("typst")
    badge = (made[2] / "badge.json").read_text()
    facts = facts_of(json.loads(badge))
    pdf = as_pdf(facts, badge, NOW)
    assert pdf == as_pdf(facts, badge, NOW)
    streams = re.findall(rb"stream\r?\n(.*?)\r?\nendstream", pdf, re.DOTALL)
    opened = [_inflated(each) for each in streams]
    assert badge.encode() in opened
    about = b"".join([pdf, *opened])
    assert b"pdfaid:part>3" in about
    assert b"pdfuaid:part>1" in about
    assert b"/AFRelationship/Source" in about.replace(b" ", b"")


def test_letters_that_no_font_has_are_named_and_the_other_documents_are_there(tmp_path):
    pytest.importorskip("typst")
    office, keys = office_at(tmp_path / "office")
    folder = issued(office, keys, candidate={"name": "Ada \U0001e290", "identifier": "a@example.org"})
    with pytest.raises(DataFormatError, match="could not be displayed with font"):
        write_documents(folder, pdf=True)
    assert {"certificate.html", "certificate.svg"} <= {each.name for each in folder.iterdir()}
    assert not (folder / "certificate.pdf").exists()


def _inflated(content):
    try:
        return zlib.decompress(content)
    except zlib.error:
        return content


def test_without_typst_the_rest_is_made_and_the_message_says_what_to_install(made, monkeypatch, tmp_path):
    import shutil

    folder = shutil.copytree(made[2], tmp_path / "copy")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineNotInstalledError, match=r"labkit\[documents\]"):
        check_pdf()
    write_documents(folder, pdf=False)
    assert (folder / "certificate.html").is_file()
    assert not (folder / "certificate.pdf").exists()


def test_importing_credentials_pulls_in_nothing_heavy():
    import subprocess

    code = (
        "import sys, labkit.credentials, labkit.credentials.commands, labkit.credentials.verify\n"
        "heavy = {'pyld', 'typst', 'segno', 'joserfc', 'torch', 'requests', 'sqlalchemy', 'cryptography'}\n"
        "print(sorted(heavy & {name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_a_key_object_of_the_wrong_kind_cannot_be_made_to_sign():
    with pytest.raises(KeyError):
        Keys({}).ed25519  # noqa: B018
