"""Nothing that a candidate can read holds a seed or a key of a private pool."""

import json
import re
import zipfile
from pathlib import Path

import pytest

import labkit
from labkit.exams.examiner import Candidate, Examiner
from labkit.exams.sitting import make_sitting
from labkit.exams.task import read_variants, tasks_of
from labkit.exams.task.playing import issue
from tests.exam_example import make_exam, variants

ROOT = Path(__file__).resolve().parents[2]
FIRST = 918_273
"""Variants of the private pool are counted from here, so that their seeds stand nowhere by chance."""


@pytest.fixture(scope="module")
def private(tmp_path_factory):
    """An examiner with a private pool, and a sitting that was played and submitted."""
    base = tmp_path_factory.mktemp("secrets")
    exam = make_exam(base / "exams")
    pool = base / "pool"
    for slot in ("T1", "T5"):
        (pool / "tasks" / slot).mkdir(parents=True)
        (pool / "tasks" / slot / "variants.toml").write_text(variants(slot, 12, FIRST))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABKIT_EXAMS", str(exam.parent))
        examiner = Examiner.create(base / "examiner", "a long password", exam=exam, pool=pool)
        session = examiner.open_session(Candidate("Ada", "a-17"))
        sitting = make_sitting(examiner, session, base / "sitting")
        sitting.hand_in("T5", claimed_gain=0.5)
        sitting.submit()
        secrets = [str(v.seed) for slot in ("T1", "T5") for v in read_variants(pool / "tasks" / slot)]
        secrets += [f'"{name}"' for name in session.variants.values()]
        secrets += _spellings(examiner.keys.master) + _spellings(examiner.keys.signing)
        yield base, [each.encode() for each in secrets]


def _spellings(secret):
    import base64

    plain = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    return [secret.hex(), plain, base64.b64encode(secret).decode().rstrip("=")]


def _files(folder):
    """Yield every file below a folder, and every member of every zip."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield path, path.read_bytes()
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    yield from ((path / name, archive.read(name)) for name in archive.namelist())


def test_the_candidates_folder_holds_no_seed_no_variant_and_no_key(private):
    base, secrets = private
    found = list(_files(base / "sitting"))
    assert len(found) > 10
    leaks = [(path, secret) for path, content in found for secret in secrets if secret in content]
    assert leaks == []


def test_the_examiners_own_folder_holds_the_keys_sealed(private):
    base, secrets = private
    keys = secrets[-6:]
    leaks = [path for path, content in _files(base / "examiner") for key in keys if key in content]
    assert leaks == []


@pytest.mark.parametrize("kind", ["labkit", "exams", "notebooks", "docs"])
def test_nothing_that_ships_or_is_served_holds_a_secret_of_the_pool(private, kind):
    _, secrets = private
    wanted = re.compile(b"|".join(re.escape(each) for each in secrets if not each.startswith(b'"')))
    assert [path for path, content in _files(ROOT / kind) if wanted.search(content)] == []


def test_neither_the_package_nor_what_is_served_holds_a_key_or_a_private_pool():
    served = ROOT / "labkit" / "server"
    for folder in (Path(labkit.__file__).parent, ROOT / "exams", ROOT / "notebooks", served):
        for path in folder.rglob("*"):
            assert path.name not in ("keys.json", "examiner.json", "sessions"), path
            assert "private" not in path.name, path


def test_a_notebook_of_the_exam_names_no_seed():
    """A solution trains models, with seeds of its own; what is issued has none at all."""
    seeds = [str(variant.seed) for task in tasks_of().values() for variant in read_variants(task.folder)]
    for path in (ROOT / "exams").rglob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        issued_only = r"|\bseed\b" * (path.name != "solution.ipynb")
        secret = rf"variant\.seed|variants\.toml|reference\.json|open_session{issued_only}"
        assert not re.search(secret, text), path
        assert not [seed for seed in seeds if seed in text], path


@pytest.mark.parametrize("task", tasks_of().values(), ids=lambda task: task.id)
def test_the_facts_of_a_task_hold_neither_its_seed_nor_its_variant(task):
    variant = read_variants(task.folder)[0]
    issued = issue(task, variant)
    facts = json.dumps(issued.facts)
    assert not re.search(rf"(?<!\d){variant.seed}(?!\d)", facts) or variant.seed < 1000
    assert f'"{variant.id}"' not in facts
    assert not {"seed", "variant", "answer", "answers", "solution"} & set(issued.facts)
