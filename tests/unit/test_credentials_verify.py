"""What a verifier answers about good, altered, expired, revoked, stale and foreign credentials."""

import json
from datetime import timedelta

import pytest

from labkit.credentials.award import read_award
from labkit.credentials.issuing import change_status, issue, publish, renew
from labkit.credentials.office import rotate_keys
from labkit.credentials.published import Published, read_published
from labkit.credentials.verify import verify
from tests.unit.offices import NOW, PASSWORD, award, issued, office_at

BOTH = pytest.mark.parametrize("form", ["badge.json", "badge.jwt"])


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An office with one credential; tests that change it make their own."""
    office, keys = office_at(tmp_path_factory.mktemp("made") / "office")
    return office, keys, issued(office, keys)


def ask(content, office, at=NOW, **options):
    published = office if isinstance(office, list) else [read_published(office.public)]
    return verify(content, published, at=at, **options)


def states(report):
    return {each.name: each.state for each in report.checks}


def altered(folder, change):
    badge = json.loads((folder / "badge.json").read_text())
    change(badge)
    return json.dumps(badge).encode()


@BOTH
def test_a_good_credential_passes_every_question(made, form):
    office, _, folder = made
    report = ask(
        (folder / form).read_bytes(),
        office,
        recipient="ada@example.org",
        log_proof=(folder / "badge.log.json").read_bytes(),
    )
    assert report.valid
    assert set(states(report).values()) == {"passed"}
    assert report.facts["holder"] == "Ada Lovelace"
    assert report.facts["mode"] == "proctored"
    assert report.facts["score"] == "81"


@BOTH
def test_nobody_asks_for_the_recipient_and_it_says_so(made, form):
    office, _, folder = made
    report = ask((folder / form).read_bytes(), office)
    assert report.valid
    assert states(report)["recipient"] == "not asked"


@BOTH
def test_the_wrong_recipient_fails_alone(made, form):
    office, _, folder = made
    report = ask((folder / form).read_bytes(), office, recipient="bob@example.org")
    assert not report.valid
    assert [name for name, state in states(report).items() if state == "failed"] == ["recipient"]


def test_a_name_is_no_recipient(made):
    office, _, folder = made
    assert not ask((folder / "badge.json").read_bytes(), office, recipient="Ada Lovelace").valid


@BOTH
@pytest.mark.parametrize(
    ("days", "state"), [(-30, "failed"), (0, "passed"), (700, "passed"), (721, "failed")]
)
def test_time_is_judged_by_the_moment_given(tmp_path, form, days, state):
    office, keys = office_at(tmp_path / "office", list_days=3000)
    folder = issued(office, keys)
    assert states(ask((folder / form).read_bytes(), office, NOW + timedelta(days=days)))["time"] == state


def test_one_second_before_its_end_it_is_valid_and_at_its_end_no_more(tmp_path):
    office, keys = office_at(tmp_path / "office", list_days=3000)
    badge = (issued(office, keys) / "badge.json").read_bytes()
    from labkit.credentials.times import moment

    end = moment(json.loads(badge)["validUntil"])
    assert ask(badge, office, end - timedelta(seconds=1)).valid
    assert states(ask(badge, office, end))["time"] == "failed"


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b.update(name="Chief AI security officer"),
        lambda b: b["credentialSubject"]["result"][1].update(value="99"),
        lambda b: b["credentialSubject"]["result"][0].update(value="unproctored"),
        lambda b: b["credentialSubject"]["identifier"][0].update(identityHash="Mallory"),
        lambda b: b.update(validUntil="2048-11-21T10:00:00Z"),
        lambda b: b.pop("validUntil"),
        lambda b: b.pop("credentialStatus"),
        lambda b: b["credentialStatus"].update(statusPurpose="suspension"),
        lambda b: b["credentialStatus"].update(statusListIndex="5"),
        lambda b: b["issuer"].update(name="Somebody else"),
        lambda b: b.pop("evidence"),
        lambda b: b["proof"].update(created="2020-01-01T00:00:00Z"),
        lambda b: b.pop("proof"),
        lambda b: b.update(proof=[b["proof"], b["proof"]]),
        lambda b: b["proof"].update(cryptosuite="eddsa-jcs-2022"),
        lambda b: b["proof"].update(proofPurpose="authentication"),
        lambda b: b["proof"].update(proofValue="z1111"),
        lambda b: b["proof"].update(proofValue=""),
        lambda b: b["proof"].update(verificationMethod="did:web:evil.example#key"),
    ],
)
def test_whatever_is_changed_the_signature_fails_and_nothing_else_is_believed(made, change):
    office, _, folder = made
    report = ask(altered(folder, change), office, recipient="ada@example.org")
    assert not report.valid
    assert set(states(report).values()) == {"failed"}
    assert report.facts == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b["credentialSubject"].update(examProctored="no"),
        lambda b: b.update(x="y"),
        lambda b: b["issuer"].update(accredited=True),
        lambda b: b["credentialSubject"].update(role=None),
        lambda b: b.update(evidence=[*b["evidence"], {}]),
        lambda b: b["credentialSubject"]["achievement"].update(tag=[]),
        lambda b: b["credentialSubject"]["achievement"].update(otherIdentifier=[{"secret": "x"}]),
        lambda b: b["@context"].append({"name": "https://schema.org/alternateName"}),
        lambda b: b.update({"@context": ["https://www.w3.org/ns/credentials/v2"]}),
        lambda b: b["@context"].reverse(),
        lambda b: b["@context"].append("https://evil.example/context.json"),
        lambda b: b["credentialSubject"].update({"@context": {"result": None}}),
        lambda b: b.update({"https://schema.org/name": "x"}),
        lambda b: b.update({"@graph": []}),
        lambda b: b["credentialSubject"].update({"@reverse": {}}),
        lambda b: b.update(related={"id": "not-an-address", "type": ["Related"]}),
        # The same statements, said in two objects: RDF merges them, JSON readers do not.
        lambda b: b.update(
            credentialSubject=[
                {"id": b["credentialSubject"]["id"], "type": ["AchievementSubject"]},
                b["credentialSubject"],
            ]
        ),
    ],
)
def test_members_that_no_signature_covers_are_refused(made, change):
    office, _, folder = made
    report = ask(altered(folder, change), office)
    assert not report.valid
    assert states(report)["signature"] == "failed"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"a.b.c",
        b"e30.e30.e30",
        b'{"a": 1, "a": 2}',
        b'{"a": NaN}',
        b"[" * 30000,
        b'{"a":' * 60 + b"1" + b"}" * 60,
        b" " * (600 * 1024),
        b'{"@context": []}',
        b'{"name": "\\ud800"}',
    ],
)
def test_what_is_no_credential_is_refused_without_an_error(made, content):
    report = ask(content, made[0])
    assert not report.valid
    assert (
        report.checks[0].say.startswith("Nothing that can be verified") or report.checks[0].state == "failed"
    )


@pytest.mark.parametrize(("depth", "width"), [(1, 6), (2, 6), (3, 4), (4, 4), (1, 300), (2, 12), (30, 1)])
def test_a_document_made_to_keep_us_busy_is_answered_soon(made, depth, width):
    import itertools
    import time

    office, _, folder = made
    numbers = itertools.count()

    def organisation(left):
        if not left:
            return {"type": ["Profile"], "name": f"n{next(numbers)}"}
        return {"type": ["Profile"], "parentOrg": [organisation(left - 1) for _ in range(width)]}

    start = time.process_time()
    report = ask(
        altered(folder, lambda b: b["credentialSubject"]["achievement"].update(creator=organisation(depth))),
        office,
    )
    assert not report.valid
    assert time.process_time() - start < 5


def test_a_credential_of_somebody_unknown_is_not_valid(made, tmp_path):
    stranger, keys = office_at(tmp_path / "stranger", "did:web:stranger.example")
    folder = issued(stranger, keys)
    report = ask((folder / "badge.json").read_bytes(), made[0])
    assert states(report)["signature"] == "failed"
    assert "not at hand" in report.checks[0].say


@BOTH
def test_the_same_name_with_other_keys_is_not_believed(made, tmp_path, form):
    forger, keys = office_at(tmp_path / "forger")
    folder = issued(forger, keys)
    assert not ask((folder / form).read_bytes(), made[0]).valid


@BOTH
@pytest.mark.parametrize(("event", "word"), [("revoked", "revoked"), ("suspended", "suspended")])
def test_a_bit_that_is_set_is_found_in_both_forms(tmp_path, form, event, word):
    office, keys = office_at(tmp_path / "office")
    folder, other = issued(office, keys), issued(office, keys, number="LK-0002")
    change_status(office, keys, "LK-0001", event, "a test", at=NOW)
    report = ask((folder / form).read_bytes(), office)
    assert states(report) == {
        **dict.fromkeys(("signature", "issuer", "time"), "passed"),
        "status": "failed",
        "recipient": "not asked",
    }
    assert word in {each.name: each.say for each in report.checks}["status"]
    assert ask((other / form).read_bytes(), office).valid


def test_a_suspension_can_be_lifted_and_a_revocation_cannot(tmp_path):
    from labkit.core.errors import InvalidInputError

    office, keys = office_at(tmp_path / "office")
    badge = (issued(office, keys) / "badge.json").read_bytes()
    change_status(office, keys, "LK-0001", "suspended", "a question", at=NOW)
    change_status(office, keys, "LK-0001", "reinstated", "answered", at=NOW)
    assert ask(badge, office).valid
    change_status(office, keys, "LK-0001", "revoked", "fraud", at=NOW)
    with pytest.raises(InvalidInputError, match="is revoked: it cannot be reinstated"):
        change_status(office, keys, "LK-0001", "reinstated", "please", at=NOW)


@BOTH
def test_a_list_that_is_missing_stale_foreign_or_altered_fails_closed(made, tmp_path, form):
    office, _, folder = made
    badge, published = (folder / form).read_bytes(), read_published(office.public)
    stranger, keys = office_at(tmp_path / "stranger", "did:web:stranger.example")
    publish(stranger, keys, at=NOW)
    foreign = read_published(stranger.public).lists
    cases = {
        "none": Published(published.issuer, ()),
        "one purpose": Published(
            published.issuer, tuple(each for each in published.lists if "suspen" in each)
        ),
        "foreign": Published(published.issuer, foreign),
        "altered": Published(published.issuer, tuple(each[:-40] + "A" * 40 for each in published.lists)),
        "rubbish": Published(published.issuer, ("rubbish", "a.b.c", "{}")),
    }
    for name, case in cases.items():
        assert states(ask(badge, [case]))["status"] == "failed", name
    assert states(ask(badge, office, NOW + timedelta(days=31)))["status"] == "failed"
    assert states(ask(badge, office, NOW - timedelta(days=1)))["status"] == "failed"


def test_an_older_list_beside_the_new_one_hides_nothing(tmp_path):
    office, keys = office_at(tmp_path / "office")
    badge = (issued(office, keys) / "badge.json").read_bytes()
    old = read_published(office.public)
    change_status(office, keys, "LK-0001", "revoked", "a test", at=NOW + timedelta(hours=1))
    new = read_published(office.public)
    for lists in (old.lists + new.lists, new.lists + old.lists):
        report = ask(badge, [Published(new.issuer, lists)], NOW + timedelta(hours=2))
        assert states(report)["status"] == "failed"


def test_practice_is_only_valid_for_those_who_say_that_it_will_do(tmp_path):
    office, keys = office_at(tmp_path / "office", "")
    badge = (issued(office, keys) / "badge.json").read_bytes()
    report = ask(badge, office)
    assert [name for name, state in states(report).items() if state == "failed"] == ["issuer"]
    assert ask(badge, office, practice=True).valid
    assert ask(badge, office, practice=True).facts["mode"] == "practice"


def test_a_renewal_is_a_new_credential_that_names_the_old_one(tmp_path):
    from labkit.core.errors import InvalidInputError

    office, keys = office_at(tmp_path / "office", list_days=3000)
    old = issued(office, keys)
    before = (old / "badge.json").read_bytes()
    later = read_award(
        award(number="LK-0101", graded_at="2028-11-01T10:00:00Z", released_at="2028-11-02T10:00:00Z"),
        "proctored",
    )
    at = NOW + timedelta(days=710)
    new = renew(office, keys, "LK-0001", later, at=at)
    assert (old / "badge.json").read_bytes() == before
    badge = json.loads((new / "badge.json").read_text())
    assert badge["id"] != json.loads(before)["id"]
    assert [each.get("id") for each in badge["evidence"]] == [None, json.loads(before)["id"]]
    assert ask((new / "badge.json").read_bytes(), office, at).valid
    for wrong in (
        {"candidate": {"name": "Bob", "identifier": "bob@example.org"}, "number": "LK-0102"},
        {"exam": "another", "number": "LK-0103"},
    ):
        with pytest.raises(InvalidInputError):
            renew(office, keys, "LK-0001", read_award(award(**wrong), "proctored"), at=at)
    change_status(office, keys, "LK-0001", "revoked", "a test", at=at)
    with pytest.raises(InvalidInputError, match="cannot be renewed"):
        renew(office, keys, "LK-0001", read_award(award(number="LK-0104"), "proctored"), at=at)


def test_new_keys_keep_what_the_old_ones_signed_and_stolen_ones_do_not(tmp_path):
    office, keys = office_at(tmp_path / "office")
    folder = issued(office, keys)
    badge = (folder / "badge.json").read_bytes()
    beside = {
        "signature": (folder / "badge.signature.json").read_bytes(),
        "log_proof": (folder / "badge.log.json").read_bytes(),
    }
    office = rotate_keys(office, "another password", NOW)
    new = office.keys("another password")
    assert new.public() != keys.public()
    publish(office, new, at=NOW)
    assert ask(badge, office, **beside).valid
    assert ask((issued(office, new, number="LK-0002") / "badge.json").read_bytes(), office).valid
    assert office.log.problems(office.issuer) == []
    office = rotate_keys(office, PASSWORD, NOW + timedelta(seconds=1), stolen=True)
    publish(office, office.keys(PASSWORD), at=NOW)
    assert states(ask(badge, office))["signature"] == "failed"


def test_the_detached_signature_and_the_log_count_when_they_are_given(made, tmp_path):
    office, _, folder = made
    badge = (folder / "badge.json").read_bytes()
    other = issued(*office_at(tmp_path / "other"))
    own = json.loads((folder / "badge.signature.json").read_text())
    half = {**own, "signatures": own["signatures"][:1]}
    swapped = {**own, "signatures": [own["signatures"][0], {**own["signatures"][1], "value": "AAAA"}]}
    assert ask(badge, office, signature=json.dumps(own).encode()).valid
    for wrong in (half, swapped, {}, [], json.loads((other / "badge.signature.json").read_text())):
        report = ask(badge, office, signature=json.dumps(wrong).encode())
        assert not report.valid
        assert states(report)["second signature"] == "failed"
    proof = json.loads((folder / "badge.log.json").read_text())
    for wrong in ({**proof, "index": 5}, {**proof, "proof": ["00" * 32]}, {}, {**proof, "checkpoint": {}}):
        assert states(ask(badge, office, log_proof=json.dumps(wrong).encode()))["log"] == "failed"
    assert states(ask(badge, office, log_proof=(other / "badge.log.json").read_bytes()))["log"] == "failed"


def test_indentation_and_order_are_not_signed_and_need_not_be(made):
    office, _, folder = made
    badge = json.loads((folder / "badge.json").read_text())
    turned = json.dumps(dict(reversed(badge.items())), indent=7).encode()
    assert ask(turned, office, signature=(folder / "badge.signature.json").read_bytes()).valid


def test_a_practice_result_cannot_be_issued_by_an_issuer_of_exams_and_the_other_way_round(tmp_path):
    from labkit.core.errors import InvalidInputError

    office, keys = office_at(tmp_path / "office")
    with pytest.raises(InvalidInputError, match="never looks like an exam's"):
        issue(office, keys, read_award(award(mode="practice")), at=NOW)
    practice, own = office_at(tmp_path / "practice", "")
    with pytest.raises(InvalidInputError, match="for practice"):
        issue(practice, own, read_award(award(), "proctored"), at=NOW)


def test_a_practice_key_that_claims_a_proctored_exam_is_not_believed(tmp_path, monkeypatch):
    import labkit.credentials.issuing as issuing

    office, keys = office_at(tmp_path / "office", "")
    # Whoever holds the key can leave out our checks; the verifier must not rely on them.
    fake = read_award(award(mode="practice"))
    built = issuing.build_badge
    monkeypatch.setattr(
        issuing,
        "build_badge",
        lambda award, *args, **options: built(
            read_award(globals()["award"](), "proctored"), *args, **options
        ),
    )
    badge = (issue(office, keys, fake, at=NOW) / "badge.json").read_bytes()
    report = ask(badge, office, practice=True)
    assert states(report)["signature"] == "passed"
    assert states(report)["issuer"] == "failed"
