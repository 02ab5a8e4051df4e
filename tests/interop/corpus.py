"""Credentials that verifiers should agree about: good ones, and one for each way of being bad."""

import copy
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from labkit.credentials.contexts import BADGE_CONTEXTS
from labkit.credentials.documents import write_documents
from labkit.credentials.encoding import base58_encode, base64url_decode
from labkit.credentials.issuing import change_status, publish
from labkit.credentials.jwt import as_jwt, read_jwt
from labkit.credentials.proofs import _hash_data, add_proof
from labkit.credentials.published import read_published
from labkit.credentials.times import written
from tests.unit.badge_files import File, files_of
from tests.unit.offices import issued, office_at

ADA = "ada@example.org"


@dataclass(frozen=True)
class Case:
    """One credential in one form, with what its issuer publishes and who is said to hold it."""

    name: str
    form: str
    text: str
    lists: tuple
    recipient: str = ADA
    document: dict | None = None
    """What is handed out as the document of its practice issuer; without it the issuer is the one of all."""


@dataclass(frozen=True)
class Corpus:
    """All cases, files that carry a badge or seem to, the issuer whom everybody trusts, and its keys.

    Cases of practice issuers stand apart: only labkit and its page know such documents.
    """

    issuer: object
    keys: object
    cases: tuple
    practice: tuple
    folder: object
    public: object
    files: tuple


def make_corpus(folder):
    """Make every case; times are real, since not every verifier can be told another."""
    now = datetime.now(UTC).replace(microsecond=0)
    office, keys = office_at(folder / "office")
    _, wrong = office_at(folder / "forger")
    stranger, own = office_at(folder / "stranger", "did:web:stranger.example")
    good = issued(office, keys, at=now)
    at = {
        "expired": _released(now - timedelta(days=100), 1),
        "revoked": {},
        "suspended": {},
        "suspended, then reinstated": {},
    }
    folders = {
        name: issued(office, keys, at=now, number=f"LK-{number:04}", **changes)
        for number, (name, changes) in enumerate(at.items(), start=100)
    }
    numbers = {name: f"LK-{number:04}" for number, name in enumerate(at, start=100)}
    change_status(office, keys, numbers["revoked"], "revoked", "a test", at=now)
    for name in ("suspended", "suspended, then reinstated"):
        change_status(office, keys, numbers[name], "suspended", "a test", at=now)
    change_status(office, keys, numbers["suspended, then reinstated"], "reinstated", "a test", at=now)
    lists = read_published(office.public).lists
    publish(office, keys, at=now - timedelta(days=60))
    stale = read_published(office.public).lists
    publish(office, keys, at=now)
    cases = []
    for form in ("json", "jwt"):
        text = (good / f"badge.{form}").read_text().strip()
        own_lists = tuple(each for each in lists if _form(each) == form)
        cases.append(Case("good", form, text, own_lists))
        cases += [
            Case(name, form, (where / f"badge.{form}").read_text().strip(), own_lists)
            for name, where in folders.items()
        ]
        cases.append(Case("status list missing", form, text, ()))
        cases.append(
            Case("status list stale", form, text, tuple(each for each in stale if _form(each) == form))
        )
        cases.append(Case("wrong recipient", form, text, own_lists, "bob@example.org"))
        made_up = read_document(text)["credentialSubject"]["id"]
        cases.append(Case("recipient read out of the badge", form, text, own_lists, made_up))
        foreign = issued(stranger, own, at=now, number=f"LK-9{form}") / f"badge.{form}"
        cases.append(Case("signed by a stranger", form, foreign.read_text().strip(), own_lists))
        bad = _bad_json(json.loads(text), keys, wrong, now) if form == "json" else _bad_jwt(text, keys, wrong)
        cases += [Case(name, form, each, own_lists) for name, each in bad.items()]
    files = make_files(good, folders["revoked"], foreign.parent)
    practice = _practice_cases(folder, now)
    return Corpus(office.issuer, keys, tuple(cases), practice, good, office.public, files)


def read_document(text):
    """Return the credential in a text of either form, unverified."""
    return json.loads(text) if text.startswith("{") else json.loads(base64url_decode(text.split(".")[1]))


def _practice_cases(folder, now):
    """Return cases of a practice issuer, whose document anybody may hand out with keys of their own in it."""
    known, own = office_at(folder / "known", "")
    thief, stolen = office_at(folder / "thief", "")
    good = issued(known, own, at=now)
    document, other = known.issuer.as_json(), thief.issuer.as_json()
    badge, token = ((good / f"badge.{form}").read_text().strip() for form in ("json", "jwt"))
    bare = {name: value for name, value in json.loads(badge).items() if name != "proof"}
    added, swapped = mixed(document, other, (0, 1, 2), (0,)), mixed(document, other, (0, 1, 2), (1,))
    addresses = [each["assertionMethod"][-1] for each in (added, swapped)]
    forged = json.dumps(add_proof(bare, stolen.ed25519, addresses[0], written(now), BADGE_CONTEXTS))
    forged_jwt = as_jwt(read_jwt(token, BADGE_CONTEXTS)[1], stolen.p256, addresses[1], BADGE_CONTEXTS)
    alone = mixed(document, other, (0,), ())
    alone.pop("endorsement")
    rows = {
        "practice": (badge, document),
        "practice, as a JWT": (token, document),
        "did:key with its own key alone": (badge, alone),
        "did:key with a second key that signs": (forged, added),
        "did:key with another's key for JWTs": (forged_jwt, swapped),
        "did:key whose keys another signed for": (
            forged_jwt,
            {**swapped, "endorsement": other["endorsement"]},
        ),
    }
    lists = read_published(known.public).lists
    return tuple(
        Case(name, _form(text), text, tuple(x for x in lists if _form(x) == _form(text)), document=given)
        for name, (text, given) in rows.items()
    )


def mixed(document, other, own, foreign):
    """Return the document of an issuer with these of its keys, then these of another's under its name."""
    id = document["id"]
    renamed = [
        {**each, "id": each["id"].replace(other["id"], id, 1), "controller": id}
        for each in other["verificationMethod"]
    ]
    methods = [*(document["verificationMethod"][at] for at in own), *(renamed[at] for at in foreign)]
    return {**document, "verificationMethod": methods, "assertionMethod": [each["id"] for each in methods]}


def rewritten(badge):
    """Return texts that make the statements of a badge in other JSON: its proof still holds."""

    def changed(change):
        other = copy.deepcopy(badge)
        change(other["credentialSubject"])
        return json.dumps(other)

    return {
        "a flag rewritten as a text": changed(lambda s: s["identifier"][0].update(hashed="false")),
        "the score rewritten as a list": changed(
            lambda s: s["result"][1].update(value=[s["result"][1]["value"]])
        ),
        "the number rewritten as a list of it twice": changed(
            lambda s: s.update(licenseNumber=[s["licenseNumber"]] * 2)
        ),
    }


def make_files(good, revoked, foreign):
    """Return files whose badges are good, and certificates whose badges are not, of the folders of three."""
    for folder in (good, revoked, foreign):
        write_documents(folder, pdf=True)
    bad = {"revoked": revoked, "signed by a stranger": foreign}
    made = [
        File(f"certificate.{kind}, {name}", kind, (folder / f"certificate.{kind}").read_bytes())
        for name, folder in bad.items()
        for kind in ("pdf", "svg", "html")
    ]
    page = (good / "certificate.html").read_bytes()
    return (
        *files_of(good),
        *made,
        # What is seen says Eve; what is signed says Ada.
        File(
            "certificate.html, with another name on it", "html", page.replace(b"Ada Lovelace", b"Eve Mallory")
        ),
    )


def _released(at, months):
    return {"graded_at": written(at), "released_at": written(at), "valid_months": months}


def _form(text):
    return "json" if text.startswith("{") else "jwt"


def _bad_json(badge, keys, wrong, now):
    """Return texts of a badge with a proof, each changed in one way after it was signed."""

    def changed(change):
        other = copy.deepcopy(badge)
        change(other)
        return json.dumps(other)

    bare = {name: value for name, value in badge.items() if name != "proof"}
    method = badge["proof"]["verificationMethod"]
    forged = add_proof(bare, wrong.ed25519, method, written(now), BADGE_CONTEXTS)
    future = {**bare, "validFrom": written(now + timedelta(days=30))}
    crowded = copy.deepcopy(bare)
    crowded["credentialSubject"]["achievement"]["tag"] = [f"tag {number}" for number in range(500)]
    # Nobody signs this with labkit, which does not read so many either.
    config = {name: value for name, value in badge["proof"].items() if name != "proofValue"}
    value = "z" + base58_encode(keys.ed25519.sign(_hash_data(crowded, config)))
    return {
        **rewritten(badge),
        "500 tags, signed by the issuer": json.dumps({**crowded, "proof": {**config, "proofValue": value}}),
        "altered name": changed(lambda b: b["credentialSubject"]["identifier"][0].update(identityHash="Eve")),
        "altered score": changed(lambda b: b["credentialSubject"]["result"][1].update(value="99")),
        "altered expiry": changed(lambda b: b.update(validUntil="2099-01-01T00:00:00Z")),
        "altered signature": changed(lambda b: b["proof"].update(proofValue="z" + "2" * 87)),
        "status taken away": changed(lambda b: b.pop("credentialStatus")),
        "signed again with another key": json.dumps(forged),
        "signature stripped": changed(lambda b: b.pop("proof")),
        "contexts swapped": changed(lambda b: b.update({"@context": [BADGE_CONTEXTS[0]]})),
        "context of one's own added": changed(
            lambda b: b["@context"].append({"score": "https://e.example/s"})
        ),
        "member that no context defines": changed(
            lambda b: b["credentialSubject"].update(examProctored="no")
        ),
        "altered start": json.dumps({**future, "proof": badge["proof"]}),
        "proof for another purpose": changed(lambda b: b["proof"].update(proofPurpose="authentication")),
    }


def _bad_jwt(token, keys, wrong):
    """Return JWTs, each changed in one way, with or without a signature over the change."""
    from labkit.credentials.encoding import base64url_encode

    kid, document = read_jwt(token, BADGE_CONTEXTS)
    head, body, signature = token.split(".")
    payload = json.loads(base64url_decode(body))

    def changed(**changes):
        return ".".join([head, base64url_encode(json.dumps({**payload, **changes}).encode()), signature])

    def signed(content, header):
        from joserfc import jws
        from joserfc.jwk import ECKey

        from labkit.credentials.jwt import _pem

        return jws.serialize_compact(header, json.dumps(content).encode(), ECKey.import_key(_pem(keys.p256)))

    unsigned = base64url_encode(json.dumps({"alg": "none", "typ": "JWT", "kid": kid}).encode())
    header = {"alg": "ES256", "typ": "JWT", "kid": kid}
    return {
        "altered name": changed(name="Chief"),
        "altered expiry": changed(validUntil="2099-01-01T00:00:00Z", exp=4070908800),
        "altered signature": ".".join([head, body, base64url_encode(bytes(64))]),
        "signed again with another key": as_jwt(document, wrong.p256, kid, BADGE_CONTEXTS),
        "signature stripped": f"{unsigned}.{body}.",
        "contexts swapped": changed(**{"@context": [BADGE_CONTEXTS[0]]}),
        "claims that contradict the badge": signed({**payload, "sub": "urn:uuid:other"}, header),
        "member that no context defines": signed({**payload, "examProctored": "no"}, header),
    }
