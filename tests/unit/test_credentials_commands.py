"""``labkit credential``: a whole life of a credential by commands, as scripts drive it."""

import json
import stat

import pytest

from labkit.cli import main
from labkit.credentials import keys as keys_module
from tests.unit.offices import AWARD, PASSWORD, award


@pytest.fixture
def desk(tmp_path, monkeypatch, capsys):
    """Run a command in JSON against an office of its own; returns the exit status and what was printed."""
    monkeypatch.setitem(keys_module._SCRYPT, "n", 2**10)
    monkeypatch.setenv("LABKIT_DATA", str(tmp_path / "data"))
    secret = tmp_path / "password"
    secret.write_text(PASSWORD + "\n")
    (tmp_path / "award.json").write_text(award(mode="practice"))

    def run(*words, password=True, code=0):
        extra = ["--password-file", str(secret)] if password else []
        assert main(["credential", *map(str, words), *extra, "--json"]) == code
        printed = capsys.readouterr()
        assert PASSWORD not in printed.out + printed.err
        return json.loads(printed.out) if printed.out else printed.err

    run.folder = tmp_path
    return run


def test_a_whole_life_for_practice(desk):
    made = desk("keygen", "--practice")
    assert made["id"].startswith("did:key:z6Mk")
    issued = desk("issue", desk.folder / "award.json")
    assert {"badge.json", "badge.jwt", "certificate.html", "certificate.svg"} <= set(issued["files"])
    badge = f"{issued['folder']}/badge.json"
    # Practice is not valid unless one says that it will do.
    refused = desk("verify", badge, password=False, code=1)
    assert refused["checks"]["issuer"]["state"] == "failed"
    good = desk("verify", badge, "--practice", "--recipient", "ada@example.org", password=False)
    assert good["valid"]
    assert {each["state"] for each in good["checks"].values()} == {"passed"}
    assert set(good["checks"]) == {
        "signature", "issuer", "time", "status", "recipient", "second signature", "log"
    }  # fmt: skip
    assert desk("suspend", AWARD["number"], "--reason", "asked")["state"] == "suspended"
    assert (
        desk("verify", badge, "--practice", password=False, code=1)["checks"]["status"]["state"] == "failed"
    )
    assert desk("suspend", AWARD["number"], "--lift", "--reason", "answered")["state"] == "valid"
    (desk.folder / "second.json").write_text(award(mode="practice", number="LK-0002"))
    renewed = desk("renew", AWARD["number"], desk.folder / "second.json")
    assert desk("verify", f"{renewed['folder']}/badge.jwt", "--practice", password=False)["valid"]
    assert desk("revoke", AWARD["number"], "--reason", "fraud")["state"] == "revoked"
    assert desk("verify", f"{issued['folder']}/badge.jwt", "--practice", password=False, code=1)
    events = [each["event"] for each in desk("log", password=False)["entries"]]
    assert events == ["issued", "suspended", "reinstated", "renewed", "revoked"]


def test_a_name_that_cannot_be_set_is_issued_all_the_same_and_said(desk):
    pytest.importorskip("typst")
    desk("keygen", "--practice")
    name = {"name": "Ada \U0001e290", "identifier": "ada@example.org"}
    (desk.folder / "award.json").write_text(award(mode="practice", candidate=name))
    issued = desk("issue", desk.folder / "award.json", "--pdf", code=1)
    assert issued["pdf"] is False
    assert "certificate.svg" in issued["files"]


def test_an_issuer_of_exams_by_commands(desk):
    office = desk.folder / "office"
    desk("keygen", "--id", "did:web:example.org", "--name", "Example", "--office", office)
    (desk.folder / "exam.json").write_text(award())
    said = desk("issue", desk.folder / "exam.json", "--office", office, code=2)
    assert "--supervision" in said
    folder = desk("issue", desk.folder / "exam.json", "--office", office, "--supervision", "unproctored")[
        "folder"
    ]
    report = desk("verify", f"{folder}/badge.json", "--issuer", office / "public", password=False)
    assert report["facts"]["mode"] == "unproctored"
    said = desk("issue", desk.folder / "exam.json", "--office", office, "--supervision", "proctored", code=2)
    assert "was issued before" in said
    published = desk("publish", "--office", office)
    assert published["checkpoint"]["size"] == 1
    assert (office / "public" / "verify" / "index.html").is_file()
    assert (office / "public" / "did.json").read_bytes() == (office / "public" / "issuer.json").read_bytes()


def test_nobody_is_trusted_who_was_not_named(desk):
    desk("keygen", "--practice")
    badge = desk("issue", desk.folder / "award.json")["folder"] + "/badge.json"
    elsewhere = desk.folder / "elsewhere"
    desk("keygen", "--id", "did:web:example.org", "--name", "Example", "--office", elsewhere)
    report = desk("verify", badge, "--practice", "--issuer", elsewhere / "public", password=False, code=1)
    assert report["checks"]["signature"]["state"] == "failed"


def test_proofs_of_the_log_by_commands(desk):
    desk("keygen", "--practice")
    first = desk("issue", desk.folder / "award.json")["folder"]
    (desk.folder / "second.json").write_text(award(mode="practice", number="LK-0002"))
    desk("issue", desk.folder / "second.json")
    growth = desk.folder / "growth.json"
    desk("log", "--since", f"{first}/badge.log.json", "--out", growth, password=False)
    assert desk("log", "--check-growth", growth, password=False) == {"problems": []}
    assert desk("log", "--check", password=False) == {"problems": []}
    proof = desk("log", "--prove", "LK-0002", password=False)
    assert proof["index"] == 1
    entries = desk.folder / "data" / "credentials" / "public" / "log" / "entries.jsonl"
    entries.write_text(entries.read_text().replace('"issued"', '"revoked"', 1))
    problems = desk("log", "--check", password=False, code=1)["problems"]
    assert any("not those that were signed" in each for each in problems)
    wrong = json.loads(growth.read_text())
    wrong["proof"] = ["00" * 32]
    growth.write_text(json.dumps(wrong))
    assert desk("log", "--check-growth", growth, password=False, code=1)["problems"]


def test_the_page_is_written_without_keys(desk):
    files = desk("page", desk.folder / "site" / "verify", password=False)["files"]
    assert sorted(each.name for each in (desk.folder / "site" / "verify").iterdir()) == sorted(files)
    page = (desk.folder / "site" / "verify" / "index.html").read_text()
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "<script>" not in page
    assert "style=" not in page


def test_keys_are_made_once_closed_and_sealed(desk):
    desk("keygen", "--practice")
    path = desk.folder / "data" / "credentials" / "keys.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    desk("issue", desk.folder / "award.json")
    assert stat.S_IMODE((path.parent / "register.jsonl").stat().st_mode) == 0o600
    # What is published can be read by a web server that runs as somebody else.
    published = list((path.parent / "public").rglob("*"))
    assert all(each.stat().st_mode & 0o004 for each in published)
    assert {"issuer.json", "index.html", "entries.jsonl"} <= {each.name for each in published}
    assert "not written over" in desk("keygen", "--practice", code=2)
    path.chmod(0o644)
    assert "others may read" in desk("issue", desk.folder / "award.json", code=2)


def test_a_wrong_password_is_said_to_be_lost_and_new_keys_need_none(desk):
    desk("keygen", "--id", "did:web:example.org", "--name", "Example")
    (desk.folder / "password").write_text("something else altogether\n")
    said = desk("publish", code=2)
    assert "A password that is lost is lost" in said.replace("\n", " ")
    desk("keygen", "--rotate")
    assert desk("publish")["public"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["keygen", "--id", "http://example.org/x", "--name", "x"], "did:web"),
        (["keygen", "--id", "did:key:z6Mkx", "--name", "x"], "did:web"),
        (["keygen", "--id", "did:web:example.org"], "--name"),
        (["keygen", "--practice", "--stolen"], "--rotate"),
        (["keygen", "--rotate"], "no issuer's office"),
        (["issue", "missing.json"], "cannot read"),
        (["publish"], "no issuer's office"),
    ],
)
def test_what_cannot_be_done_is_said_and_ends_in_two(desk, words, said):
    assert said in desk(*words, code=2)


def test_without_a_terminal_and_without_a_file_nobody_is_asked(desk, monkeypatch):
    import io

    desk("keygen", "--practice")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert "--password-file" in desk("publish", password=False, code=2)


def test_a_short_or_empty_password_makes_no_keys(desk):
    for content in ("", "\n", "short\n"):
        (desk.folder / "password").write_text(content)
        desk("keygen", "--practice", code=2)
    assert not (desk.folder / "data" / "credentials" / "keys.json").exists()
