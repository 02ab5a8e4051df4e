"""The gradebook, on SQLite and on a real PostgreSQL server alike."""

# ruff: noqa: S608 - what is put together here are names of our own tables

import copy
import csv
import hashlib
import io
import json
import subprocess
import sys
import threading
import zipfile

import pytest
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DBAPIError

from labkit.cli import main
from labkit.core.errors import DataFormatError, IntegrityError, InvalidInputError, StorageError
from labkit.exams.aligning import aligned, alignments_of
from labkit.exams.blueprint import read_blueprint
from labkit.exams.records import (
    add_candidates,
    add_officer,
    add_sheets,
    answer_appeal,
    as_csv,
    award_of,
    check_chain,
    check_pack,
    erase_candidate,
    officers,
    open_appeal,
    open_records,
    practice_award,
    read_sheet,
    read_sheets,
    release,
    results,
    sheet_of,
    tickets,
    upgrade,
)
from labkit.exams.records.models import SEALED, Base
from labkit.exams.statistics import simulate_sheets
from tests.unit.postgres import postgres_server

BLUEPRINT = read_blueprint()
COHORT = simulate_sheets(BLUEPRINT, 12, 3)


@pytest.fixture(scope="session")
def server():
    with postgres_server() as url:
        yield url


def _make(server, name):
    """Make a database on the server, and return its address."""
    engine = create_engine(f"{server}/postgres".replace("://", "+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}"


@pytest.fixture(scope="session")
def gradebook(server):
    url = _make(server, "gradebook")
    upgrade(url)
    return url


def _empty(url):
    """Empty a gradebook as only the owner of the server can: with its triggers asleep."""
    engine = create_engine(url.replace("://", "+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text(f"TRUNCATE officer, candidate, {', '.join(SEALED)} RESTART IDENTITY"))
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.sqlite'}"
    url = request.getfixturevalue("gradebook")
    _empty(url)
    return url


@pytest.fixture
def records(url):
    with open_records(url) as opened:
        for who, role in (
            ("Gina", "grader"),
            ("Gina", "releaser"),
            ("Rolf", "releaser"),
            ("Anna", "appeals"),
            ("Gina", "appeals"),
            ("Rolf", "appeals"),
        ):
            add_officer(opened, who, role)
        yield opened


def _sheets(count=12, **changes):
    return [sheet_of({**copy.deepcopy(each), **changes}) for each in COHORT[:count]]


def _passing():
    return next(each for each in _sheets() if each.is_passed)


def _released(records, sheet):
    add_sheets(records, [sheet], BLUEPRINT, by="gina")
    release(records, [sheet.session], by="rolf")


def _raw(records, statement):
    """Run SQL as the owner of the gradebook would, past our code."""
    with records.engine.connect() as connection:
        connection.exec_driver_sql(statement)
        connection.commit()


def test_the_tables_are_those_of_the_models(records):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with records.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
        assert set(SEALED) < set(inspect(connection).get_table_names())


def test_a_migration_can_run_again(url):
    first = upgrade(url)
    assert upgrade(url) == first


def test_sheets_are_entered_once(records):
    sheets = _sheets()
    assert {each.outcome for each in add_sheets(records, sheets, BLUEPRINT, by="Gina")} == {"added"}
    length = check_chain(records).length
    again = [
        sheet_of({**each.content, "graded_at": "2027-01-01T00:00:00+00:00", "grader": "9"}) for each in sheets
    ]
    assert {each.outcome for each in add_sheets(records, again, BLUEPRINT, by=" GINA ")} == {"known"}
    assert check_chain(records).length == length
    assert len(results(records)) == len(sheets)


def test_another_result_for_the_same_envelope_needs_an_appeal(records):
    sheet = _passing()
    add_sheets(records, [sheet], BLUEPRINT, by="gina")
    content = copy.deepcopy(dict(sheet.content))
    content["total"]["share"] = 1.0
    [found] = add_sheets(records, [sheet_of(content)], BLUEPRINT, by="gina")
    assert found.outcome == "refused"
    assert "appeal" in found.why
    assert results(records)[0].share == pytest.approx(sheet.share)


def test_one_sheet_that_is_refused_does_not_stop_the_others(records):
    sheets = _sheets(4)
    sheets[1] = sheet_of({**sheets[1].content, "blueprint": "1999.1"})
    outcomes = [each.outcome for each in add_sheets(records, sheets, BLUEPRINT, by="gina")]
    assert outcomes == ["added", "refused", "added", "added"]


def test_a_second_envelope_of_a_session_is_refused_when_the_first_counts(records):
    sheet = _passing()
    add_sheets(records, [sheet], BLUEPRINT, by="gina")
    other = sheet_of({**sheet.content, "envelope_sha256": "f" * 64})
    assert add_sheets(records, [other], BLUEPRINT, by="gina")[0].outcome == "refused"


def test_an_envelope_that_was_not_verified_never_passes_and_gives_way_to_one_that_is(records):
    sheet = _passing()
    late = {**sheet.content["verified"], "deadline": False, "reasons": ["late"]}
    first = sheet_of({**sheet.content, "verified": late, "envelope_sha256": "e" * 64})
    add_sheets(records, [first], BLUEPRINT, by="gina")
    assert [(each.passed, each.verified) for each in results(records)] == [(False, False)]
    assert add_sheets(records, [sheet], BLUEPRINT, by="gina")[0].outcome == "added"
    assert [(each.passed, each.verified) for each in results(records)] == [(True, True)]


def test_a_session_belongs_to_one_candidate(records):
    sheet = _passing()
    late = {**sheet.content["verified"], "nonce": False}
    add_sheets(
        records,
        [sheet_of({**sheet.content, "verified": late, "envelope_sha256": "e" * 64})],
        BLUEPRINT,
        by="gina",
    )
    [found] = add_sheets(records, [sheet_of({**sheet.content, "candidate": "mallory"})], BLUEPRINT, by="gina")
    assert "belongs to" in found.why


def test_only_officers_act_each_in_their_role(records):
    sheet = _passing()
    with pytest.raises(InvalidInputError, match="role grader, got 'Rolf'; who has it: gina"):
        add_sheets(records, [sheet], BLUEPRINT, by="Rolf")
    with pytest.raises(InvalidInputError, match="role releaser"):
        release(records, [sheet.session], by="nobody at all")
    assert ("rolf", "Rolf", "releaser") in officers(records)
    assert not add_officer(records, "ROLF", "releaser")


def test_who_graded_does_not_release_under_any_spelling(records):
    sheet = _passing()
    add_sheets(records, [sheet], BLUEPRINT, by="gina")
    for spelling in ("gina", "GINA", " Ｇｉｎａ "):
        [found] = release(records, [sheet.session], by=spelling)
        assert found.outcome == "refused"
        assert "second person" in found.why
    assert results(records)[0].state == "waiting"


def test_a_candidate_releases_nothing_of_their_own(records):
    sheet = sheet_of({**_passing().content, "candidate": "Rolf"})
    add_sheets(records, [sheet], BLUEPRINT, by="gina")
    [found] = release(records, [sheet.session], by="rolf")
    assert "is the candidate" in found.why
    [refused] = add_sheets(
        records,
        [sheet_of({**sheet.content, "candidate": "GINA", "session": "s2", "envelope_sha256": "a" * 64})],
        BLUEPRINT,
        by="gina",
    )
    assert "another grader" in refused.why


@pytest.mark.parametrize("who", ["gina", "candidate"])
def test_the_database_refuses_a_release_by_the_same_person_without_our_code(records, who):
    sheet = _passing()
    add_sheets(records, [sheet], BLUEPRINT, by="gina")
    by = sheet.candidate if who == "candidate" else who
    with pytest.raises(DBAPIError, match="second person"):
        _raw(
            records,
            f"INSERT INTO release (decision, released_by, released_at) SELECT id, '{by}', '' FROM decision",
        )
    _raw(
        records,
        "INSERT INTO release (decision, released_by, released_at) SELECT id, 'rolf', '' FROM decision",
    )


def test_a_release_makes_the_award_that_a_credential_is_issued_from(records, tmp_path):
    sheet = _passing()
    names = tmp_path / "names.csv"
    names.write_text(f"identifier,name\n{sheet.candidate},Ada Lovelace\n")
    assert add_candidates(records, names) == 1
    assert add_candidates(records, names) == 0
    forms = {sheet.envelope_sha256: "c" * 64}
    add_sheets(records, [sheet], BLUEPRINT, by="gina", commitments=forms)
    with pytest.raises(InvalidInputError, match="not released"):
        award_of(records, sheet.session)
    [found] = release(records, [sheet.session], by="rolf")
    award = award_of(records, sheet.session)
    assert award["candidate"] == {"name": "Ada Lovelace", "identifier": sheet.candidate}
    assert award["number"] == found.number
    assert award["released_by"] == ["Gina", "Rolf"]
    assert award["form_commitment"] == f"form-sha256:{'c' * 64}"
    assert award["sheet_sha256"] == sheet.digest
    assert (award["passed"], award["mode"], award["valid_months"]) == (True, "exam", BLUEPRINT.valid_months)
    assert award["standards"] == aligned(alignments_of(BLUEPRINT), sheet.content["domains"])
    assert {"id": "nist-ai-rmf", "edition": "AI RMF 1.0 (January 2023)"} in award["standards"]
    assert all(0 <= share <= 1 for share in award["domains"].values())
    assert json.loads(json.dumps(award)) == award


def test_what_is_released_twice_keeps_its_number(records):
    sheet = _passing()
    _released(records, sheet)
    first = award_of(records, sheet.session)
    [again] = release(records, [sheet.session], by="rolf")
    assert (again.outcome, again.number) == ("known", first["number"])
    assert award_of(records, sheet.session) == first


def test_who_did_not_pass_gets_a_result_and_no_award(records):
    sheet = next(each for each in _sheets() if not each.is_passed)
    add_sheets(records, [sheet], BLUEPRINT, by="gina")
    [found] = release(records, [sheet.session, "no such session"], by="rolf")[:1]
    assert (found.outcome, found.passed, found.number) == ("released", False, None)
    with pytest.raises(InvalidInputError, match="did not pass"):
        award_of(records, sheet.session)


def test_a_rehearsal_is_not_released(records):
    sheet = sheet_of({**_passing().content, "mode": "rehearsal"})
    add_sheets(records, [sheet], BLUEPRINT, by="gina")
    assert "rehearsal" in release(records, [sheet.session], by="rolf")[0].why


@pytest.mark.parametrize("table", SEALED)
@pytest.mark.parametrize("verb", ["UPDATE", "DELETE"])
def test_rows_of_a_sealed_table_are_never_changed(gradebook_with_everything, table, verb):
    records, key = gradebook_with_everything
    column = inspect(records.engine).get_columns(table)[-1]["name"]
    statement = {"UPDATE": f"UPDATE {table} SET {column} = {column}", "DELETE": f"DELETE FROM {table}"}[verb]
    with pytest.raises(DBAPIError, match="append-only"):
        _raw(records, statement)
    if verb == "DELETE" and key == "sqlite":
        with pytest.raises(DBAPIError, match="append-only"):
            _raw(records, f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    if verb == "DELETE" and key == "postgresql":
        with pytest.raises(DBAPIError, match="append-only"):
            _raw(records, f"TRUNCATE {table} CASCADE")


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def gradebook_with_everything(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sealed")
    if request.param == "sqlite":
        url = f"sqlite:///{folder / 'records.sqlite'}"
    else:
        url = _make(request.getfixturevalue("server"), "sealed")
        upgrade(url)
    with open_records(url) as records:
        for who, role in (("gina", "grader"), ("rolf", "releaser"), ("anna", "appeals")):
            add_officer(records, who, role)
        envelope, sheet = _envelope(folder)
        _released(records, sheet)
        open_appeal(records, sheet.session, reason="T5", by="anna", envelope=envelope, out=folder)
        yield records, request.param


def test_a_replace_is_refused_without_the_settings_of_our_connections(tmp_path):
    import sqlite3

    file = tmp_path / "records.sqlite"
    with open_records(str(file)) as records:
        add_officer(records, "gina", "grader")
        add_sheets(records, _sheets(2), BLUEPRINT, by="gina")
    bare = sqlite3.connect(file)
    try:
        for statement in (
            "INSERT OR REPLACE INTO event SELECT n, at, kind, subject, 'x', '', previous, digest FROM event",
            "REPLACE INTO score_sheet SELECT * FROM score_sheet",
            "UPDATE OR REPLACE decision SET passed = 1",
        ):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                bare.execute(statement)
    finally:
        bare.close()


def test_the_chain_finds_what_somebody_changed_who_owns_the_file(tmp_path):
    import sqlite3

    file = tmp_path / "records.sqlite"
    with open_records(str(file)) as records:
        add_officer(records, "gina", "grader")
        add_sheets(records, _sheets(3), BLUEPRINT, by="gina")
        before = check_chain(records)
        assert before.broken_at is None
        assert check_chain(records, length=before.length, head=before.head).broken_at is None
        owner = sqlite3.connect(file)
        owner.execute("DROP TRIGGER event_no_update")
        owner.execute("UPDATE event SET payload = payload || ' ' WHERE n = 3")
        owner.commit()
        owner.close()
        assert check_chain(records).broken_at == 3


def test_a_chain_that_was_cut_or_made_anew_is_not_the_one_whose_head_was_kept(tmp_path):
    with open_records(str(tmp_path / "a.sqlite")) as records:
        add_officer(records, "gina", "grader")
        add_sheets(records, _sheets(3), BLUEPRINT, by="gina")
        kept = check_chain(records)
    with open_records(str(tmp_path / "b.sqlite")) as records:
        add_officer(records, "gina", "grader")
        add_sheets(records, _sheets(1), BLUEPRINT, by="gina")
        assert check_chain(records).broken_at is None
        assert (
            check_chain(records, length=kept.length, head=kept.head).broken_at
            == check_chain(records).length + 1
        )
        assert check_chain(records, length=2, head=kept.head).broken_at == 2


def test_two_that_write_at_once_make_one_chain(records, url):
    sheets = _sheets()

    def enter(part):
        with open_records(url) as mine:
            add_sheets(mine, part, BLUEPRINT, by="gina")

    threads = [
        threading.Thread(target=enter, args=(part,)) for part in (sheets[:8], sheets[4:], sheets[::-1])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    state = check_chain(records)
    assert state.broken_at is None
    assert len(results(records)) == len(sheets)
    # Six officers; and each sheet graded and decided once.
    assert state.length == 6 + 2 * len(sheets)


def _envelope(folder, **changes):
    """Return an envelope and the sheet of it."""
    path = folder / "submission.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("manifest.json", "{}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return path, sheet_of({**copy.deepcopy(dict(_passing().content)), "envelope_sha256": digest, **changes})


def test_an_appeal_freezes_what_was_judged(records, tmp_path):
    envelope, sheet = _envelope(tmp_path)
    add_sheets(records, [sheet], BLUEPRINT, by="gina")
    told = {
        "reason": "T5 was measured wrongly",
        "by": "anna",
        "envelope": envelope,
        "out": tmp_path / "evidence",
    }
    with pytest.raises(InvalidInputError, match="not released"):
        open_appeal(records, sheet.session, **told)
    release(records, [sheet.session], by="rolf")
    ticket, path = open_appeal(records, sheet.session, **told)
    assert (ticket.state, ticket.pack_sha256) == ("opened", hashlib.sha256(path.read_bytes()).hexdigest())
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(held.pop("manifest.json"))["files"]
    assert manifest == {name: hashlib.sha256(content).hexdigest() for name, content in held.items()}
    assert held["submission.zip"] == envelope.read_bytes()
    assert sheet_of(json.loads(held["sheet.json"])).digest == sheet.digest
    assert [each["kind"] for each in json.loads(held["history.json"])] == ["graded", "decided", "released"]
    assert json.loads(held["versions.json"])["graded with labkit"] == sheet.grader
    assert check_pack(records, path).id == ticket.id
    with pytest.raises(InvalidInputError, match="is open"):
        open_appeal(records, sheet.session, **told)
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(IntegrityError, match="altered"):
        check_pack(records, path)


def test_an_appeal_takes_only_the_envelope_that_was_graded(records, tmp_path):
    envelope, sheet = _envelope(tmp_path)
    _released(records, sheet)
    envelope.write_bytes(b"another")
    with pytest.raises(IntegrityError, match="not the envelope"):
        open_appeal(records, sheet.session, reason="no", by="anna", envelope=envelope, out=tmp_path)
    assert tickets(records) == []


def test_an_appeal_is_decided_by_somebody_who_had_no_part(records, tmp_path):
    envelope, sheet = _envelope(tmp_path)
    _released(records, sheet)
    ticket, _ = open_appeal(records, sheet.session, reason="T5", by="gina", envelope=envelope, out=tmp_path)
    for who, part in (("gina", "graded it|decided it"), ("rolf", "released it")):
        with pytest.raises(InvalidInputError, match=part):
            answer_appeal(records, ticket.id, "review", by=who, why="looked at it")
    with pytest.raises(InvalidInputError, match="expected review, withdrawn"):
        answer_appeal(records, ticket.id, "rejected", by="anna", why="no")
    answer_appeal(records, ticket.id, "review", by="anna", why="reading")
    done = answer_appeal(records, ticket.id, "rejected", by="anna", why="measured again: the same")
    assert (done.state, done.due, done.note) == ("rejected", None, "measured again: the same")
    with pytest.raises(InvalidInputError, match="it is closed"):
        answer_appeal(records, ticket.id, "review", by="anna", why="again")
    assert award_of(records, sheet.session)["sheet_sha256"] == sheet.digest


def test_an_upheld_appeal_makes_a_decision_that_is_released_again(records, tmp_path):
    failing = next(each for each in _sheets() if not each.is_passed)
    envelope, sheet = _envelope(
        tmp_path, **{k: v for k, v in failing.content.items() if k != "envelope_sha256"}
    )
    _released(records, sheet)
    ticket, _ = open_appeal(records, sheet.session, reason="T5", by="anna", envelope=envelope, out=tmp_path)
    answer_appeal(records, ticket.id, "review", by="anna", why="reading")
    content = copy.deepcopy(dict(sheet.content))
    content["decision"]["passed"] = True
    corrected = sheet_of(content)
    with pytest.raises(InvalidInputError, match="corrected score sheet"):
        answer_appeal(records, ticket.id, "upheld", by="anna", why="the grader erred")
    with pytest.raises(InvalidInputError, match="what the first one says"):
        answer_appeal(records, ticket.id, "upheld", by="anna", why="same", sheet=sheet)
    other = sheet_of({**content, "envelope_sha256": "d" * 64})
    with pytest.raises(InvalidInputError, match="same session and envelope"):
        answer_appeal(records, ticket.id, "upheld", by="anna", why="other", sheet=other)
    answer_appeal(records, ticket.id, "upheld", by="anna", why="the grader erred", sheet=corrected)
    assert [(each.state, each.passed, each.decided_by) for each in results(records)] == [
        ("waiting", True, "anna")
    ]
    add_officer(records, "anna", "releaser")
    assert "second person" in release(records, [sheet.session], by="anna")[0].why
    assert release(records, [sheet.session], by="rolf")[0].passed
    assert award_of(records, sheet.session)["sheet_sha256"] == corrected.digest


def test_the_database_refuses_an_appeal_decided_by_who_had_a_part(records, tmp_path):
    envelope, sheet = _envelope(tmp_path)
    _released(records, sheet)
    open_appeal(records, sheet.session, reason="T5", by="anna", envelope=envelope, out=tmp_path)
    insert = (
        "INSERT INTO decision (session, sheet, passed, decided_by, decided_at, appeal) "
        f"SELECT '{sheet.session}', '{sheet.digest}', passed, '%s', '', (SELECT id FROM appeal) FROM decision"
    )
    for who in ("gina", "rolf"):
        with pytest.raises(DBAPIError, match="another person decides"):
            _raw(records, insert % who)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("\uff1dcmd|' /C calc'!A0", "'\uff1dcmd|' /C calc'!A0"),
        ("Ada;=cmd|'/C calc'!A0;", "Ada;'=cmd|'/C calc'!A0;"),
    ],
)
def test_results_are_exported_without_anything_that_a_spreadsheet_would_run(records, tmp_path, name, written):
    sheet = _passing()
    names = tmp_path / "names.csv"
    names.write_text(f'identifier,name\n{sheet.candidate},"{name}"\n', encoding="utf-8")
    add_candidates(records, names)
    _released(records, sheet)
    [row] = csv.DictReader(io.StringIO(as_csv(results(records))))
    assert row["name"] == written
    assert (row["passed"], row["state"], row["released_by"]) == ("yes", "released", "rolf")
    assert float(row["share"]) == pytest.approx(sheet.share, abs=1e-4)
    assert {"D1", "D7"} <= set(row)


def test_a_name_can_be_erased_and_the_result_stays(records, tmp_path):
    sheet = _passing()
    _released(records, sheet)
    names = tmp_path / "names.csv"
    names.write_text(f"identifier,name\n{sheet.candidate},Ada\n")
    assert add_candidates(records, names) == 1
    assert results(records)[0].name == "Ada"
    erase_candidate(records, sheet.candidate, by="gina")
    assert add_candidates(records, names) == 0
    [row] = results(records)
    assert (row.name, row.candidate, row.passed) == ("", sheet.candidate, True)
    with pytest.raises(InvalidInputError, match="was erased"):
        award_of(records, sheet.session)
    assert check_chain(records).broken_at is None


MAY = {
    "labkit_reader": set(),
    "labkit_grader": {"exam", "candidate", "session", "submission", "score_sheet", "decision", "event"},
    "labkit_releaser": {"release", "credential_number", "event"},
    "labkit_appeals": {"submission", "score_sheet", "decision", "appeal", "appeal_step", "event"},
}


@pytest.fixture(scope="session")
def accounts(server):
    url = _make(server, "roles")
    upgrade(url)
    engine = create_engine(url.replace("://", "+psycopg://"))
    with engine.begin() as connection:
        for role in MAY:
            connection.execute(text(f"CREATE ROLE the_{role} LOGIN IN ROLE {role}"))
    engine.dispose()
    return url


class TestRoles:
    """Accounts of a server: what each may do, whatever code it runs."""

    def _as(self, accounts, role):
        return accounts.replace("owner@", f"the_{role}@")

    @pytest.mark.parametrize("role", sorted(MAY))
    def test_no_account_changes_or_deletes_and_each_inserts_only_its_own(self, accounts, role):
        engine = create_engine(self._as(accounts, role).replace("://", "+psycopg://"))
        with engine.connect() as connection:
            for table in ("officer", "candidate", *SEALED):
                rights = {
                    verb: connection.execute(
                        text("SELECT has_table_privilege(:table, :verb)"), {"table": table, "verb": verb}
                    ).scalar_one()
                    for verb in ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE")
                }
                assert rights == {
                    "SELECT": True,
                    "INSERT": table in MAY[role],
                    "UPDATE": False,
                    "DELETE": False,
                    "TRUNCATE": False,
                }
            with pytest.raises(DBAPIError, match="permission denied"):
                connection.execute(text("UPDATE event SET kind = 'nothing'"))
        engine.dispose()

    def test_a_result_goes_through_three_accounts(self, accounts, tmp_path):
        envelope, sheet = _envelope(tmp_path)
        with open_records(accounts) as owner:
            for who, role in (
                ("gina", "grader"),
                ("rolf", "releaser"),
                ("rolf", "grader"),
                ("anna", "appeals"),
            ):
                add_officer(owner, who, role)
        with open_records(self._as(accounts, "labkit_grader")) as records:
            assert add_sheets(records, [sheet], BLUEPRINT, by="gina")[0].outcome == "added"
            with pytest.raises(StorageError, match="permission denied"):
                release(records, [sheet.session], by="rolf")
            with pytest.raises(StorageError, match="permission denied"):
                add_officer(records, "mallory", "releaser")
        with open_records(self._as(accounts, "labkit_releaser")) as records:
            with pytest.raises(StorageError, match="permission denied"):
                add_sheets(
                    records,
                    [sheet_of({**sheet.content, "session": "s9", "envelope_sha256": "9" * 64})],
                    BLUEPRINT,
                    by="rolf",
                )
            assert release(records, [sheet.session], by="rolf")[0].outcome == "released"
        with open_records(self._as(accounts, "labkit_appeals")) as records:
            open_appeal(records, sheet.session, reason="T5", by="anna", envelope=envelope, out=tmp_path)
        with open_records(self._as(accounts, "labkit_reader")) as records:
            assert check_chain(records).broken_at is None
            assert [each.state for each in results(records)] == ["released"]
            with pytest.raises(StorageError, match="permission denied"):
                erase_candidate(records, sheet.candidate, by="x")

    def test_a_server_without_tables_says_who_makes_them(self, server):
        url = _make(server, "empty")
        with pytest.raises(StorageError, match="exam release migrate"):
            open_records(url)


def test_a_server_that_is_away_is_said_to_be():
    with pytest.raises(StorageError, match="cannot be used"):
        open_records("postgresql://nobody@127.0.0.1:1/none")


@pytest.mark.parametrize("url", ["mysql://a:secret@b/c", "nonsense://", "://"])
def test_another_kind_of_database_is_refused_and_no_password_is_shown(url):
    with pytest.raises(InvalidInputError, match="expected the gradebook as") as error:
        open_records(url)
    assert "secret" not in str(error.value)


def test_a_file_that_is_no_gradebook_is_refused(tmp_path):
    path = tmp_path / "records.sqlite"
    path.write_bytes(b"not a database, and long enough to be looked at" * 50)
    with pytest.raises(StorageError, match="not a database"):
        open_records(str(path))


def test_a_practice_award_says_that_nobody_else_was_there():
    sheet = sheet_of({**_passing().content, "mode": "practice"})
    award = practice_award(sheet, BLUEPRINT, name="Ada")
    assert (award["mode"], award["released_by"], award["candidate"]["name"]) == ("practice", [], "Ada")
    with pytest.raises(InvalidInputError, match="practice"):
        practice_award(_passing(), BLUEPRINT, name="Ada")
    failed = sheet_of({**next(each for each in _sheets() if not each.is_passed).content, "mode": "practice"})
    with pytest.raises(InvalidInputError, match="passed"):
        practice_award(failed, BLUEPRINT, name="Ada")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version 1"),
        ({"session": 7}, "'session' as a text"),
        ({"candidate": {}}, "identifier"),
        ({"mode": "easy"}, "mode practice, exam, rehearsal"),
        ({"total": {"points": 10, "earned": 11, "share": 1}}, "earned from 0 to points"),
        ({"total": {"points": 10, "earned": 1, "share": 1.2}}, "total.share"),
        ({"tasks": [{"slot": "T1"}]}, "task 1"),
        ({"items": [{"id": "a", "domain": "D1", "kind": "single", "points": 1, "credit": True}]}, "credit"),
        ({"decision": {"passed": 1}}, "decision.passed"),
        ({"domains": {"D1": None}}, "domain D1"),
    ],
)
def test_a_sheet_that_is_none_is_refused_with_the_place(tmp_path, change, message):
    path = tmp_path / "sheet.json"
    path.write_text(json.dumps({**COHORT[0], **change}))
    with pytest.raises(DataFormatError, match=message) as error:
        read_sheet(path)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("candidate", "identifier", "name"),
    [
        ("ada@example.org", "ada@example.org", "ada@example.org"),
        ({"name": "Ada", "identifier": "a-1"}, "a-1", "Ada"),
        ({"name": "local", "identifier": ""}, "local", "local"),
        ({"identifier": "a-1"}, "a-1", "a-1"),
    ],
)
def test_a_candidate_is_known_by_identifier_or_else_by_name(candidate, identifier, name):
    sheet = sheet_of({**COHORT[0], "candidate": candidate})
    assert (sheet.candidate, sheet.candidate_name) == (identifier, name)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no strict JSON"),
        (b"[]", "a JSON object"),
        (b'{"version": 1, "version": 1}', "version.*twice"),
        (b'{"version": NaN}', "NaN"),
        (b"\xff\xfe", "no strict JSON"),
        (b"[" * 100000, "nested deeper"),
    ],
)
def test_a_file_that_is_no_strict_json_is_refused(tmp_path, content, message):
    path = tmp_path / "sheet.json"
    path.write_bytes(content)
    with pytest.raises(DataFormatError, match=message):
        read_sheet(path)


def test_sheets_of_a_folder_are_read_each_envelope_once(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.json").write_text(json.dumps(COHORT[0]))
    assert len(read_sheets([tmp_path])) == 1
    (tmp_path / "b.json").write_text(json.dumps({**COHORT[0], "flags": ["another"]}))
    with pytest.raises(DataFormatError, match="the same envelope"):
        read_sheets([tmp_path])
    with pytest.raises(DataFormatError, match="found none"):
        read_sheets([tmp_path / "b.json" / ".."][:0])


class TestCommand:
    """``labkit exam release``."""

    @pytest.fixture(autouse=True)
    def _gradebook(self, tmp_path, monkeypatch):
        monkeypatch.setenv("LABKIT_RECORDS", str(tmp_path / "records.sqlite"))

    def _run(self, capsys, *words):
        status = main(["exam", "release", *map(str, words)])
        said = capsys.readouterr()
        return status, said.out, said.err

    def test_from_sheets_to_awards_and_an_appeal(self, tmp_path, capsys):
        folder = tmp_path / "grading" / "sheets"
        folder.mkdir(parents=True)
        envelope, sheet = _envelope(tmp_path)
        (folder / "one.json").write_text(json.dumps(dict(sheet.content)))
        for who, role in (("gina", "grader"), ("rolf", "releaser"), ("anna", "appeals")):
            assert self._run(capsys, "people", "--add", who, "--role", role)[0] == 0
        status, out, _ = self._run(capsys, "add", tmp_path / "grading", "--by", "gina", "--json")
        assert (status, json.loads(out)[0]["outcome"]) == (0, "added")
        status, out, _ = self._run(capsys, "approve", "--all", "--by", "gina")
        assert status == 2
        status, out, err = self._run(
            capsys, "approve", "--all", "--by", "rolf", "--awards", tmp_path / "awards", "--json"
        )
        assert status == 0, err
        award = json.loads((tmp_path / "awards" / f"{sheet.session}.json").read_text())
        assert json.loads(out)[0]["number"] == award["number"]
        assert json.loads(self._run(capsys, "award", sheet.session)[1]) == award
        pack = tmp_path / "grading" / "packs" / sheet.session
        pack.mkdir(parents=True)
        (pack / "submission.zip").write_bytes(envelope.read_bytes())
        (pack / "pack.json").write_text("{}")
        words = ("appeal", sheet.session, "--reason", "T5", "--by", "anna", "--out", tmp_path)
        words += ("--graded", tmp_path / "grading")
        status, out, _ = self._run(capsys, *words, "--json")
        ticket = json.loads(out)
        assert status == 0
        assert self._run(capsys, "appeals", "--check", ticket["evidence"])[0] == 0
        assert self._run(capsys, "answer", ticket["id"], "review", "--why", "reading", "--by", "anna")[0] == 0
        assert "review" in self._run(capsys, "appeals")[1]
        assert award["number"] in self._run(capsys, "list")[1]
        assert self._run(capsys, "export", "--out", tmp_path / "results.csv")[0] == 0
        assert award["number"] in (tmp_path / "results.csv").read_text()
        status, out, _ = self._run(capsys, "verify", "--json")
        state = json.loads(out)
        assert status == 0
        assert self._run(capsys, "verify", "--length", state["length"], "--head", "0" * 64)[0] == 1
        assert self._run(capsys, "erase", sheet.candidate, "--by", "gina")[0] == 0

    def test_practice_and_errors(self, tmp_path, capsys):
        path = tmp_path / "sheet.json"
        path.write_text(json.dumps({**_passing().content, "mode": "practice"}))
        status, out, _ = self._run(capsys, "practice", path, "--name", "Ada Lovelace")
        assert (status, json.loads(out)["mode"]) == (0, "practice")
        status, _, err = self._run(capsys, "add", path, "--by", "gina")
        assert status == 2
        assert "people --add NAME --role grader" in err
        status, _, err = self._run(capsys, "approve", "--all", "--by", "rolf")
        assert (status, "none that waits" in err) == (2, True)
        assert self._run(capsys, "migrate")[0] == 0
        bad = tmp_path / "names.csv"
        bad.write_text("identifier,name\nada\n")
        status, _, err = self._run(capsys, "candidates", bad)
        assert (status, f"{bad}:2" in err) == (2, True)


def test_the_package_loads_no_database_until_it_is_used():
    script = (
        "import sys, labkit.exams, labkit.exams.records, labkit.exams.statistics, "
        "labkit.exams.commands.release, labkit.exams.records.sheets\n"
        "assert not {'sqlalchemy', 'alembic', 'numpy', 'scipy', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
