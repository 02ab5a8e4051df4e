"""The verification page on a plain web server: a badge is dropped, and every answer stands there in words."""

import base64
import functools
import http.server
import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from labkit.credentials.documents import write_documents
from labkit.credentials.issuing import change_status, publish
from labkit.credentials.page import write_page
from tests.browser.conftest import violations
from tests.interop.corpus import ADA, make_files, mixed, rewritten
from tests.interop.test_verdicts import labkit_on_files
from tests.unit.badge_files import File
from tests.unit.offices import issued, office_at

DROP = """([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name, {type: 'application/json'}));
  document.dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


DROP_EACH = """async files => {
  const [taken, answer] = ['taken', 'answer'].map(id => document.getElementById(id));
  const said = [];
  for(const each of files) {
    taken.textContent = '';
    const bytes = Uint8Array.from(atob(each), letter => letter.charCodeAt(0));
    const transfer = new DataTransfer();
    // A name tells nothing: what a file is, is what it holds.
    transfer.items.add(new File([bytes], 'file'));
    document.dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
    while(!taken.textContent) {
      await new Promise(done => setTimeout(done, 2));
    }
    said.push([answer.hidden ? '' : document.getElementById('verdict').textContent, taken.textContent]);
  }
  return said;
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def serving(folder):
    """Serve plain files, and yield their address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def site(tmp_path):
    """What an issuer publishes, served as plain files, and the folder of one credential."""
    office, keys = office_at(tmp_path / "office")
    folder = issued(office, keys, at=datetime.now(UTC))
    write_page(office.public / "verify")
    with serving(office.public) as address:
        yield f"{address}/verify/", folder, (office, keys)


def _open(page, url):
    page.goto(url)
    page.wait_for_selector("html[data-ready=yes]")


def _answers(page):
    rows = page.locator("#checks li")
    return {
        rows.nth(at).get_attribute("data-check"): rows.nth(at).get_attribute("class")
        for at in range(rows.count())
    }


def _drop(page, name, text):
    page.evaluate("document.getElementById('answer').hidden = true")
    page.evaluate(DROP, [name, text])
    page.wait_for_selector("#answer:not([hidden])")


@pytest.mark.parametrize("form", ["badge.json", "badge.jwt"])
def test_a_good_badge_is_valid_and_an_altered_one_is_not(page, site, form):
    url, folder, _ = site
    _open(page, url)
    assert "Example exams" in page.inner_text("#source")
    # Once it is loaded the page asks nobody for anything.
    page.context.set_offline(True)
    good = (folder / form).read_text()
    page.fill("#recipient", "ada@example.org")
    _drop(page, form, good)
    assert page.inner_text("#verdict") == f"✓ {form} is valid"
    assert set(_answers(page).values()) == {"passed"}
    assert "Ada Lovelace" in page.inner_text("#who")
    assert violations(page, f"verify-good-{form.partition('.')[2]}") == []
    altered = good.replace('"81"', '"99"') if form == "badge.json" else good[:-6] + "AAAAA\n"
    assert altered != good
    _drop(page, form, altered)
    assert page.inner_text("#verdict") == f"✗ {form} is not valid"
    assert _answers(page) == dict.fromkeys(("signature", "issuer", "time", "status", "recipient"), "failed")
    assert "changed after it was signed" in page.inner_text("#checks")
    assert page.locator("#says").is_hidden()
    assert page.locator("#signed").is_hidden()
    assert violations(page, f"verify-altered-{form.partition('.')[2]}") == []


def test_a_revoked_badge_is_named_as_such_by_keyboard_too(page, site):
    url, folder, (office, keys) = site
    change_status(office, keys, "LK-0001", "revoked", "for the test")
    _open(page, url)
    page.focus("#files")
    page.set_input_files("#files", folder / "badge.json")
    page.wait_for_selector("#answer:not([hidden])")
    answers = _answers(page)
    assert answers.pop("status") == "failed"
    assert answers == {"signature": "passed", "issuer": "passed", "time": "passed", "recipient": "not-asked"}
    assert "It was revoked." in page.inner_text("#checks")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "recipient"
    page.keyboard.type("mallory@example.org")
    page.wait_for_selector("li[data-check=recipient].failed")


def test_keys_that_come_along_with_a_badge_are_not_believed_unasked(page, site, tmp_path):
    url, _, _ = site
    other, keys = office_at(tmp_path / "other", "did:web:evil.example")
    folder = issued(other, keys, at=datetime.now(UTC))
    publish(other, keys)
    _open(page, url)
    files = [
        folder / "badge.json",
        other.public / "issuer.json",
        *sorted((other.public / "status").glob("*.json")),
    ]
    page.set_input_files("#files", files)
    page.wait_for_selector("li[data-check=issuer].failed")
    assert "came along with the badge" in page.inner_text("#checks")
    page.check("#trust")
    page.wait_for_selector("li[data-check=issuer].passed")
    assert page.inner_text("#verdict").startswith("✓")


def test_a_forged_document_of_the_issuer_does_not_replace_the_published_one(page, site, tmp_path):
    url, _, _ = site
    forger, keys = office_at(tmp_path / "forger")
    folder = issued(forger, keys, at=datetime.now(UTC))
    files = [folder / "badge.json", forger.public / "issuer.json"]
    _open(page, url)
    page.check("#trust")
    page.set_input_files("#files", files)
    page.wait_for_selector("li[data-check=signature].failed")
    assert "none that the issuer publishes" in page.inner_text("#checks")


def test_a_practice_badge_is_verified_by_a_page_that_was_opened_from_the_disk(page, tmp_path):
    office, keys = office_at(tmp_path / "office", "")
    folder = issued(office, keys, at=datetime.now(UTC))
    write_page(office.public / "verify")
    page.watch.outside = _NotADisk()
    _open(page, (office.public / "verify" / "index.html").as_uri())
    lists = sorted((office.public / "status").glob("*.json"))
    page.set_input_files("#files", [folder / "badge.json", office.public / "issuer.json", *lists])
    page.wait_for_selector("li[data-check=issuer].failed")
    page.check("#practice")
    page.wait_for_selector("li[data-check=issuer].passed")
    assert page.inner_text("#verdict") == "✓ badge.json is valid"
    # Whoever passes the issuer's document on can put a key of their own into it.
    thief, _ = office_at(tmp_path / "thief", "")
    document = mixed(office.issuer.as_json(), thief.issuer.as_json(), (0, 2), (1,))
    _drop(page, "issuer.json", json.dumps(document))
    page.wait_for_selector("li[data-check=signature].failed")
    assert "did not sign for the other keys" in page.inner_text("#checks")


class _NotADisk(list):
    """What a page asks of others; files that it opened from the disk are not among them."""

    def append(self, address):
        if not address.startswith("file:"):
            super().append(address)


def test_a_certificate_is_taken_as_it_was_handed_out(page, site):
    url, folder, _ = site
    write_documents(folder, pdf=True)
    _open(page, url)
    page.context.set_offline(True)
    page.focus("#files")
    page.set_input_files("#files", folder / "certificate.pdf")
    page.wait_for_selector("#answer:not([hidden])")
    assert page.inner_text("#verdict") == "✓ The badge in certificate.pdf is valid"
    assert page.inner_text("#who").splitlines()[:2] == ["Ada Lovelace", "AI security practitioner"]
    assert "proves nothing" in page.inner_text("#inside")
    assert violations(page, "verify-certificate") == []
    # A badge that lies there by itself has no page around it.
    _drop(page, "badge.json", (folder / "badge.json").read_text())
    assert page.locator("#inside").is_hidden()


def test_the_page_says_the_same_as_labkit_about_every_file(page, site, tmp_path):
    url, good, (office, keys) = site
    revoked = issued(office, keys, at=datetime.now(UTC), number="LK-0002")
    change_status(office, keys, "LK-0002", "revoked", "for the test")
    foreign = issued(*office_at(tmp_path / "stranger", "did:web:stranger.example"), at=datetime.now(UTC))
    badge = json.loads((good / "badge.json").read_text())
    texts = {**rewritten(badge), "a crowd of tags": _crowded(badge)}
    others = [File(name, "json", text.encode()) for name, text in texts.items()]
    files = [*make_files(good, revoked, foreign), *others]
    _open(page, url)
    page.fill("#recipient", ADA)
    answers = page.evaluate(DROP_EACH, [base64.b64encode(each.content).decode() for each in files])
    says = {each.name: verdict.startswith("✓") for each, (verdict, _) in zip(files, answers, strict=True)}
    assert says == labkit_on_files(office.public, files)
    for each, (_, taken) in zip(files, answers, strict=True):
        assert ("not read" in taken) is bool(each.said), (each.name, taken)
        assert each.said in taken, (each.name, taken)
    # Chromium puts a note with a style into broken markup, which the rules of the page forbid.
    page.watch.errors[:] = [each for each in page.watch.errors if "Applying inline style" not in each]


def _crowded(badge):
    """Anybody can send it: tags would be compared with each other before a signature is looked at."""
    subject = badge["credentialSubject"]
    achievement = {**subject["achievement"], "tag": [f"tag {number}" for number in range(20_000)]}
    return json.dumps({**badge, "credentialSubject": {**subject, "achievement": achievement}})


def test_a_certificate_as_html_saves_its_badge_when_the_link_is_followed(page, site):
    _, folder, _ = site
    write_documents(folder, pdf=False)
    page.watch.outside = _NotADisk()
    page.goto((folder / "certificate.html").as_uri())
    with page.expect_download() as saved:
        page.click("text=save badge.json")
    assert saved.value.suggested_filename == "badge.json"
    assert Path(saved.value.path()).read_text() == (folder / "badge.json").read_text()


def test_a_member_that_nobody_signed_is_refused(page, site):
    url, folder, _ = site
    badge = json.loads((folder / "badge.json").read_text())
    badge["credentialSubject"]["examProctored"] = "yes"
    _open(page, url)
    _drop(page, "badge.json", json.dumps(badge))
    assert "credentialSubject.examProctored is defined by no context" in page.inner_text("#checks")
