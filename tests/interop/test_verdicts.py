"""One table of verdicts: labkit, its page, @digitalbazaar/vc or jose, openbadgeslib, on the same corpus."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labkit.core.errors import DataFormatError
from labkit.credentials.encoding import base64url_encode, canonical_json
from labkit.credentials.issuer import issuer_from_json
from labkit.credentials.published import Published, read_published
from labkit.credentials.verify import verify
from tests.interop.corpus import ADA, Case, make_corpus, read_document

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "explanation" / "credentials.md"

STATUS_JSON = "openbadgeslib reads only status lists that are JWTs, so for this form it was not asked"
JOSE = "jose checks signature and times; what is in the credential is the caller's business"
SUSPENDED = (
    "a badge names one status list, as Open Badges 3.0 wants it; labkit looks for suspensions in the list "
    "beside it"
)
REWRITTEN = (
    "the proof is over the statements, and these are the same; labkit wants them in the JSON in which name "
    "and score are looked for"
)
TAGS = "labkit reads at most 400 values in a list, since that work comes before the signature"
MADE_UP = (
    "openbadgeslib compares the id of the subject; one that the issuer made up stands in the badge, so "
    "labkit takes it for nobody's"
)
NO_RECIPIENT = "@digitalbazaar/vc is not asked for a recipient"
EXPLAINED = {
    ("revoked", "json", "openbadgeslib"): STATUS_JSON,
    ("suspended", "json", "openbadgeslib"): STATUS_JSON,
    ("status list missing", "json", "openbadgeslib"): STATUS_JSON,
    ("status list stale", "json", "openbadgeslib"): STATUS_JSON,
    ("suspended", "json", "other"): SUSPENDED,
    ("suspended", "jwt", "openbadgeslib"): SUSPENDED,
    ("context of one's own added", "json", "other"): "@digitalbazaar/vc allows a context more that defines "
    "nothing that is used; labkit wants exactly the two it pins",
    (
        "member that no context defines",
        "jwt",
        "openbadgeslib",
    ): "a JWT signs every member, so openbadgeslib lets it be; labkit wants the two forms to say the same",
    ("wrong recipient", "json", "other"): NO_RECIPIENT,
    ("a flag rewritten as a text", "json", "other"): REWRITTEN,
    ("recipient read out of the badge", "json", "other"): NO_RECIPIENT,
    ("recipient read out of the badge", "json", "openbadgeslib"): MADE_UP,
    ("recipient read out of the badge", "jwt", "openbadgeslib"): MADE_UP,
    **{
        (case, "json", who): reason
        for case, reason in {
            "the score rewritten as a list": REWRITTEN,
            "the number rewritten as a list of it twice": REWRITTEN,
            "500 tags, signed by the issuer": TAGS,
        }.items()
        for who in ("other", "openbadgeslib")
    },
    **{
        (case, "jwt", "other"): JOSE
        for case in (
            "revoked",
            "suspended",
            "status list missing",
            "status list stale",
            "wrong recipient",
            "recipient read out of the badge",
            "member that no context defines",
        )
    },
}
"""Where a verifier says something else than labkit does, and why."""

FIRST = (
    "openbadgeslib takes the first element of that prefix, as the standard lets it; labkit wants one badge, "
    "whatever its prefix, in an SVG in UTF-8"
)
EXPLAINED_FILES = {
    "SVG with another prefix and an encoding that is not its own": FIRST,
    "SVG with two badges": FIRST,
    "SVG with both forms": FIRST,
    "SVG under another element": FIRST,
    "SVG in UTF-16": FIRST,
    "certificate.svg, revoked": STATUS_JSON,
}
"""Where openbadgeslib says something else about a picture than labkit does, and why."""


def _tool():
    spec = importlib.util.spec_from_file_location("node_packages", ROOT / "tools" / "node_packages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return make_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module")
def labkit_says(corpus):
    return {(each.name, each.form): _labkit(corpus, each) for each in corpus.cases}


@pytest.fixture(scope="module")
def labkit_says_of_practice(corpus):
    return {(each.name, each.form): _labkit(corpus, each) for each in corpus.practice}


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    """The page's sources beside the installed packages; skipped where there are none."""
    tool, work = _tool(), tmp_path_factory.mktemp("node")
    folder = tool.packages_folder()
    if shutil.which("node") is None or not (folder / "complete").exists():
        pytest.skip("node and its packages are not here: python tools/node_packages.py installs them")
    shutil.copytree(tool.SOURCES, work, dirs_exist_ok=True)
    shutil.copy(ROOT / "tests" / "interop" / "oracle.mjs", work)
    (work / "node_modules").symlink_to(folder / "node_modules", target_is_directory=True)
    return work


@pytest.fixture(scope="module")
def javascript_says(corpus, sources):
    issuer = corpus.issuer.as_json()
    badge = json.loads((corpus.folder / "badge.json").read_text())
    signature = json.loads((corpus.folder / "badge.signature.json").read_text())
    messages = [b"labkit badge v1\0" + canonical_json({**badge, **change}) for change in ({}, {"name": "x"})]
    asked = {
        "cases": [
            {
                "name": f"{each.name}|{each.form}",
                "form": each.form,
                "text": each.text,
                "issuer": each.document or issuer,
                "lists": {_address(text): text for text in each.lists},
                "recipient": each.recipient,
                "practice": each.document is not None,
            }
            for each in (*corpus.cases, *corpus.practice)
        ],
        "detached": [
            {"issuer": issuer, "signature": signature, "message": base64url_encode(each)} for each in messages
        ],
    }
    done = subprocess.run(
        [shutil.which("node"), "oracle.mjs"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=sources,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _address(text):
    return read_document(text)["id"]


def _labkit(corpus, case):
    try:
        own = case.document and issuer_from_json(json.dumps(case.document).encode())
    except DataFormatError:
        return False
    published = [Published(own or corpus.issuer, case.lists)]
    practice = own is not None
    return verify(case.text.encode(), published, recipient=case.recipient, practice=practice).valid


def labkit_on_files(public, files):
    """Return labkit's verdict about each file, by its name."""
    published = [read_published(public)]
    return {each.name: verify(each.content, published, recipient=ADA).valid for each in files}


def _openbadgeslib_on_picture(corpus, picture):
    """Return what openbadgeslib says about a picture, with the list of the form that it took out."""
    from openbadgeslib.errors import LibOpenBadgesException
    from openbadgeslib.ob3.verifier import OB3Verifier

    try:
        text = OB3Verifier.extract_token_from_svg(picture.content)
    except LibOpenBadgesException:
        return False
    form = "json" if text.lstrip().startswith("{") else "jwt"
    lists = next(each.lists for each in corpus.cases if (each.name, each.form) == ("good", form))
    return _openbadgeslib(corpus, Case(picture.name, form, text, lists))


def _openbadgeslib(corpus, case):
    from openbadgeslib.errors import LibOpenBadgesException
    from openbadgeslib.ob3.ldp import OB3LdpVerifier
    from openbadgeslib.ob3.verifier import OB3Verifier

    lists = {_address(text): text.encode() for text in case.lists}

    def download(address):
        return lists[address]

    # It compares the subject's own id, so for the right holder it is asked for that one.
    expected = _subject(case.text) if case.recipient == ADA else case.recipient
    try:
        if case.form == "json":
            verifier = OB3LdpVerifier(_pem(corpus.keys.ed25519), issuer_did=corpus.issuer.id)
            verifier.verify(case.text, expected_recipient=expected)
        else:
            verifier = OB3Verifier(_pem(corpus.keys.p256), issuer_did=corpus.issuer.id)
            verifier.verify(case.text, expected_recipient=expected, check_status=True, download=download)
    except (LibOpenBadgesException, ValueError, KeyError):
        return False
    return True


def _subject(text):
    return read_document(text)["credentialSubject"]["id"]


def _pem(key):
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _disagreements(labkit_says, says, who):
    return {
        (name, form, who) for (name, form), verdict in labkit_says.items() if says[name, form] is not verdict
    }


def test_labkit_accepts_the_good_ones_and_no_other(labkit_says):
    accepted = {name for (name, _), valid in labkit_says.items() if valid}
    assert accepted == {"good", "suspended, then reinstated"}
    assert {"good"} <= {name for (name, form), valid in labkit_says.items() if valid and form == "jwt"}


def test_a_did_key_speaks_for_no_key_that_it_did_not_sign_for(labkit_says_of_practice):
    accepted = {name for (name, _), valid in labkit_says_of_practice.items() if valid}
    assert accepted == {"practice", "practice, as a JWT", "did:key with its own key alone"}


def test_openbadgeslib_agrees_or_the_difference_is_explained(corpus, labkit_says):
    pytest.importorskip("openbadgeslib")
    says = {(each.name, each.form): _openbadgeslib(corpus, each) for each in corpus.cases}
    explained = {each for each in EXPLAINED if each[2] == "openbadgeslib"}
    assert _disagreements(labkit_says, says, "openbadgeslib") == explained


def test_openbadgeslib_takes_the_same_badge_out_of_a_picture_or_the_difference_is_explained(corpus):
    pytest.importorskip("openbadgeslib")
    says = labkit_on_files(corpus.public, corpus.files)
    pictures = [each for each in corpus.files if each.kind == "svg"]
    differs = {
        each.name for each in pictures if _openbadgeslib_on_picture(corpus, each) is not says[each.name]
    }
    assert differs == set(EXPLAINED_FILES)


def test_javascript_agrees_or_the_difference_is_explained(
    labkit_says, labkit_says_of_practice, javascript_says
):
    verdicts = {tuple(name.rsplit("|", 1)): each for name, each in javascript_says["verdicts"].items()}
    page = {case: each["page"] for case, each in verdicts.items()}
    assert _disagreements({**labkit_says, **labkit_says_of_practice}, page, "page") == set()
    other = {case: each["other"] for case, each in verdicts.items()}
    assert _disagreements(labkit_says, other, "other") == {each for each in EXPLAINED if each[2] == "other"}


def test_the_post_quantum_half_of_the_detached_signature_is_verified_by_noble(javascript_says):
    assert javascript_says["detached"] == [True, False]


def test_the_script_of_the_page_is_what_its_sources_build(sources, tmp_path):
    done = subprocess.run(
        [shutil.which("node"), "build.mjs", str(tmp_path)],
        capture_output=True,
        text=True,
        cwd=sources,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    for name in ("verify.js", "LICENSES.txt"):
        built, kept = (tmp_path / name).read_bytes(), (ROOT / "labkit/credentials/page" / name).read_bytes()
        assert built == kept, f"{name}: run python tools/node_packages.py --build"


def test_the_table_in_the_documentation_is_what_was_found(corpus, labkit_says, labkit_says_of_practice):
    block = re.search(r"<!-- verdicts: begin -->(.*?)<!-- verdicts: end -->", DOCS.read_text(), re.DOTALL)[1]
    verdicts = {**labkit_says, **labkit_says_of_practice}
    assert block.strip() == table(corpus, verdicts, labkit_on_files(corpus.public, corpus.files))


def table(corpus, labkit_says, file_verdicts):
    """Return the table of verdicts as Markdown, with a mark where somebody differs, and the reasons below."""
    reasons = list(dict.fromkeys([*EXPLAINED.values(), *EXPLAINED_FILES.values()]))
    lines = [
        "| credential | form | labkit and its page | @digitalbazaar/vc (json), jose (jwt) | openbadgeslib |",
        "|---|---|---|---|---|",
    ]
    for case in corpus.cases:
        verdict = labkit_says[case.name, case.form]
        cells = [_cell(verdict)]
        for who in ("other", "openbadgeslib"):
            reason = EXPLAINED.get((case.name, case.form, who))
            cells.append(_cell(not verdict) + f" ({reasons.index(reason) + 1})" if reason else _cell(verdict))
        lines.append(f"| {case.name} | {case.form} | {' | '.join(cells)} |")
    lines += [
        f"| {each.name} | {each.form} | {_cell(labkit_says[each.name, each.form])} | – | – |"
        for each in corpus.practice
    ]
    for name, kind, verdict in ((each.name, each.kind, file_verdicts[each.name]) for each in corpus.files):
        reason = EXPLAINED_FILES.get(name)
        cell = _cell(not verdict) + f" ({reasons.index(reason) + 1})" if reason else _cell(verdict)
        lines.append(f"| {name} | {kind} | {_cell(verdict)} | – | {cell if kind == 'svg' else '–'} |")
    return "\n".join([*lines, "", *(f"{at}. {each}." for at, each in enumerate(reasons, start=1))])


def _cell(valid):
    return "accepted" if valid else "refused"


if __name__ == "__main__":
    # python -m tests.interop.test_verdicts prints the table for the documentation.
    import tempfile

    made = make_corpus(Path(tempfile.mkdtemp()))
    verdicts = {(each.name, each.form): _labkit(made, each) for each in (*made.cases, *made.practice)}
    sys.stdout.write(table(made, verdicts, labkit_on_files(made.public, made.files)) + "\n")
