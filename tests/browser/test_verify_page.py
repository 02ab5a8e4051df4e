"""The verification page on a plain web server: a badge is dropped, and every answer stands there in words."""

import functools
import http.server
import json
import threading
from datetime import UTC, datetime

import pytest

from labkit.credentials.issuing import change_status, publish
from labkit.credentials.page import write_page
from tests.browser.conftest import violations
from tests.unit.offices import issued, office_at

DROP = """([name, text]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([text], name, {type: 'application/json'}));
  document.dispatchEvent(new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
}"""


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def _serve(folder):
    handler = functools.partial(_Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


@pytest.fixture
def site(tmp_path):
    """What an issuer publishes, served as plain files, and the folder of one credential."""
    office, keys = office_at(tmp_path / "office")
    folder = issued(office, keys, at=datetime.now(UTC))
    write_page(office.public / "verify")
    server = _serve(office.public)
    office_keys = (office, keys)
    yield f"http://127.0.0.1:{server.server_port}/verify/", folder, office_keys
    server.shutdown()
    server.server_close()


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
    assert "Ada Lovelace" in page.inner_text("#facts")
    assert violations(page, f"verify-good-{form.partition('.')[2]}") == []
    altered = good.replace('"81"', '"99"') if form == "badge.json" else good[:-6] + "AAAAA\n"
    assert altered != good
    _drop(page, form, altered)
    assert page.inner_text("#verdict") == f"✗ {form} is not valid"
    assert _answers(page) == dict.fromkeys(("signature", "issuer", "time", "status", "recipient"), "failed")
    assert "changed after it was signed" in page.inner_text("#checks")
    assert page.locator("#says").is_hidden()
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


def test_a_member_that_nobody_signed_is_refused(page, site):
    url, folder, _ = site
    badge = json.loads((folder / "badge.json").read_text())
    badge["credentialSubject"]["examProctored"] = "yes"
    _open(page, url)
    _drop(page, "badge.json", json.dumps(badge))
    assert "no context defines" in page.inner_text("#checks")
