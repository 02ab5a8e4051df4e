"""The first tables, with what keeps their rows as they are.

There is no way down: a gradebook is never taken apart.
"""

import sqlalchemy as sa
from alembic import op

revision = "r0001"
down_revision = None
branch_labels = None
depends_on = None

# Table, and what must be unique in it: a row with the same would replace an old one in SQLite.
SEALED = {
    "exam": ["id = NEW.id AND blueprint = NEW.blueprint"],
    "session": ["id = NEW.id"],
    "submission": ["envelope_sha256 = NEW.envelope_sha256"],
    "score_sheet": ["sha256 = NEW.sha256"],
    "decision": ["id = NEW.id", "appeal = NEW.appeal"],
    "release": ["id = NEW.id", "decision = NEW.decision"],
    "credential_number": ["number = NEW.number", "session = NEW.session"],
    "appeal": ["id = NEW.id"],
    "appeal_step": ["id = NEW.id"],
    "event": ["n = NEW.n", "previous = NEW.previous"],
}

# Whoever graded, decided, or is the candidate does not release.
RELEASES_OWN = """
    SELECT 1 FROM decision d
    JOIN session s ON s.id = d.session
    JOIN score_sheet h ON h.sha256 = d.sheet
    WHERE d.id = NEW.decision
      AND NEW.released_by IN (d.decided_by, h.graded_by, s.candidate_key)
"""
# Whoever had a part in a result, or is the candidate, does not decide the appeal against it.
DECIDES_OWN = """
    SELECT 1 FROM session s WHERE s.id = NEW.session AND s.candidate_key = NEW.decided_by
    UNION ALL
    SELECT 1 FROM decision d JOIN score_sheet h ON h.sha256 = d.sheet
    WHERE NEW.appeal IS NOT NULL AND d.session = NEW.session
      AND NEW.decided_by IN (d.decided_by, h.graded_by)
    UNION ALL
    SELECT 1 FROM release r JOIN decision d ON d.id = r.decision
    WHERE NEW.appeal IS NOT NULL AND d.session = NEW.session AND r.released_by = NEW.decided_by
"""
GUARDS = {
    "release": (RELEASES_OWN, "a second person releases: not who graded or decided, not the candidate"),
    "decision": (DECIDES_OWN, "another person decides: not the candidate, nor who had a part in the result"),
}

ROLES = {
    "labkit_reader": (),
    "labkit_grader": (
        "exam",
        "candidate",
        "session",
        "submission",
        "score_sheet",
        "decision",
        "event",
    ),
    "labkit_releaser": ("release", "credential_number", "event"),
    "labkit_appeals": (
        "submission",
        "score_sheet",
        "decision",
        "appeal",
        "appeal_step",
        "event",
    ),
}


def upgrade() -> None:
    """Make everything."""
    _people()
    _results()
    _appeals()
    for table, column in (
        ("submission", "session"),
        ("score_sheet", "envelope_sha256"),
        ("decision", "session"),
        ("appeal", "session"),
        ("appeal_step", "appeal"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _people() -> None:
    op.create_table(
        "officer",
        sa.Column("identifier", sa.String(200), primary_key=True),
        sa.Column("role", sa.String(20), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("since", sa.String(40), nullable=False),
    )
    op.create_table(
        "candidate",
        sa.Column("identifier", sa.String(200), primary_key=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("added_at", sa.String(40), nullable=False),
        sa.Column("erased_at", sa.String(40)),
    )
    op.create_table(
        "exam",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("blueprint", sa.String(40), primary_key=True),
        sa.Column("title", sa.String(200), nullable=False),
        sa.Column("valid_months", sa.Integer, nullable=False),
        sa.Column("standards", sa.Text, nullable=False),
    )
    op.create_table(
        "session",
        sa.Column("id", sa.String(100), primary_key=True),
        sa.Column("candidate", sa.String(200), sa.ForeignKey("candidate.identifier"), nullable=False),
        sa.Column("candidate_key", sa.String(200), nullable=False),
        sa.Column("exam", sa.String(100), nullable=False),
        sa.Column("blueprint", sa.String(40), nullable=False),
        sa.Column("mode", sa.String(20), nullable=False),
        sa.Column("form_commitment", sa.String(100), nullable=False),
        sa.Column("added_at", sa.String(40), nullable=False),
        sa.ForeignKeyConstraint(["exam", "blueprint"], ["exam.id", "exam.blueprint"]),
    )


def _results() -> None:
    op.create_table(
        "submission",
        sa.Column("envelope_sha256", sa.String(64), primary_key=True),
        sa.Column("session", sa.String(100), sa.ForeignKey("session.id"), nullable=False),
        sa.Column("is_verified", sa.Boolean, nullable=False),
        sa.Column("added_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "score_sheet",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("essence", sa.String(64), nullable=False),
        sa.Column(
            "envelope_sha256", sa.String(64), sa.ForeignKey("submission.envelope_sha256"), nullable=False
        ),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("grader", sa.String(100), nullable=False),
        sa.Column("graded_at", sa.String(40), nullable=False),
        sa.Column("graded_by", sa.String(200), nullable=False),
        sa.Column("share", sa.Float, nullable=False),
        sa.Column("added_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "appeal",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("session", sa.String(100), sa.ForeignKey("session.id"), nullable=False),
        sa.Column("sheet", sa.String(64), sa.ForeignKey("score_sheet.sha256"), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("pack_sha256", sa.String(64), nullable=False),
        sa.Column("opened_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "decision",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("session", sa.String(100), sa.ForeignKey("session.id"), nullable=False),
        sa.Column("sheet", sa.String(64), sa.ForeignKey("score_sheet.sha256"), nullable=False),
        sa.Column("passed", sa.Boolean, nullable=False),
        sa.Column("decided_by", sa.String(200), nullable=False),
        sa.Column("decided_at", sa.String(40), nullable=False),
        sa.Column("appeal", sa.Integer, sa.ForeignKey("appeal.id"), unique=True),
    )
    op.create_table(
        "release",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("decision", sa.Integer, sa.ForeignKey("decision.id"), nullable=False, unique=True),
        sa.Column("released_by", sa.String(200), nullable=False),
        sa.Column("released_at", sa.String(40), nullable=False),
    )
    op.create_table(
        "credential_number",
        sa.Column("number", sa.String(40), primary_key=True),
        sa.Column("session", sa.String(100), sa.ForeignKey("session.id"), nullable=False, unique=True),
        sa.Column("given_at", sa.String(40), nullable=False),
    )


def _appeals() -> None:
    op.create_table(
        "appeal_step",
        sa.Column("id", sa.Integer, sa.Identity(), primary_key=True),
        sa.Column("appeal", sa.Integer, sa.ForeignKey("appeal.id"), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("by", sa.String(200), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("at", sa.String(40), nullable=False),
    )
    op.create_table(
        "event",
        sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("actor", sa.String(200), nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("previous", sa.String(64), nullable=False, unique=True),
        sa.Column("digest", sa.String(64), nullable=False),
    )


def _guard_sqlite() -> None:
    for table, keys in SEALED.items():
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        # INSERT OR REPLACE deletes without asking the trigger for DELETE.
        there = " OR ".join(f"({key})" for key in keys)
        found = f"SELECT 1 FROM {table} WHERE {there}"  # noqa: S608 - names of our own
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS ({found}) "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only: it holds such a row'); END"
        )
    for table, (found, message) in GUARDS.items():
        op.execute(
            f"CREATE TRIGGER {table}_by_another BEFORE INSERT ON {table} WHEN EXISTS ({found}) "
            f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
        )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION labkit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ "
        "BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
    )
    for table in SEALED:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION labkit_append_only()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION labkit_append_only()"
        )
    for table, (found, message) in GUARDS.items():
        op.execute(
            f"CREATE FUNCTION labkit_{table}_by_another() RETURNS trigger LANGUAGE plpgsql AS $$ "
            f"BEGIN IF EXISTS ({found}) THEN RAISE EXCEPTION '{message}'; END IF; RETURN NEW; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_by_another BEFORE INSERT ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION labkit_{table}_by_another()"
        )
    for role, inserts in ROLES.items():
        op.execute(
            f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') "
            f"THEN CREATE ROLE {role} NOLOGIN; END IF; END $$"
        )
        for table in ("officer", "candidate", "alembic_version", *SEALED):
            op.execute(f"GRANT SELECT ON {table} TO {role}")
        for table in inserts:
            op.execute(f"GRANT INSERT ON {table} TO {role}")
