"""Badges built to hurt a verifier, or to pass for what they are not: each cheat by its name."""

import functools
import json
import time

import pytest

from labkit.cli import main
from labkit.core.errors import DataFormatError
from labkit.credentials.issuer import issuer_from_json
from labkit.credentials.issuing import change_status
from labkit.credentials.published import read_published
from labkit.credentials.verify import verify
from tests.interop.corpus import mixed
from tests.unit.offices import NOW, issued, office_at


def places(value, place=()):
    """Yield every place in a document with what stands there."""
    yield place, value
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inside:
        yield from places(each, (*place, name))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    office, keys = office_at(tmp_path_factory.mktemp("made") / "office")
    return office, keys, issued(office, keys)


# Nothing that the office of this module publishes changes.
published = functools.cache(read_published)


def ask(made, change=lambda badge: None, **options):
    office, _, folder = made
    badge = json.loads((folder / "badge.json").read_text())
    change(badge)
    return verify(json.dumps(badge).encode(), [published(office.public)], at=NOW, **options)


def check(report, name):
    return next(each for each in report.checks if each.name == name)


# -- Documents that keep a verifier busy ---------------------------------------------------------


def _written_differently(count):
    """Return objects that differ as JSON and are one and the same in RDF, which knows no repetition."""
    return [{"type": ["Profile"], "name": ["n"] * (number + 1)} for number in range(count)]


def _twins(badge):
    parents = [
        {"type": ["Profile"], "name": ["p"] * (number + 1), "parentOrg": _written_differently(12)}
        for number in range(2)
    ]
    badge["credentialSubject"]["achievement"]["creator"] = {"type": ["Profile"], "parentOrg": parents}


def _crowd(badge):
    badge["credentialSubject"]["achievement"]["tag"] = [f"tag {number}" for number in range(20_000)]


def _many_types(badge):
    badge["type"] += ["Profile"] * 20_000


@pytest.mark.parametrize("cheat", [_twins, _crowd, _many_types])
def test_badge_whose_canonical_form_takes_for_ever(made, cheat):
    """Anybody can send it: the work comes before the signature is looked at."""
    start = time.process_time()
    report = ask(made, cheat)
    assert not report.valid
    assert time.process_time() - start < 5


# -- The same statements in another form ---------------------------------------------------------


def test_badge_rewritten_so_that_name_or_score_are_not_shown(made):
    """JSON-LD signs statements: a value, a list of it, and the list with it twice make the same one."""
    badge = json.loads((made[2] / "badge.json").read_text())
    whole = ask(made).facts
    assert whole["holder"]
    for place, value in places(badge):
        if not place or place[0] in ("@context", "proof") or isinstance(value, dict | list):
            continue
        others = [[value], [value, value], {"id": value}]
        others += [str(value).lower(), int(value)] if isinstance(value, bool) else []
        for other in others:

            def rewrite(changed, place=place, other=other):
                for name in place[:-1]:
                    changed = changed[name]
                changed[place[-1]] = other

            report = ask(made, rewrite)
            assert not report.valid or report.facts == whole, (place, other)


# -- Words that a terminal obeys -----------------------------------------------------------------

_HIDES_THE_REST = "\x1b[2J\x1b[HVALID\x1b[8m"


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b["proof"].update({_HIDES_THE_REST: "x"}),
        lambda b: b.update({_HIDES_THE_REST: "x"}),
        lambda b: b["issuer"].update(id=_HIDES_THE_REST),
        lambda b: b["proof"].update(created=_HIDES_THE_REST),
        lambda b: b["proof"].update(verificationMethod=f"\u202e{_HIDES_THE_REST}"),
        lambda b: b.update({"@context": [_HIDES_THE_REST]}),
    ],
)
def test_badge_that_writes_valid_on_the_screen(made, tmp_path, capsys, change):
    office, _, folder = made
    badge = json.loads((folder / "badge.json").read_text())
    change(badge)
    path = tmp_path / "badge.json"
    path.write_text(json.dumps(badge))
    for form in ([], ["--json"]):
        assert main(["credential", "verify", str(path), "--issuer", str(office.public), *form]) == 1
        shown = capsys.readouterr().out
        assert all(letter == "\n" or letter.isprintable() for letter in shown)


def test_file_name_that_writes_valid_on_the_screen(tmp_path, capsys):
    assert main(["credential", "verify", str(tmp_path / f"{_HIDES_THE_REST}.json")]) == 2
    assert "\x1b" not in capsys.readouterr().err


# -- What lies beside a badge --------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.pop("sha256"),
        lambda s: s.update(sha256=None),
        lambda s: s["signatures"][0].update(key=[]),
        lambda s: s["signatures"][1].update(key={"id": 1}),
        lambda s: s["signatures"].pop(),
        lambda s: s["signatures"][1].update(kind="ed25519"),
    ],
)
def test_hybrid_signature_with_a_part_taken_out(made, change):
    signature = json.loads((made[2] / "badge.signature.json").read_text())
    change(signature)
    report = ask(made, signature=json.dumps(signature).encode())
    assert check(report, "second signature").state == "failed"
    assert not report.valid


def test_log_proof_of_a_revocation_shown_as_one_of_issue(tmp_path):
    """The lists of an hour ago know of no revocation; the log does, and says what its entry is about."""
    office, keys = office_at(tmp_path / "office")
    folder = issued(office, keys)
    before = read_published(office.public)
    change_status(office, keys, "LK-0001", "revoked", "it was bought", at=NOW)
    proof = office.log.prove(office.find("LK-0001").credential, office.log.checkpoints()[-1])
    badge = (folder / "badge.json").read_bytes()
    report = verify(badge, [before], at=NOW, log_proof=json.dumps(proof).encode())
    assert check(report, "log").state == "failed"
    assert "revoked" in check(report, "log").say
    assert not report.valid


# -- Who issued it -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def documents(tmp_path_factory):
    """The documents of two practice issuers; who knows the id of the first can write one about it."""
    offices = (office_at(tmp_path_factory.mktemp(name) / "office", "")[0] for name in ("known", "thief"))
    return [each.issuer.as_json() for each in offices]


@pytest.mark.parametrize("own", [(0, 1, 2), (1, 2), ()])
def test_second_key_in_the_document_of_somebody_elses_did_key(documents, own):
    with pytest.raises(DataFormatError, match="the one that its id spells"):
        issuer_from_json(json.dumps(mixed(*documents, own, (0,))).encode())


@pytest.mark.parametrize("foreign", [1, 2])
def test_key_for_jwts_or_after_quanta_in_the_document_of_somebody_elses_did_key(documents, foreign):
    """A did:key spells one key; the others are only its own when it signed for them."""
    known, thief = documents
    added = mixed(known, thief, (0, 1, 2), (foreign,))
    swapped = mixed(known, thief, (0, 3 - foreign), (foreign,))
    other = {name: value for name, value in added.items() if name != "endorsement"}
    for cheat in (added, swapped, other, {**added, "endorsement": thief["endorsement"]}):
        with pytest.raises(DataFormatError, match="did not sign for"):
            issuer_from_json(json.dumps(cheat).encode())


def test_document_of_a_did_key_under_another_name(documents):
    known, _ = documents
    assert issuer_from_json(json.dumps(known).encode()).as_json() == known
    with pytest.raises(DataFormatError, match="did not sign for"):
        issuer_from_json(json.dumps({**known, "name": "A university"}).encode())


# -- Whose it is ---------------------------------------------------------------------------------


def test_thief_who_reads_the_recipient_out_of_the_badge(made):
    """What the issuer made up in place of an address stands in the badge for everybody to read."""
    badge = json.loads((made[2] / "badge.json").read_text())
    subject = badge["credentialSubject"]
    for claimed in (subject["id"], f" {subject['id']}", subject["identifier"][1]["identityHash"]):
        assert check(ask(made, recipient=claimed), "recipient").state == "failed"
